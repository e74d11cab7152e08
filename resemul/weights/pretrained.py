"""Published weights fetched, and checked against what is known of them."""

import logging
from pathlib import Path

from resemul.downloads import Retries, download
from resemul.downloads.fetch import DEFAULT_RETRIES
from resemul.errors import ConfigError, DownloadError
from resemul.weights.cache import OFFLINE_VARIABLE, cache_folder, is_offline
from resemul.weights.hashes import file_hashes
from resemul.weights.registry import PRETRAINED, Pretrained

logger = logging.getLogger(__name__)


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


def fetch_pretrained(
    entry: Pretrained, folder: Path, retries: Retries = DEFAULT_RETRIES
) -> Path:
    """Fetches a published file into `folder`, checks it, and returns its path.

    Where no hash was published, the file must be the one that was fetched first, if
    `remember_hash` was told of it.

    Raises:
        DownloadError: it cannot be fetched, or is not the published file.
    """
    if is_offline():
        raise DownloadError(
            f"{entry.name} is not in {folder}, and {OFFLINE_VARIABLE} is set; run "
            f"'resemul pretrained download {entry.name}' without it"
        )
    path = folder / entry.file_name
    download(entry.url, path, sha256=entry.sha256, retries=retries)
    sha256, git_blob = file_hashes(path)
    problem = None
    record = _hash_record(entry, folder)
    if entry.git_blob not in (None, git_blob):
        problem = f"git's SHA-1 should be {entry.git_blob}, but is {git_blob}"
    elif not entry.has_hash and record.exists():
        first = record.read_text("ascii", errors="replace").strip()
        if first != sha256:
            problem = (
                f"its SHA-256 was {first} when it was first fetched, and is {sha256} "
                f"now; if it was replaced on purpose, delete {record}"
            )
    if problem:
        path.unlink()
        raise DownloadError(f"{entry.url} is not the file that was expected: {problem}")
    return path


def remember_hash(entry: Pretrained, folder: Path, sha256: str) -> None:
    """Notes the hash of a good file of which none was published."""
    record = _hash_record(entry, folder)
    if not entry.has_hash and not record.exists():
        part = record.with_name(record.name + ".part")
        part.write_text(f"{sha256}\n", "ascii")
        part.replace(record)
        logger.info("%s: noted the SHA-256 of this file, %s", entry.name, sha256)


def _hash_record(entry: Pretrained, folder: Path) -> Path:
    return folder / f"{entry.name}.first-sha256"
