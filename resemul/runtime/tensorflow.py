"""Imports TensorFlow without the pages that its C++ side writes to standard error.

`TF_CPP_MIN_LOG_LEVEL` does not hold them back: they are written before the logging
is set up. If the import fails, they are shown after all.
"""

import importlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Libraries that TensorFlow and Keras import if they are installed, for wrappers that
# no command needs. They take a third of the time until TensorFlow is there.
_EXTRAS = ("sklearn", "matplotlib", "jax")


def import_tensorflow(spare_extras: bool = False) -> None:
    """Imports TensorFlow and lets it look for GPUs, silently.

    Args:
        spare_extras: without Keras' wrappers of other libraries, for a program that
            is ours alone. The libraries themselves can be imported afterwards.
    """
    if "tensorflow" in sys.modules:
        return
    extras = _EXTRAS if spare_extras and not _backend_is_chosen() else ()
    with _stderr_held_back(), _hidden(extras):
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.list_physical_devices()


def _backend_is_chosen() -> bool:
    """Whether Keras may run on something else than TensorFlow, JAX say."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    settings = home / "keras.json"
    written = settings.read_text("utf-8") if settings.is_file() else ""
    return "KERAS_BACKEND" in os.environ or '"jax"' in written


@contextmanager
def _hidden(names: Sequence[str]) -> Iterator[None]:
    """Makes imports of modules fail as if they were not installed."""
    hidden = [name for name in names if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    for name in hidden:
        modules[name] = None
    try:
        yield
    finally:
        for name in hidden:
            if modules.get(name, hidden) is None:
                del modules[name]


@contextmanager
def _stderr_held_back() -> Iterator[None]:
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held_back:
        try:
            real_stderr = os.dup(2)
        except OSError:  # no standard error at all
            yield
            return
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(real_stderr, held_back.read())
            raise
        finally:
            os.dup2(real_stderr, 2)
            os.close(real_stderr)
