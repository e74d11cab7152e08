"""Files tagged in bundles of some hundred, by whichever machines, into parts.

A part holds the results of a bundle and gets its name when it is whole. The name says
which files and what models, so that whoever makes it makes the same, and what is there
is not made again. Nothing here grows with the number of files.
"""

import hashlib
import json
import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from resemul.configs.tagging import HearingConfig, LibraryConfig
from resemul.errors import ConfigError, WeightsError
from resemul.runtime.files import atomic_write
from resemul.tagging.library import fingerprint
from resemul.tagging.many import tag_many
from resemul.tagging.packing import pack, unpack
from resemul.tagging.results import TagResult
from resemul.tagging.resume import parameters_of
from resemul.tagging.tagger import Tagger

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Models:
    """Models by name or path; a worker opens them once, they are never sent."""

    names: tuple[str, ...]
    runtime: str = "auto"
    hearing: HearingConfig = field(default_factory=HearingConfig)
    trust: bool = False

    def open(self) -> list[Tagger]:
        """A tagger for each."""
        return [
            Tagger(
                name,
                runtime=self.runtime,
                hop=self.hearing.hop,
                tail=self.hearing.tail,
                trust=self.trust,
            )
            for name in self.names
        ]


@dataclass(frozen=True)
class Work:
    """What is made of each bundle, and where."""

    folder: Path
    models: Models
    library: LibraryConfig
    # Of `parameters_of`, as whoever shares out the work knows them.
    parameters_json: str
    with_embeddings: bool = False
    with_envelope: bool = False

    @classmethod
    def of(
        cls,
        folder: Path,
        models: Models,
        taggers: Sequence[Tagger],
        library: LibraryConfig,
        *,
        with_embeddings: bool = False,
        with_envelope: bool = False,
    ) -> "Work":
        """The work of these taggers, which are those of `models`."""
        parameters = parameters_of(taggers, with_embeddings, with_envelope)
        said = json.dumps(parameters, sort_keys=True)
        return cls(folder, models, library, said, with_embeddings, with_envelope)


@dataclass(frozen=True)
class Bundle:
    """Some of the files, and the name of the part that holds their results."""

    paths: tuple[str, ...]
    part: str


class Bundles:
    """A stream of paths cut into bundles, which wait in a file: any number of them.

    Args:
        paths: of the files.
        work: what is made of them.
    """

    def __init__(self, paths: Iterable[str], work: Work) -> None:
        self.num_files = self.num_bundles = 0
        self._digest = hashlib.sha256()
        self._file = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115
        stream, size = iter(paths), work.library.files_per_part
        while of_bundle := tuple(islice(stream, size)):
            content = json.dumps([of_bundle, work.parameters_json])
            digest = hashlib.sha256(content.encode()).hexdigest()[:16]
            part = f"{self.num_bundles:07d}-{digest}.npz"
            self._digest.update(part.encode())
            self._file.write(json.dumps([of_bundle, part]) + "\n")
            self.num_bundles += 1
            self.num_files += len(of_bundle)

    @property
    def digest(self) -> str:
        """What tells the whole of the work from any other."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[Bundle]:
        """One after the other; one iteration at a time."""
        self._file.seek(0)
        while line := self._file.readline():
            paths, part = json.loads(line)
            yield Bundle(tuple(paths), part)


def tag_bundle(
    bundle: Bundle, work: Work, taggers: Sequence[Tagger] | None = None
) -> int:
    """Makes a part, unless it is there and its files are as they were.

    Args:
        bundle: which files.
        work: what of them.
        taggers: opened already; else this process opens them, once.

    Returns:
        How many of the files were known already.

    Raises:
        WeightsError: the models are others than those of whoever shares out the work.
        ConfigError: the part cannot be written.
    """
    path = work.folder / bundle.part
    parameters = json.loads(work.parameters_json)
    marks = [fingerprint(name, parameters) for name in bundle.paths]
    known: dict[str, list[TagResult]] = {}
    if (earlier := unpack(path)) is not None:
        known = {m: r for r, m in zip(*earlier, strict=True) if m is not None}
    new = [p for p, mark in zip(bundle.paths, marks, strict=True) if mark not in known]
    if not new:
        return len(marks)
    if taggers is None:
        taggers = _open(work.models)
    said = parameters_of(taggers, work.with_embeddings, work.with_envelope)
    if json.loads(json.dumps(said)) != parameters:
        raise WeightsError(
            f"{', '.join(work.models.names)} on this machine is not what the command "
            "that shares out the work has; give paths of the same model files"
        )
    made = tag_many(
        taggers,
        new,
        work.library,
        with_embeddings=work.with_embeddings,
        with_envelope=work.with_envelope,
    )
    results = [known[m] if m in known else next(made) for m in marks]
    list(made)  # ends its processes
    _write(path, pack(results, marks))
    return len(marks) - len(new)


def read_bundle(bundle: Bundle, work: Work) -> list[list[TagResult]]:
    """The results of a bundle, by file and model.

    Raises:
        ConfigError: its part is not there, or damaged.
    """
    found = unpack(work.folder / bundle.part)
    if found is None:
        raise ConfigError(
            f"{work.folder / bundle.part} is damaged; the same command makes it again"
        )
    return found[0]


def _write(path: Path, content: bytes) -> None:
    try:
        with atomic_write(path, "wb") as file:
            file.write(content)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}; what was finished is kept, "
            "and the same command goes on from there"
        ) from error


@cache
def _open(models: Models) -> list[Any]:
    return models.open()
