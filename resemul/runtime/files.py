"""Files that appear whole or not at all, locks between processes, and hashes."""

import hashlib
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import filelock

logger = logging.getLogger(__name__)

# Longer than any clip takes, and clocks of two machines differ.
_LEFT_OVER_SECONDS = 3600.0


@contextmanager
def atomic_write(
    path: Path, mode: str = "w", *, durable: bool = False
) -> Iterator[IO[Any]]:
    """Opens a file that gets the name `path` when the block ends without an error.

    Until then it is a hidden file in the same folder; after an error it is gone and
    what was at `path` before is still there. Text is UTF-8 with unchanged line ends;
    names of files that are not Unicode come out as the bytes they are.

    Args:
        path: where the file shall be.
        mode: `w` for text, `wb` for bytes.
        durable: wait until the bytes are on the disk, so that not even a power cut
            leaves an empty file of that name.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{own_mark()}.part")
    text = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
    text = {} if "b" in mode else text
    try:
        with part.open(mode, **text) as file:  # type: ignore[call-overload]
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
        if durable:
            _sync_folder(path.parent)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def own_mark() -> str:
    """What tells temporary files of this process from those of any other machine's."""
    return f"{_host()}@{os.getpid()}"


def is_left_over(part: Path) -> bool:
    """Whether nobody writes a temporary file any more, `name.MARK.part`.

    Its process is gone; of other machines' it is known by an hour without a change.
    """
    host, _, number = part.name.removesuffix(".part").rpartition(".")[2].rpartition("@")
    if host == _host() and number.isdecimal():
        return not _is_alive(int(number))
    try:
        return time.time() - part.stat().st_mtime > _LEFT_OVER_SECONDS
    except FileNotFoundError:
        return False


def _host() -> str:
    return socket.gethostname().replace(".", "_")


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's
    return True


def rename_durably(part: Path, path: Path) -> None:
    """Gives a finished file its name, when its bytes are on the disk.

    Raises:
        OSError: they cannot be written, or it cannot be renamed.
    """
    number = os.open(part, os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
    part.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not on Windows
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Lets one process at a time go on; `path` is the lock's own file, which stays.

    Args:
        path: in a folder that exists.
        wait: for the process that holds the lock; else it is an error.

    Raises:
        BlockingIOError: another process holds it, and `wait` is off.
        OSError: the file cannot be written.
    """
    lock = filelock.FileLock(path)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        if not wait:
            raise BlockingIOError(f"{path} is held by another process") from None
        logger.info("waiting for another process that holds %s", path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ends_sha256(path: Path, num_bytes: int = 65_536) -> str:
    """SHA-256 of the beginning and the end of a file: a look at it in a moment."""
    with Path(path).open("rb") as file:
        digest = hashlib.sha256(file.read(num_bytes))
        file.seek(max(file.tell(), os.fstat(file.fileno()).st_size - num_bytes))
        digest.update(file.read())
    return digest.hexdigest()
