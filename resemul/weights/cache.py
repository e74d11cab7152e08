"""Where fetched models are kept, and who may write there at the moment."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import platformdirs

from resemul.errors import DownloadError
from resemul.runtime.files import locked

HOME_VARIABLE = "RESEMUL_HOME"
OFFLINE_VARIABLE = "RESEMUL_OFFLINE"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """`RESEMUL_HOME`, or the folder that the platform has for such files."""
    if environment.get(HOME_VARIABLE):
        return Path(environment[HOME_VARIABLE]).expanduser()
    return platformdirs.user_cache_path("resemul", appauthor=False)


def is_offline(environment: Mapping[str, str] = os.environ) -> bool:
    """Has the user asked for no network, by RESEMUL_OFFLINE=1?"""
    return environment.get(OFFLINE_VARIABLE, "0").lower() not in ("", "0", "false")


@contextmanager
def locked_cache(path: Path) -> Iterator[None]:
    """Lets one process at a time go on; the others wait. `path` is the lock's file.

    Raises:
        DownloadError: the folder cannot be written.
    """
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(path))
        except OSError as error:
            raise DownloadError(
                f"{path.parent} cannot be written ({error.strerror}); set "
                f"{HOME_VARIABLE} to a folder that can"
            ) from error
        yield
