"""What all writers share: where they write, and what they may be told."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, TextIO

from resemul.audio.source import printable
from resemul.errors import ConfigError
from resemul.runtime.files import atomic_write
from resemul.tagging.results import TagResult


@dataclass(frozen=True)
class WriteOptions:
    """What a writer is told before the first result.

    `tags` are the names of every model's tags that may be shown, each once.
    """

    models: tuple[str, ...]
    tags: tuple[str, ...]
    with_timeline: bool = False
    # Of the table for people: colours, and characters that are not ASCII.
    in_colour: bool = False
    in_unicode: bool = True


class Writer(Protocol):
    """Takes result after result; what it opened ends with its context."""

    def write(self, result: TagResult) -> None:
        """Writes one result."""


@contextmanager
def open_text(path: Path | None, stream: TextIO) -> Iterator[TextIO]:
    """A text file that appears when the block ends without an error; else `stream`.

    Names that are not Unicode are written as the bytes that they are.

    Raises:
        ConfigError: it cannot be written.
    """
    if path is None:
        yield stream
        return
    with open_binary(path) as file:
        text = io.TextIOWrapper(
            file, "utf-8", errors="surrogateescape", newline="", write_through=False
        )
        try:
            yield text
            text.flush()
        finally:
            text.detach()


@contextmanager
def open_binary(path: Path) -> Iterator[IO[Any]]:
    """A file that appears when the block ends without an error.

    Raises:
        ConfigError: it cannot be written.
    """
    name = printable(str(path))
    if path.is_dir():
        raise ConfigError(f"{name} is a folder; give the name of a file in it")
    try:
        with atomic_write(path, "wb") as file:
            yield file
    except OSError as error:
        raise ConfigError(f"{name} cannot be written: {error.strerror}") from error


def file_names(stems: list[str], suffix: str) -> list[str]:
    """A name for each file that is to be written into one folder, none twice."""
    used: set[str] = set()
    names = []
    for stem in stems:
        name, number = f"{stem}{suffix}", 2
        while name.lower() in used:
            name, number = f"{stem}-{number}{suffix}", number + 1
        used.add(name.lower())
        names.append(name)
    return names


def archive_names(models: Sequence[str]) -> dict[str, str]:
    """By model, what stands before its arrays in an archive: a name, never a path."""
    stems = [printable(Path(model).stem) for model in models]
    return dict(zip(models, file_names(stems, ""), strict=True))
