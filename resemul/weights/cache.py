"""Where fetched models are kept, and who may write there at the moment."""

import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from resemul.errors import DownloadError

logger = logging.getLogger(__name__)

HOME_VARIABLE = "RESEMUL_HOME"
OFFLINE_VARIABLE = "RESEMUL_OFFLINE"

_POLL_SECONDS = 0.2
# Where the system cannot say whether the owner of a lock is still alive.
_LONGEST_WAIT_SECONDS = 1800.0


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """`RESEMUL_HOME`, or the folder that the platform has for such files."""
    if environment.get(HOME_VARIABLE):
        return Path(environment[HOME_VARIABLE]).expanduser()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32" and environment.get("LOCALAPPDATA"):
        base = Path(environment["LOCALAPPDATA"])
    elif environment.get("XDG_CACHE_HOME"):
        base = Path(environment["XDG_CACHE_HOME"])
    else:
        base = Path.home() / ".cache"
    return base / "resemul"


def is_offline(environment: Mapping[str, str] = os.environ) -> bool:
    """Has the user asked for no network, by RESEMUL_OFFLINE=1?"""
    return environment.get(OFFLINE_VARIABLE, "0").lower() not in ("", "0", "false")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lets one process at a time go on; the others wait. `path` is the lock's file.

    Raises:
        DownloadError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
    except OSError as error:
        raise DownloadError(
            f"{path.parent} cannot be written ({error.strerror}); set {HOME_VARIABLE} "
            "to a folder that can"
        ) from error
    try:
        import fcntl
    except ImportError:  # Windows
        with _locked_by_creation(path.with_name(path.name + ".taken")):
            yield
        return
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("waiting for another process that holds %s", path)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _locked_by_creation(
    path: Path, longest_wait_seconds: float = _LONGEST_WAIT_SECONDS
) -> Iterator[None]:
    end = time.monotonic() + longest_wait_seconds
    while True:
        try:
            path.open("xb").close()
            break
        except FileExistsError:
            if time.monotonic() > end:
                raise DownloadError(
                    f"another process has held {path} for too long; delete that file "
                    "if there is none"
                ) from None
            time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
