"""Where audio comes from: a file by its path, bytes, or an open file."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from resemul.errors import AudioError

# What every function that reads audio takes. An open file is read from its start,
# if it can seek, and is left open.
Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


def source_name(source: Source) -> str:
    """What messages call a source; on one line, whatever the name of the file is."""
    if isinstance(source, bytes | bytearray | memoryview):
        return f"audio of {memoryview(source).nbytes} bytes"
    if isinstance(source, str | os.PathLike):
        return printable(os.fspath(source))
    return printable(str(getattr(source, "name", "an open file")))


def printable(text: str) -> str:
    """The text with escapes in place of what a terminal would not show as it is.

    That is line breaks, control characters, and bytes of names that are not Unicode.
    """
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape").decode()
        for character in text
    )


@contextmanager
def open_source(source: Source) -> Iterator[BinaryIO]:
    """Opens a source for reading; what was opened here is closed here.

    Raises:
        AudioError: there is no such file, it is empty, may not be read, or is
            something that could be waited on for ever: a pipe or a device.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        if not memoryview(source).nbytes:
            raise AudioError("the audio is empty (0 bytes)")
        yield io.BytesIO(source)
    elif isinstance(source, str | os.PathLike):
        with _open_file(Path(source)) as file:
            yield file
    elif source.seekable():
        source.seek(0)
        yield source
    else:  # most formats have to go back and forth
        yield io.BytesIO(source.read())


def _open_file(path: Path) -> BinaryIO:
    name = source_name(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise AudioError(f"{name} is a folder, not an audio file")
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(f"{name} is a pipe or a device, not an audio file")
        if status.st_size == 0:
            raise AudioError(f"{name} is empty (0 bytes)")
        return path.open("rb")
    except FileNotFoundError:
        raise AudioError(f"{name} does not exist") from None
    except (OSError, ValueError) as error:
        raise AudioError(f"{name} cannot be opened: {reason_of(error)}") from error


def reason_of(error: Exception) -> str:
    """A library's error in words: without its number, without a name of a function."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error) or type(error).__name__
