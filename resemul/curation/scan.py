"""Which audio files a folder holds, and what their headers say."""

import logging
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from resemul.configs.audio import AUDIO_SUFFIXES
from resemul.datasets.file_tables import (
    CHANNELS,
    CLIP_LENGTH,
    FILE_PATH,
    FILE_SIZE,
    TRACK_7DIGITAL_ID,
)
from resemul.errors import DatasetError

logger = logging.getLogger(__name__)

_PREVIEW = re.compile(r"(\d+)\.clip\.mp3")


@dataclass(frozen=True)
class AudioFile:
    """A file; `seconds` is None and `channels` 0 where its header says nothing."""

    path: Path
    size: int
    channels: int = 0
    seconds: float | None = None
    track_7digitalid: int | None = None


@dataclass(frozen=True)
class Skipped:
    """A file that is not taken, and why."""

    path: Path
    reason: str


Found = AudioFile | Skipped


def scan_previews(root: Path, *, read_headers: bool = True) -> Iterator[Found]:
    """Files of 7digital, `<id>.clip.mp3`, in the order of their paths.

    Other mp3 files are skipped, by name; other files do not count.

    Args:
        root: the folder above them.
        read_headers: look for length and channels.

    Raises:
        DatasetError: there is no such folder.
    """
    for path in _walk(root, lambda name: name.endswith(".mp3")):
        match = _PREVIEW.fullmatch(path.name)
        if match is None:
            yield Skipped(path, "its name is not <7digital id>.clip.mp3")
        else:
            yield _look_at(path, read_headers, int(match.group(1)))


def scan_audio(root: Path, *, read_headers: bool = True) -> Iterator[Found]:
    """Files that are audio by their suffix, in the order of their paths.

    Raises:
        DatasetError: there is no such folder.
    """
    for path in _walk(root, lambda name: name.lower().endswith(AUDIO_SUFFIXES)):
        yield _look_at(path, read_headers)


def file_columns(
    *, previews: bool, size: bool = True, channels: bool = True, length: bool = True
) -> list[str]:
    """The columns of a table of files, in their order."""
    wanted = {
        TRACK_7DIGITAL_ID: previews,
        FILE_PATH: True,
        FILE_SIZE: size,
        CHANNELS: channels,
        CLIP_LENGTH: length,
    }
    return [name for name, is_wanted in wanted.items() if is_wanted]


def file_row(file: AudioFile, root: Path, *, absolute: bool = False) -> dict[str, str]:
    """The cells of a file; its path is relative to `root`, or absolute."""
    path = file.path.absolute() if absolute else file.path.relative_to(root)
    return {
        TRACK_7DIGITAL_ID: str(file.track_7digitalid or 0),
        FILE_PATH: path.as_posix(),
        FILE_SIZE: str(file.size),
        CHANNELS: str(file.channels),
        CLIP_LENGTH: "" if file.seconds is None else repr(file.seconds),
    }


def sample_rate_of(path: Path) -> int | None:
    """Hz, by the file's header; None if that says nothing."""
    info = _read_header(path)
    rate = getattr(info, "sample_rate", None)
    return int(rate) if rate else None


def _walk(root: Path, is_wanted: Callable[[str], bool]) -> Iterator[Path]:
    if not root.is_dir():
        what = "is no folder" if root.exists() else "does not exist"
        raise DatasetError(f"{root} {what}")
    for folder, subfolders, files in os.walk(root):
        subfolders.sort()
        for name in sorted(filter(is_wanted, files)):
            yield Path(folder, name)


def _look_at(path: Path, read_header: bool, number: int | None = None) -> Found:
    try:
        path.as_posix().encode()
        size = path.stat().st_size
    except UnicodeEncodeError:
        return Skipped(path, "its name is not UTF-8")
    except OSError as error:
        return Skipped(path, error.strerror or str(error))
    info = _read_header(path) if read_header and size else None
    if info is None:
        return AudioFile(path, size, track_7digitalid=number)
    return AudioFile(
        path,
        size,
        channels=int(getattr(info, "channels", 0) or 0),
        seconds=float(info.length),  # type: ignore[attr-defined]
        track_7digitalid=number,
    )


def _read_header(path: Path) -> object | None:
    """What mutagen knows of a file; None if it is damaged or of no known format."""
    import mutagen
    from mutagen.mp3 import MP3

    is_mp3 = path.suffix.lower() == ".mp3"
    try:
        file = MP3(path) if is_mp3 else mutagen.File(path)
    except (mutagen.MutagenError, OSError, ValueError, ArithmeticError, LookupError):
        return None
    info = getattr(file, "info", None)
    return info if getattr(info, "length", None) is not None else None
