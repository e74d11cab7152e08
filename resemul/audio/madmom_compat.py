"""Imports madmom 0.16.1 on Pythons and NumPys that came after it.

madmom 0.16.1 (2018) imports `collections.MutableSequence` (moved in Python 3.3,
removed in 3.10), `np.float` and `np.int` (removed in NumPy 1.24) and
`pkg_resources` (removed from setuptools in 2026), the latter to ask for its own
version. These names are put back for the duration of that import only.
"""

import collections
import collections.abc
import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np

from resemul.errors import AudioError

_REMOVED_NAMES = (
    (collections, "MutableSequence", collections.abc.MutableSequence),
    (np, "float", float),
    (np, "int", int),
    (np, "bool", bool),
    (np, "complex", complex),
    (np, "object", object),
)


def import_madmom() -> ModuleType:
    """Returns madmom with `madmom.audio.signal` and `madmom.io.audio` imported.

    Raises:
        AudioError: madmom or the ffmpeg program is not installed.
    """
    if shutil.which("ffmpeg") is None and shutil.which("avconv") is None:
        raise AudioError(
            "the madmom decoder starts the ffmpeg program, which is not installed; "
            "install ffmpeg (apt-get install ffmpeg) or use the pyav decoder"
        )
    try:
        with _removed_names_put_back():
            import madmom.audio.signal
            import madmom.io.audio
    except ImportError as error:
        raise AudioError(
            f"madmom cannot be imported ({error}); see 'The madmom decoder' in the "
            "README, or use the pyav decoder"
        ) from error
    return madmom


@contextmanager
def _removed_names_put_back() -> Iterator[None]:
    missing = [
        (module, name, value)
        for module, name, value in _REMOVED_NAMES
        if name not in vars(module)
    ]
    lacks_pkg_resources = importlib.util.find_spec("pkg_resources") is None
    for module, name, value in missing:
        setattr(module, name, value)
    if lacks_pkg_resources:
        pkg_resources = ModuleType("pkg_resources")
        pkg_resources.get_distribution = importlib.metadata.distribution  # type: ignore[attr-defined]
        sys.modules["pkg_resources"] = pkg_resources
    try:
        yield
    finally:
        for module, name, _ in missing:
            delattr(module, name)
        if lacks_pkg_resources:
            del sys.modules["pkg_resources"]
