"""A graph while it is written: nodes, constants, and the names of weights."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from resemul.export import onnx_file
from resemul.export.onnx_folding import Folding


@dataclass(frozen=True)
class Value:
    """An array of the graph.

    `shape` is Keras': `(batch, ..., channels)`. An image has its channels first, as
    convolutions and pools want them: `(batch, channels, height, width)`; one over time
    alone has the height 1.
    """

    name: str
    shape: tuple[Any, ...]
    is_image: bool = False


class Graph:
    """Nodes and constants in the order in which they are added, and weights.

    `folding` says which layers do the work of others; `factors` has what normalisations
    multiply by and add, by their names.
    """

    def __init__(self, folding: Folding) -> None:
        self.folding = folding
        self.nodes: list[bytes] = []
        self.constants: list[bytes] = []
        self.weights: dict[str, np.ndarray] = {}
        self.factors: dict[str, tuple[str, str]] = {}
        self._turned: dict[str, str] = {}

    def add(self, kind: str, *inputs: Any, **attributes: Any) -> str:
        """Adds a node; inputs are names, or arrays. Returns its output's name."""
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(onnx_file.node(kind, names, [output], attributes))
        return output

    def constant(self, value: Any) -> str:
        """Adds what is the same for all weights."""
        array = np.asarray(value)
        name = f"constant_{len(self.constants)}"
        kind = "float32" if array.dtype.kind == "f" else "int64"
        self.constants.append(onnx_file.tensor(name, array.astype(kind)))
        return name

    def weight(self, layer: keras.Layer, variable: keras.Variable) -> str:
        """Adds a variable of a layer, as `<layer>/<variable>`."""
        name = f"{layer.name}/{variable.name}"
        self.weights[name] = np.asarray(variable, "float32")
        return name

    def reshape(self, x: str, *sizes: int) -> str:
        """Another shape; the batch keeps its size."""
        # 0 copies it.
        return self.add("Reshape", x, np.array([0, *sizes], "int64"))

    def image(self, value: Value) -> str:
        """The name of a map, `(batch, time, channels)` or of two dimensions, as image.

        It is turned once, however many read it.
        """
        if value.is_image:
            return value.name
        if value.name not in self._turned:
            self._turned[value.name] = self._to_image(value)
        return self._turned[value.name]

    def array(self, value: Value) -> str:
        """The name of a value in Keras' order."""
        if not value.is_image:
            return value.name
        if value.name not in self._turned:
            self._turned[value.name] = self._to_array(value)
        return self._turned[value.name]

    def _to_image(self, value: Value) -> str:
        _, *sizes, channels = value.shape
        if channels == 1 or _are_ones(sizes):
            return self.reshape(value.name, channels, *_two(sizes))
        if len(sizes) == 2:
            return self.add("Transpose", value.name, perm=[0, 3, 1, 2])
        x = self.add("Transpose", value.name, perm=[0, 2, 1])
        return self.add("Unsqueeze", x, np.array([2], "int64"))

    def _to_array(self, value: Value) -> str:
        _, *sizes, channels = value.shape
        if channels == 1 or _are_ones(sizes):
            return self.reshape(value.name, *sizes, channels)
        if len(sizes) == 2:
            return self.add("Transpose", value.name, perm=[0, 2, 3, 1])
        x = self.add("Squeeze", value.name, np.array([2], "int64"))
        return self.add("Transpose", x, perm=[0, 2, 1])


def _two(sizes: list[int]) -> list[int]:
    return [1, *sizes] if len(sizes) == 1 else sizes


def _are_ones(sizes: list[int]) -> bool:
    return all(size == 1 for size in sizes)
