"""A graph while it is written: nodes, constants, and the names of weights."""

from typing import Any

import keras
import numpy as np

from resemul.export import onnx_file


class Graph:
    """Nodes and constants in the order in which they are added, and weights."""

    def __init__(self) -> None:
        self.nodes: list[bytes] = []
        self.constants: list[bytes] = []
        self.weights: dict[str, np.ndarray] = {}

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
