"""A zip archive whose checksum was right, unpacked; what is there is left alone."""

import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from resemul.downloads.space import require_space
from resemul.errors import DownloadError
from resemul.runtime.files import atomic_write
from resemul.runtime.progress import BYTES, Progress


def unzip(
    archive: IO[bytes],
    name: str,
    folder: Path,
    *,
    place: Callable[[PurePosixPath], PurePosixPath | None] = lambda entry: entry,
) -> dict[str, int]:
    """Unpacks the files of an archive; returns their size by path under `folder`.

    Files that are there with the right size are left alone.

    Args:
        archive: seekable; a checksum vouches for it, so it is no bomb.
        name: of the archive, for messages.
        folder: where to.
        place: entry to path under `folder`; None leaves the entry out.

    Raises:
        DownloadError: not a zip archive, broken, or an entry leads elsewhere.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _place_all(opened, name, place)
            todo = {
                path: info
                for path, info in members.items()
                if not _is_unpacked(folder / path, info)
            }
            num_bytes = sum(info.file_size for info in todo.values())
            require_space(folder, num_bytes, f"unpack {name}")
            with Progress(num_bytes, BYTES, f"unpack {name}") as progress:
                for path, info in todo.items():
                    _unpack_one(opened, info, folder / path)
                    progress.advance(info.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DownloadError(
            f"{name} is no whole zip archive ({error}); delete it and run again"
        ) from error
    except (OSError, RuntimeError) as error:  # the latter of encrypted entries
        raise DownloadError(f"{name} cannot be unpacked: {error}") from error
    return {str(path): info.file_size for path, info in members.items()}


def _place_all(
    opened: zipfile.ZipFile,
    name: str,
    place: Callable[[PurePosixPath], PurePosixPath | None],
) -> dict[PurePosixPath, zipfile.ZipInfo]:
    members: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for info in opened.infolist():
        path = None if info.is_dir() else place(PurePosixPath(info.filename))
        if path is None:
            continue
        if path.is_absolute() or ".." in path.parts or path in members:
            raise DownloadError(
                f"{name}: entry {info.filename!r} leads out of the folder, or to the "
                "place of another one; nothing was unpacked: delete the archive and "
                "fetch it from another mirror"
            )
        members[path] = info
    return members


def _is_unpacked(path: Path, info: zipfile.ZipInfo) -> bool:
    return path.is_file() and path.stat().st_size == info.file_size


def _unpack_one(opened: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(info) as source, atomic_write(path, "wb") as target:
        shutil.copyfileobj(source, target)
