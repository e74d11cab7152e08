"""A user's own files, found and told apart."""

import glob
import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from resemul.audio.source import printable
from resemul.configs.audio import AUDIO_SUFFIXES
from resemul.errors import AudioError

logger = logging.getLogger(__name__)

_BLOCK_BYTES = 2**16


def find_audio(paths: Iterable[str]) -> list[str]:
    """`iterate_audio`, as a list."""
    return list(iterate_audio(paths))


def iterate_audio(paths: Iterable[str]) -> Iterator[str]:
    """Finds audio files, each once, in the order of the paths; folders are sorted.

    Of a folder, and those in it, it is the files whose suffix says audio; names that
    begin with a dot are left out, and a folder that was seen already, through a link
    say, is not entered again. A path that is no file is taken as a pattern, such as
    `*.mp3` and `**/*.mp3`. A file that is named is taken whatever its suffix, even if
    it does not exist: reading it will say so. The memory does not grow with their
    number.

    Raises:
        AudioError: at the end; nothing was found at all, or nothing of it exists.
    """
    said: list[str] = []
    first, one_exists = None, False
    yielded, entered = _Seen(), set[tuple[int, int]]()
    for path in paths:
        is_empty = True
        for name in _expand(path, entered):
            is_empty = False
            if yielded.add(name):
                first = first or name
                one_exists = one_exists or _exists(name)
                yield name
        if is_empty:
            logger.warning("%s holds no audio file", printable(path))
            said.append(path)
    if first is None:
        where = ", ".join(map(printable, said)) or "the list"
        raise AudioError(
            f"no audio file in {where}; looked for {', '.join(AUDIO_SUFFIXES)}"
        )
    if not one_exists:
        raise AudioError(f"{printable(first)} does not exist")


class _Seen:
    """A set of any size, in a file that is gone when nobody has it open."""

    def __init__(self) -> None:
        self._table = sqlite3.connect("", isolation_level=None)
        self._table.execute("PRAGMA journal_mode = OFF")
        self._table.execute("CREATE TABLE seen (mark BLOB PRIMARY KEY) WITHOUT ROWID")
        self._table.execute("BEGIN")

    def add(self, path: str) -> bool:
        """Whether it is new."""
        mark = hashlib.blake2b(os.fsencode(path), digest_size=16).digest()
        done = self._table.execute("INSERT OR IGNORE INTO seen VALUES (?)", (mark,))
        return done.rowcount == 1


def read_list(file: BinaryIO) -> list[str]:
    """`iterate_list`, as a list."""
    return list(iterate_list(file))


def iterate_list(file: BinaryIO) -> Iterator[str]:
    """Paths out of a list: one a line, or ended by zero bytes, as `find -print0` does.

    Names are bytes, of any encoding; empty lines are left out.
    """
    rest = file.read(_BLOCK_BYTES)
    # A path is shorter than a block.
    separator = b"\0" if b"\0" in rest else b"\n"
    while rest:
        *lines, rest = rest.split(separator)
        for line in lines:
            if name := line.removesuffix(b"\r"):
                yield os.fsdecode(name)
        block = file.read(_BLOCK_BYTES)
        if not block:
            if name := rest.removesuffix(b"\r"):
                yield os.fsdecode(name)
            return
        rest += block


def fingerprint(path: str, parameters: dict[str, Any]) -> str | None:
    """Identity of a file as it is now, heard with these parameters.

    It changes with the path, the size, the time of the last change, and any
    parameter. None for what is not there.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - the name may be any bytes
    except (OSError, ValueError):
        return None
    full_path = os.path.abspath(path)  # noqa: PTH100
    identity = [full_path, status.st_size, status.st_mtime_ns, parameters]
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _expand(path: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    try:
        is_folder = Path(path).is_dir()
    except (OSError, ValueError):
        is_folder = False
    if is_folder:
        yield from _walk(path, seen)
    elif glob.has_magic(path) and not _exists(path):
        yield from _audio_of_pattern(path, seen)
    else:
        yield path


def _exists(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except (OSError, ValueError):
        return False


def _audio_of_pattern(pattern: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    for path in sorted(glob.iglob(pattern, recursive=True), key=os.fsencode):  # noqa: PTH207
        if not Path(path).is_dir():
            yield path
        elif "**" not in pattern:
            yield from _walk(path, seen)


def _walk(root: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    unreadable: list[str] = []

    def note(error: OSError) -> None:
        unreadable.append(str(error.filename))

    for folder, subfolders, files in os.walk(root, onerror=note, followlinks=True):
        if _is_seen(folder, seen):
            subfolders[:] = []
            continue
        subfolders[:] = _visible(subfolders)
        for name in _visible(files):
            if os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES:  # noqa: PTH122
                yield os.path.join(folder, name)  # noqa: PTH118
        # A result that says so, where the files would be.
        yield from unreadable
        unreadable.clear()
    yield from unreadable


def _is_seen(folder: str, seen: set[tuple[int, int]]) -> bool:
    status = os.stat(folder)  # noqa: PTH116
    identity = status.st_dev, status.st_ino
    is_seen = identity in seen
    seen.add(identity)
    return is_seen


def _visible(names: Iterable[str]) -> list[str]:
    return sorted((name for name in names if name[0] != "."), key=os.fsencode)
