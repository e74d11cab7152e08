"""The two hashes by which published files are known."""

import hashlib
from pathlib import Path

_CHUNK_BYTES = 1 << 20


def file_hashes(path: Path) -> tuple[str, str]:
    """Returns SHA-256 and the SHA-1 that git gives the file, in hexadecimal."""
    path = Path(path)
    sha256 = hashlib.sha256()
    # git hashes a header with the size first.
    git_blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            sha256.update(chunk)
            git_blob.update(chunk)
    return sha256.hexdigest(), git_blob.hexdigest()
