"""Is there room on the disk? Asked before gigabytes are written, not after."""

import shutil
from pathlib import Path

from resemul.errors import DownloadError
from resemul.runtime.progress import format_bytes


def require_space(folder: Path, num_bytes: int, purpose: str) -> None:
    """Makes sure that `num_bytes` fit on the disk of `folder`, which may not exist.

    Raises:
        DownloadError: they do not; says how much is needed and how much is free.
    """
    existing = Path(folder).absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if num_bytes > free:
        raise DownloadError(
            f"not enough disk space in {folder} to {purpose}: "
            f"{format_bytes(num_bytes)} needed, {format_bytes(free)} free; make room, "
            "or choose a folder on another disk, and run again"
        )
