"""Are these the expected bytes?"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from resemul.runtime.progress import BYTES, Progress

_CHUNK_BYTES = 1 << 20


def find_mismatch(
    paths: Sequence[Path], md5: str | None = None, sha256: str | None = None
) -> str | None:
    """Returns what is wrong with the bytes of `paths`, joined; None if they match."""
    for algorithm, expected in (("md5", md5), ("sha256", sha256)):
        if expected is None:
            continue
        actual = _digest(paths, algorithm)
        if actual != expected.lower():
            return (
                f"has the wrong {algorithm.upper()}: expected {expected.lower()}, "
                f"got {actual}"
            )
    return None


def _digest(paths: Sequence[Path], algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    total = sum(path.stat().st_size for path in paths)
    with Progress(total, BYTES, f"check {paths[0].stem}") as progress:
        for path in paths:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    progress.advance(len(chunk))
    return digest.hexdigest()
