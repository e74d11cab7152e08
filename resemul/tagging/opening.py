"""Models by the names that a user gave, checked before anything heavy is loaded."""

import os
from collections.abc import Mapping, Sequence

from resemul.checkpoints.finding import published_name
from resemul.configs.tagging import DEFAULT_MODELS, MODEL_VARIABLE

# What a model file may end in, so that one is told from a song.
_MODEL_SUFFIXES = (".keras", ".onnx", ".h5", ".hdf5", ".pth", ".pt")


def names_of_models(
    given: Sequence[str], environment: Mapping[str, str] = os.environ
) -> list[str]:
    """The models to use: those given, those of `RESEMUL_MODEL`, or the default pair.

    Raises:
        WeightsError: there is no such published model and no such file; suggests the
            nearest.
    """
    said = environment.get(MODEL_VARIABLE, "")
    named = [name.strip() for name in said.split(",") if name.strip()]
    names = list(dict.fromkeys(given or named or DEFAULT_MODELS))
    for name in names:
        published_name(name)
    return names


def looks_like_model_file(path: str) -> bool:
    """Whether a path has the suffix of a model file."""
    return path.lower().endswith(_MODEL_SUFFIXES)
