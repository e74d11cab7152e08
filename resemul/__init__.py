"""resemul: music auto-tagging from raw waveforms.

The public names are imported when they are first used, so that `import resemul` takes
no time.
"""

import importlib
from typing import Any

__version__ = "0.2.0"

# Public name: the module that holds it.
_PUBLIC = {
    "Tagger": "resemul.tagging.tagger",
    "build_model": "resemul.models",
    "extract": "resemul.tagging.extractor",
    "load_model": "resemul.checkpoints.model_file",
    "open_model": "resemul.checkpoints.model_file",
    "load_waveform": "resemul.audio",
    "save_model": "resemul.checkpoints.model_file",
    "top_tags": "resemul.tagging.extractor",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'resemul' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
