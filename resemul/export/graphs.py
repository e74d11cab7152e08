"""Published weights as ONNX files, without Keras.

The graph of each published architecture, without its weights, is part of the package:
`graphs/NAME.onnx`. A weight goes in by the name of its variable.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from resemul.configs import model_entry
from resemul.errors import WeightsError
from resemul.export.onnx_file import add_tensors, notes_of

FOLDER = Path(__file__).parent / "graphs"

# Name of the file: model, and the options that are not its defaults.
GRAPHS: dict[str, tuple[str, dict[str, Any]]] = {
    "sample_cnn": ("sample_cnn", {}),
    "sample_cnn-rese": ("sample_cnn", {"block": "rese"}),
    "fcn5": ("fcn5", {}),
    "won_sample_cnn": ("won_sample_cnn", {}),
    "won_sample_cnn_se": ("won_sample_cnn_se", {}),
    "musicnn": ("musicnn", {}),
    "musicnn-big": ("musicnn", {"mid_channels": 512, "dense_units": 500}),
    "musicnn_vgg": ("musicnn_vgg", {}),
}

# Options that do not change what a trained model computes.
_NOT_IN_GRAPH = (
    "dft",
    "dropout",
    "mix",
    "pool_dropout",
    "resampler",
    "weight_decay",
)
# In the notes of a file: JSON, shapes by name; None for the number of tags.
SHAPES_NOTE = "weights"


def has_graph(model: str) -> bool:
    """Is there a graph of this model, with some options?"""
    return model in {name for name, _ in GRAPHS.values()}


def find_graph(model: str, options: dict[str, Any]) -> str | None:
    """The name of the graph of a model with these options, if there is one."""
    for name, (graph_model, changes) in GRAPHS.items():
        if graph_model == model and _essence(model, options) == _essence(
            model, changes
        ):
            return name
    return None


def fill_graph(
    name: str, arrays: Mapping[str, np.ndarray], source: object = "the file"
) -> bytes:
    """The ONNX file of a graph and its weights.

    Args:
        name: a key of `GRAPHS`.
        arrays: by `<layer>/<variable>`, such as `tags/kernel`.
        source: named in messages.

    Raises:
        WeightsError: a weight is missing, one is too many, has another shape, or is
            not finite.
    """
    content = (FOLDER / f"{name}.onnx").read_bytes()
    shapes = json.loads(notes_of(content)[SHAPES_NOTE])
    if arrays.keys() != shapes.keys():
        differing = sorted(arrays.keys() ^ shapes.keys())
        raise WeightsError(
            f"{source} does not fit the model {name}: {', '.join(differing[:5])} "
            "is missing, or too many"
        )
    num_tags = arrays["tags/bias"].shape[0]
    for key, shape in shapes.items():
        expected = tuple(num_tags if size is None else size for size in shape)
        if arrays[key].shape != expected:
            raise WeightsError(
                f"{source}: {key} has shape {arrays[key].shape}, the model {name} "
                f"needs {expected}"
            )
        if not np.isfinite(arrays[key]).all():
            raise WeightsError(f"{source}: {key} holds values that are not finite")
    ordered = {key: np.asarray(arrays[key], "float32") for key in shapes}
    return add_tensors(content, ordered)


def _essence(model: str, options: dict[str, Any]) -> dict[str, Any]:
    config = model_entry(model).config(**options)
    return {
        name: option
        for name, option in dataclasses.asdict(config).items()
        if name not in _NOT_IN_GRAPH
    }
