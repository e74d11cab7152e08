"""Finished files remembered, so that a run that was stopped goes on from there."""

import glob
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from resemul.audio.source import printable
from resemul.configs.tagging import LibraryConfig
from resemul.errors import ConfigError
from resemul.runtime.files import atomic_write, locked
from resemul.tagging.decoding import SpareDecoders
from resemul.tagging.library import fingerprint
from resemul.tagging.many import tag_many
from resemul.tagging.packing import pack, unpack
from resemul.tagging.results import TagResult
from resemul.tagging.tagger import Tagger

# Changes when parts of before can no longer be read.
_FORMAT = 2


def parameters_of(
    taggers: Sequence[Tagger], with_embeddings: bool, with_envelope: bool
) -> dict[str, Any]:
    """All that shapes what a part holds, apart from the file."""
    return {
        "format": _FORMAT,
        "models": [
            [
                tagger.name,
                tagger.card.sha256,
                repr(tagger.listening),
                tagger.runtime.name,
            ]
            for tagger in taggers
        ],
        "embeddings": with_embeddings,
        "envelope": with_envelope,
    }


class Parts:
    """A folder with a small file for each finished one, named by its fingerprint.

    A context manager: one run at a time may use it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()

    @classmethod
    def beside(cls, output: Path) -> "Parts":
        """The parts of the run that writes `output`: a hidden folder beside it."""
        return cls(output.with_name(f".{output.name}.parts"))

    def __enter__(self) -> "Parts":
        """Makes the folder, and clears away what a run that was killed has begun.

        Raises:
            ConfigError: it cannot be written, or another run uses it.
        """
        name = printable(str(self.folder))
        try:
            self.folder.mkdir(exist_ok=True)
            self._stack.enter_context(locked(self.folder / ".lock", wait=False))
            output = self.folder.name.removesuffix(".parts")
            begun = [
                *self.folder.glob(".*.part"),
                *self.folder.parent.glob(f"{glob.escape(output)}.*.part"),
            ]
            for path in begun:
                path.unlink(missing_ok=True)
        except BlockingIOError:
            raise ConfigError(
                f"another run uses {name}; wait for its end, or write to another file"
            ) from None
        except OSError as error:
            raise ConfigError(f"{name} cannot be made: {error.strerror}") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def has(self, mark: str | None) -> bool:
        """Whether a file with this fingerprint was finished."""
        return mark is not None and self._path(mark).exists()

    def read(self, mark: str | None) -> list[TagResult] | None:
        """The results of a file; None if it is to be tagged, for the first time or
        because its part is damaged.
        """
        if mark is None:
            return None
        found = unpack(self._path(mark))
        return None if found is None else found[0][0]

    def write(self, mark: str | None, results: Sequence[TagResult]) -> None:
        """Remembers the results of a file.

        Raises:
            ConfigError: they cannot be written.
        """
        if mark is None:
            return
        path = self._path(mark)
        try:
            with atomic_write(path, "wb") as file:
                file.write(pack([results]))
        except OSError as error:
            raise ConfigError(
                f"{printable(str(path))} cannot be written: {error.strerror}; what "
                "was finished is kept, and --resume goes on from there"
            ) from error

    def _path(self, mark: str) -> Path:
        return self.folder / f"{mark}.npz"


def tag_with_parts(
    taggers: Sequence[Tagger],
    paths: Sequence[str],
    config: LibraryConfig,
    parts: Parts | None,
    *,
    with_embeddings: bool = False,
    with_envelope: bool = False,
    spare: SpareDecoders | None = None,
) -> Iterator[tuple[list[TagResult], bool]]:
    """`tag_many`, but for files that an earlier run has finished with these options.

    Without `parts` nothing is remembered.

    Yields:
        For each file, in order, its results, and whether they were known already.
    """
    flags: dict[str, Any] = {
        "with_embeddings": with_embeddings,
        "with_envelope": with_envelope,
    }
    parameters = parameters_of(taggers, **flags)
    marks = [fingerprint(path, parameters) if parts else None for path in paths]
    are_known = [parts is not None and parts.has(mark) for mark in marks]
    new_paths = [
        p for p, is_known in zip(paths, are_known, strict=True) if not is_known
    ]
    new: Iterator[list[TagResult]] = iter(())
    if new_paths:
        new = tag_many(taggers, new_paths, config, spare=spare, **flags)
    for path, mark, is_known in zip(paths, marks, are_known, strict=True):
        known = parts.read(mark) if parts is not None and is_known else None
        if known is not None:
            yield known, True
            continue
        # A part that is damaged is done anew.
        [results] = (
            tag_many(taggers, [path], config, **flags) if is_known else [next(new)]
        )
        if parts is not None:
            parts.write(mark, results)
        yield results, False
