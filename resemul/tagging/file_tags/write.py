"""Writing one song: in place if the new tag fits, else as a new file in its stead."""

import os
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resemul.errors import FileTagsError
from resemul.runtime.files import file_sha256
from resemul.tagging.file_tags.splices import Splice, growth
from resemul.tagging.file_tags.verify import changed_view

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class WriteRules:
    """What a user allows.

    Attributes:
        keep_times: the file keeps its time of modification.
        break_links: a file with several names may become one of its own.
    """

    keep_times: bool = False
    break_links: bool = False


def check_writable(path: Path, rules: WriteRules, in_place: bool) -> os.stat_result:
    """What the system says of a file that may be written.

    Raises:
        FileTagsError: it may not, or writing would separate its hard links.
        OSError: it cannot be looked at.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise FileTagsError("is no file")
    # Of root, access() says that everything may be written.
    if not found.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise FileTagsError("is read-only")
    if not in_place and not os.access(path.parent, os.W_OK):
        raise FileTagsError(
            "the new tag does not fit into the old one's place, and the folder is "
            "read-only"
        )
    if not in_place and found.st_nlink > 1 and not rules.break_links:
        raise FileTagsError(
            f"has {found.st_nlink} hard links, and the new tag does not fit into the "
            "old one's place; --break-hard-links makes it a file of its own"
        )
    return found


def require_same(path: Path, before: os.stat_result) -> None:
    """Makes sure that nobody touched a file since it was looked at.

    Raises:
        FileTagsError: somebody did.
    """
    now = path.stat()
    seen, there = (
        (s.st_size, s.st_mtime_ns, s.st_ino, s.st_dev) for s in (before, now)
    )
    if seen != there:
        raise FileTagsError("was changed by another program just now")


def write_in_place(path: Path, splices: Sequence[Splice], size: int) -> None:
    """Writes the spans into the file and gives it its size; on disk afterwards.

    Args:
        splices: as of `fit_in_place`.
        size: of the file afterwards, in bytes.
    """
    with path.open("r+b", buffering=0) as file:
        longer = size - os.fstat(file.fileno()).st_size
        if longer > 0 and hasattr(os, "posix_fallocate"):
            # A full disk is found out before a byte is changed.
            os.posix_fallocate(file.fileno(), size - longer, longer)
        for splice in splices:
            file.seek(splice.offset)
            _write_all(file.fileno(), splice.new)
        file.truncate(size)
        os.fsync(file.fileno())


def _write_all(number: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(number, left) :]


def replace_file(
    path: Path,
    temporary: Path,
    splices: Sequence[Splice],
    sha256: str,
    before: os.stat_result,
) -> None:
    """Writes the new file beside the old one, compares it, and puts it in its place.

    It has the mode, owner, times and extended attributes of the old one.

    Raises:
        FileTagsError: what is on the disk is not what was written, the owner cannot
            be kept, or the old file changed meanwhile.
        OSError: it cannot be written.
    """
    with path.open("rb") as old, temporary.open("xb") as new:
        with changed_view(old, before.st_size, splices) as view:
            shutil.copyfileobj(view, new, _BLOCK_BYTES)
        new.flush()
        os.fsync(new.fileno())
    if file_sha256(temporary) != sha256:
        raise FileTagsError("the disk does not give back what was written to it")
    _copy_owner(temporary, before)
    shutil.copystat(path, temporary)
    require_same(path, before)
    temporary.replace(path)
    sync_file(path.parent)


def _copy_owner(temporary: Path, before: os.stat_result) -> None:
    made = temporary.stat()
    if (made.st_uid, made.st_gid) == (before.st_uid, before.st_gid):
        return
    try:
        os.chown(temporary, before.st_uid, before.st_gid)
    except OSError:
        raise FileTagsError(
            "belongs to another user, and the new tag does not fit into the old one's "
            "place"
        ) from None


def sync_file(path: Path) -> None:
    """Waits until a file, or a folder's list of files, is on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def set_time(path: Path, time_ns: int | None) -> None:
    """Sets the time of modification, in nanoseconds since 1970; None: to now."""
    if time_ns is None:
        os.utime(path)
    else:
        os.utime(path, ns=(path.stat().st_atime_ns, time_ns))


def write_change(
    path: Path,
    temporary: Path,
    splices: Sequence[Splice],
    *,
    in_place: bool,
    sha256: str,
    before: os.stat_result,
) -> None:
    """Writes one or the other way, and makes sure of what is on the disk then.

    Raises:
        FileTagsError, OSError: it is not; the file may be half written in place.
    """
    if in_place:
        require_same(path, before)
        write_in_place(path, splices, before.st_size + growth(splices))
    else:
        replace_file(path, temporary, splices, sha256, before)
    if file_sha256(path) != sha256:
        raise FileTagsError("the disk does not give back what was written to it")
