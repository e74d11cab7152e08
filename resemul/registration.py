"""Makes the layers of this package known to Keras, without importing Keras.

Keras finds a layer of a saved model only if the layer was registered before. So that
`import resemul` suffices and yet stays light, registration waits for Keras.
"""

import importlib
import importlib.abc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


def register_with_keras() -> None:
    """Registers the layers now, or as soon as Keras is imported."""
    if "keras" in sys.modules:
        _register()
    elif not any(isinstance(finder, _KerasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _KerasFinder())


def _register() -> None:
    importlib.import_module("resemul.models.frontends")


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Leaves the finding of Keras to the others, and registers after its import."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != "keras":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is None or spec.loader is None:
            return None
        exec_module = spec.loader.exec_module

        def exec_and_register(module: ModuleType) -> None:
            sys.meta_path.remove(self)
            exec_module(module)
            _register()

        # A spec and its loader are made anew for each import.
        spec.loader.exec_module = exec_and_register  # type: ignore[method-assign]
        return spec
