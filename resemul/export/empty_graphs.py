"""Writes the graphs that are part of the package; needs Keras.

`python -m resemul.export.empty_graphs` does so, after a change of a published
architecture or of the exporter.
"""

import json
from pathlib import Path

import keras

from resemul.export.graphs import FOLDER, GRAPHS, SHAPES_NOTE
from resemul.export.onnx_graph import build_empty_onnx
from resemul.models import TOP_LAYER, build_model


def empty_graph(name: str) -> bytes:
    """The ONNX file of an architecture without its weights, but with their shapes."""
    model_name, options = GRAPHS[name]
    # How many tags it has, the graph does not say.
    model = build_model(model_name, 1, **options)
    return build_empty_onnx(model, {SHAPES_NOTE: json.dumps(_shapes(model))})


def _shapes(model: keras.Model) -> dict[str, list[int | None]]:
    return {
        f"{layer.name}/{variable.name}": [
            *variable.shape[:-1],
            None if layer.name == TOP_LAYER else variable.shape[-1],
        ]
        for layer in model.layers
        for variable in layer.weights
    }


def write_graphs(folder: Path = FOLDER) -> None:
    """Writes all of them."""
    folder.mkdir(exist_ok=True)
    for name in GRAPHS:
        (folder / f"{name}.onnx").write_bytes(empty_graph(name))


if __name__ == "__main__":
    write_graphs()
