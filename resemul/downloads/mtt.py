"""MagnaTagATune: the annotations, and the audio in a zip archive in three parts."""

import io
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from resemul.downloads.checksum import find_mismatch
from resemul.downloads.fetch import PART_SUFFIX, download, remote_size
from resemul.downloads.joined import JoinedFile
from resemul.downloads.space import require_space
from resemul.downloads.transfer import DEFAULT_RETRIES, Retries
from resemul.downloads.unzip import unzip
from resemul.errors import DownloadError
from resemul.runtime.files import atomic_write

logger = logging.getLogger(__name__)

MTT_URL = "https://mirg.city.ac.uk/datasets/magnatagatune/"

_ANNOTATIONS = "annotations_final.csv"
_ARCHIVE = "mp3.zip"
_PARTS = tuple(f"{_ARCHIVE}.{number:03}" for number in (1, 2, 3))
_AUDIO_FOLDER = "mp3"
# Size of every file that was unpacked, and the MD5 of the archive it came from: the
# parts are gone by then, and a second run must know that it has nothing to do.
_CONTENTS = f"{_ARCHIVE}.contents.json"
_SUBFOLDERS = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class MttFiles:
    """Which files to expect: MD5 of the annotations, and of the parts joined."""

    annotations_md5: str
    archive_md5: str


PUBLISHED_MTT = MttFiles(
    annotations_md5="f04fa01752a8cc64f6e1ca142a0fef1d",
    archive_md5="f12add0eb4cd6c2a3ab7e4afaf7b7467",
)


def download_mtt(
    data_dir: Path,
    url: str = MTT_URL,
    *,
    files: MttFiles = PUBLISHED_MTT,
    keep_zip: bool = False,
    retries: Retries = DEFAULT_RETRIES,
) -> int:
    """Fetches, checks and unpacks MTT; returns the number of audio files.

    Leaves `annotations_final.csv` and `mp3/<0..f>/*.mp3` in `data_dir`. A second
    run goes on from what is there.

    Args:
        url: folder on the server that holds the files.
        files: what to expect there.
        keep_zip: leave the parts of the archive when they are unpacked.
        retries: how long to try.

    Raises:
        DownloadError: something cannot be fetched, stored, or is not as expected.
    """
    data_dir = Path(data_dir)
    base = url.rstrip("/") + "/"
    download(
        base + _ANNOTATIONS,
        data_dir / _ANNOTATIONS,
        md5=files.annotations_md5,
        retries=retries,
    )
    done = _count_unpacked(data_dir, files.archive_md5)
    if done is not None:
        logger.info("%s is already unpacked", data_dir / _AUDIO_FOLDER)
        return done
    parts = [data_dir / part for part in _PARTS]
    _require_space_for_all(base, parts)
    for part in parts:
        _remove_if_of_another_size(base, part)
        # The archive is checked when all its parts are there.
        download(base + part.name, part, is_checked_later=True, retries=retries)
    _check_archive(parts, files.archive_md5)
    contents = _unpack(parts, data_dir)
    _write_contents(data_dir, files.archive_md5, contents)
    if not keep_zip:
        for part in parts:
            part.unlink()
    return len(contents)


def _remove_if_of_another_size(base: str, part: Path) -> None:
    """Fetches one part again, rather than all when the archive is checked."""
    if not part.is_file():
        return
    expected, found = remote_size(base + part.name), part.stat().st_size
    if expected not in (None, found):
        logger.warning(
            "%s has %d bytes, and should have %d; fetching it again",
            part,
            found,
            expected,
        )
        part.unlink()


def _require_space_for_all(base: str, parts: Sequence[Path]) -> None:
    """Asks for the room that all parts and their contents will take.

    Where the server does not tell sizes, each transfer asks for itself.
    """
    needed = 0
    for part in parts:
        if part.exists():
            needed += part.stat().st_size
            continue
        size = remote_size(base + part.name)
        if size is None:
            return
        partial = part.with_name(part.name + PART_SUFFIX)
        fetched = partial.stat().st_size if partial.exists() else 0
        # mp3 files do not shrink in a zip: unpacked they take as much again.
        needed += size + max(size - fetched, 0)
    if not all(part.exists() for part in parts):
        require_space(parts[0].parent, needed, f"fetch and unpack {_ARCHIVE}")


def _check_archive(parts: list[Path], md5: str) -> None:
    names = ", ".join(map(str, parts))
    problem = find_mismatch(parts, md5=md5)
    if problem is None:
        return
    # Nobody knows which part it is; kept, they would fail in every later run.
    for part in parts:
        part.unlink()
    raise DownloadError(
        f"{names}: together, the archive {problem}; the parts are deleted, so run "
        "again, and use another mirror if the same happens"
    )


def _unpack(parts: list[Path], data_dir: Path) -> dict[str, int]:
    folder = data_dir / _AUDIO_FOLDER
    with JoinedFile(parts) as joined, io.BufferedReader(joined) as archive:
        contents = unzip(archive, _ARCHIVE, folder, place=_place)
    if not contents:
        raise DownloadError(
            f"{_ARCHIVE} holds no 0/*.mp3 to f/*.mp3: this is not MagnaTagATune"
        )
    return contents


def _place(entry: PurePosixPath) -> PurePosixPath | None:
    """Where a file goes under `mp3/`; None for what is not audio of the data set."""
    parts = entry.parts
    if parts[:1] == (_AUDIO_FOLDER,):
        parts = parts[1:]
    if len(parts) == 2 and parts[0] in _SUBFOLDERS and parts[1].endswith(".mp3"):
        return PurePosixPath(*parts)
    logger.warning("%s: %s is left out, it is no audio file", _ARCHIVE, entry)
    return None


def _write_contents(data_dir: Path, md5: str, contents: dict[str, int]) -> None:
    with atomic_write(data_dir / _CONTENTS) as file:
        file.write(json.dumps({"md5": md5, "files": contents}, indent=0))


def _count_unpacked(data_dir: Path, md5: str) -> int | None:
    """Returns the number of audio files; None unless all are there, by their size."""
    try:
        record = json.loads((data_dir / _CONTENTS).read_text())
        if record["md5"] != md5:
            return None
        for name, size in record["files"].items():
            if (data_dir / _AUDIO_FOLDER / name).stat().st_size != size:
                return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return len(record["files"])
