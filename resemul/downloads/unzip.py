"""A zip archive from the network, unpacked with distrust."""

import logging
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from resemul.downloads.space import require_space
from resemul.errors import DownloadError
from resemul.runtime.progress import BYTES, Progress, format_bytes

logger = logging.getLogger(__name__)

_TEMPORARY_SUFFIX = ".part"
_ENCRYPTED_FLAG = 0x1


def unzip(
    archive: IO[bytes],
    name: str,
    folder: Path,
    *,
    place: Callable[[PurePosixPath], PurePosixPath | None] = lambda entry: entry,
    max_ratio: float = 20.0,
) -> dict[str, int]:
    """Unpacks the files of an archive; returns their size by path under `folder`.

    The whole list of contents is checked before anything is written. Files that
    are there with the right size are left alone.

    Args:
        archive: seekable.
        name: of the archive, for messages.
        folder: where to.
        place: entry to path under `folder`; None leaves the entry out.
        max_ratio: most bytes to unpack per byte of the archive.

    Raises:
        DownloadError: not a zip archive, broken, or it contains what it should not.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _check_entries(opened, name, place)
            _check_ratio(members, archive, name, max_ratio)
            todo = {
                path: info
                for path, info in members.items()
                if not _is_unpacked(folder / path, info)
            }
            num_bytes = sum(info.file_size for info in todo.values())
            require_space(folder, num_bytes, f"unpack {name}")
            with Progress(num_bytes, BYTES, f"unpack {name}") as progress:
                for path, info in todo.items():
                    _unpack_one(opened, info, folder / path, name)
                    progress.advance(info.file_size)
    except zipfile.BadZipFile as error:
        raise DownloadError(
            f"{name} is not a zip archive ({error}); delete it and run again"
        ) from error
    except OSError as error:
        raise DownloadError(f"{name} cannot be unpacked: {error}") from error
    return {str(path): info.file_size for path, info in members.items()}


def _check_entries(
    opened: zipfile.ZipFile,
    name: str,
    place: Callable[[PurePosixPath], PurePosixPath | None],
) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Returns the files to unpack by target path; raises at the first bad entry."""
    members: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for info in opened.infolist():
        problem = _find_problem(info)
        target = (
            None if problem or info.is_dir() else place(PurePosixPath(info.filename))
        )
        if target in members:
            problem = "has the same place as another one"
        if problem:
            raise DownloadError(
                f"{name}: entry {info.orig_filename!r} {problem}; nothing was "
                "unpacked, because an intact archive has no such entry: delete it "
                "and fetch it from another mirror"
            )
        if target is not None:
            members[target] = info
    return members


def _find_problem(info: zipfile.ZipInfo) -> str | None:
    # zipfile cuts names at a NUL: look at the name as it is in the archive.
    entry = info.orig_filename
    if entry.startswith(("/", "\\")):
        return "is an absolute path"
    if re.match(r"[A-Za-z]:", entry):
        return "names a drive"
    if ".." in re.split(r"[/\\]", entry):
        return "leads out of the folder ('..')"
    if "\\" in entry or "\0" in entry:
        return "is not a usable file name"
    # The upper half holds the Unix mode; 0 where the archiver stored none.
    file_type = stat.S_IFMT(info.external_attr >> 16)
    if file_type not in (0, stat.S_IFREG, stat.S_IFDIR):
        kind = "a symbolic link" if stat.S_ISLNK(file_type) else "a special file"
        return f"is {kind}"
    if info.flag_bits & _ENCRYPTED_FLAG:
        return "is encrypted"
    return None


def _check_ratio(
    members: dict[PurePosixPath, zipfile.ZipInfo],
    archive: IO[bytes],
    name: str,
    max_ratio: float,
) -> None:
    archive_bytes = archive.seek(0, 2)
    unpacked_bytes = sum(info.file_size for info in members.values())
    if unpacked_bytes > max_ratio * archive_bytes:
        raise DownloadError(
            f"{name} claims to hold {format_bytes(unpacked_bytes)} in "
            f"{format_bytes(archive_bytes)}, more than {max_ratio:g} times as much; "
            "nothing was unpacked, because this looks like a zip bomb"
        )


def _is_unpacked(path: Path, info: zipfile.ZipInfo) -> bool:
    return path.is_file() and path.stat().st_size == info.file_size


def _unpack_one(
    opened: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, name: str
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + _TEMPORARY_SUFFIX)
    try:
        # zipfile gives no more bytes than the size that was checked before.
        with opened.open(info) as source, temporary.open("wb") as target:
            shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        temporary.unlink(missing_ok=True)
        raise DownloadError(
            f"{name}: entry {info.filename!r} is broken ({error}); delete {name} and "
            "run again"
        ) from error
    temporary.replace(path)
