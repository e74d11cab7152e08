"""Imports TensorFlow without the pages that its C++ side writes to standard error.

`TF_CPP_MIN_LOG_LEVEL` does not hold them back: they are written before the logging
is set up. If the import fails, they are shown after all.
"""

import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def import_tensorflow() -> None:
    """Imports TensorFlow and lets it look for GPUs, silently."""
    if "tensorflow" in sys.modules:
        return
    with _stderr_held_back():
        tensorflow = importlib.import_module("tensorflow")
        tensorflow.config.list_physical_devices()


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
