"""Files that a user asked for: refused before the work, written whole after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from resemul.errors import ConfigError
from resemul.runtime.files import atomic_write


def require_writable(path: Path) -> None:
    """Makes the folder of `path` and checks that a file can be written there.

    Call it before a long computation.

    Raises:
        ConfigError: it cannot.
    """
    path = Path(path)
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; give the name of a file in it")
    if path.parent.exists() and not path.parent.is_dir():
        raise ConfigError(f"{path} cannot be written: {path.parent} is no folder")
    probe = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _cannot_write(path, error) from error


@contextmanager
def output(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Opens a file that appears whole or not at all, as `atomic_write` does.

    Nothing but the writing belongs into the block.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        with atomic_write(path, mode) as file:
            yield file
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be written: {error.strerror or error}")
