"""How each kind of layer is written as ONNX."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from resemul.errors import WeightsError
from resemul.export.onnx_log_mel import write_log_mel
from resemul.export.onnx_nodes import Graph

# By the name of Keras' function.
_ACTIVATIONS = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softmax": "Softmax",
    "linear": None,
}


def _activate(graph: Graph, layer: keras.Layer, x: str) -> str:
    name = getattr(layer.activation, "__name__", str(layer.activation))
    if name not in _ACTIVATIONS:
        raise WeightsError(
            f"layer {layer.name} has the activation {name!r}, which cannot be exported "
            "to ONNX"
        )
    kind = _ACTIVATIONS[name]
    return graph.add(kind, x) if kind else x


def _reshape(graph: Graph, layer: keras.Layer, x: str) -> str:
    # 0 copies the batch size.
    return graph.add("Reshape", x, np.array([0, *layer.output.shape[1:]], "int64"))


def _all(kind: str) -> Callable[..., str]:
    """An operation of two, over any number of inputs."""

    def write(graph: Graph, layer: keras.Layer, *inputs: str) -> str:
        return functools.reduce(lambda x, y: graph.add(kind, x, y), inputs)

    return write


def _padding(
    layer: keras.Layer, kernel: Sequence[int], dilation: Sequence[int]
) -> dict[str, Any]:
    """Zeros at either end of each dimension, as TensorFlow counts them."""
    if layer.padding == "valid":
        return {}
    if layer.padding != "same":
        raise WeightsError(
            f"layer {layer.name} has the padding {layer.padding!r}, which cannot be "
            "exported to ONNX"
        )
    before, after = [], []
    for length, size, step, apart in zip(
        layer.input.shape[1:-1], kernel, layer.strides, dilation, strict=True
    ):
        if length is None:
            raise WeightsError(f"layer {layer.name} has an input of any length")
        reach = (size - 1) * apart + 1
        missing = max((math.ceil(length / step) - 1) * step + reach - length, 0)
        before.append(missing // 2)
        after.append(missing - missing // 2)
    return {"pads": [*before, *after]}


def _channels_first(
    graph: Graph, layer: keras.Layer, x: str, kind: str, *weights: str, **kw: Any
) -> str:
    """Adds an operation that wants channels first, between two transpositions."""
    rank = len(layer.input.shape)
    x = graph.add("Transpose", x, perm=[0, rank - 1, *range(1, rank - 1)])
    x = graph.add(kind, x, *weights, **kw)
    return graph.add("Transpose", x, perm=[0, *range(2, rank), 1])


def _conv(graph: Graph, layer: keras.Layer, x: str) -> str:
    rank = len(layer.kernel_size)
    kernel = graph.weight(layer, layer.kernel)
    # (out, in, ...) of (..., in, out)
    order = [rank + 1, rank, *range(rank)]
    weights = [graph.add("Transpose", kernel, perm=order)]
    if layer.use_bias:
        weights.append(graph.weight(layer, layer.bias))
    attributes = {"strides": list(layer.strides)}
    if any(apart != 1 for apart in layer.dilation_rate):
        attributes["dilations"] = list(layer.dilation_rate)
    if layer.groups != 1:
        attributes["group"] = layer.groups
    attributes |= _padding(layer, layer.kernel_size, layer.dilation_rate)
    x = _channels_first(graph, layer, x, "Conv", *weights, **attributes)
    return _activate(graph, layer, x)


def _pool(kind: str) -> Callable[[Graph, keras.Layer, str], str]:
    def write(graph: Graph, layer: keras.Layer, x: str) -> str:
        size = list(layer.pool_size)
        return _channels_first(
            graph,
            layer,
            x,
            kind,
            kernel_shape=size,
            strides=list(layer.strides),
            **_padding(layer, size, [1] * len(size)),
        )

    return write


def _global(kind: str) -> Callable[[Graph, keras.Layer, str], str]:
    def write(graph: Graph, layer: keras.Layer, x: str) -> str:
        axes = list(range(1, len(layer.input.shape) - 1))
        return graph.add(kind, x, axes=axes, keepdims=int(layer.keepdims))

    return write


def _dense(graph: Graph, layer: keras.Layer, x: str) -> str:
    x = graph.add("MatMul", x, graph.weight(layer, layer.kernel))
    if layer.use_bias:
        x = graph.add("Add", x, graph.weight(layer, layer.bias))
    return _activate(graph, layer, x)


def _batch_norm(graph: Graph, layer: keras.Layer, x: str) -> str:
    variance = graph.weight(layer, layer.moving_variance)
    variance = graph.add("Add", variance, np.float32(layer.epsilon))
    scale = graph.add("Reciprocal", graph.add("Sqrt", variance))
    if layer.scale:
        scale = graph.add("Mul", graph.weight(layer, layer.gamma), scale)
    mean = graph.add("Mul", graph.weight(layer, layer.moving_mean), scale)
    if layer.center:
        shift = graph.add("Sub", graph.weight(layer, layer.beta), mean)
    else:
        shift = graph.add("Neg", mean)
    rank = len(layer.input.shape)
    if layer.axis % rank != rank - 1:
        shape = np.ones(rank, "int64")
        shape[layer.axis] = -1
        scale, shift = (graph.add("Reshape", y, shape) for y in (scale, shift))
    return graph.add("Add", graph.add("Mul", x, scale), shift)


def _layer_norm(graph: Graph, layer: keras.Layer, x: str) -> str:
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    rank = len(layer.input.shape)
    if (layer.scale or layer.center) and sorted(a % rank for a in axes) != [rank - 1]:
        raise WeightsError(
            f"layer {layer.name} has weights for other axes than the last; it cannot "
            "be exported to ONNX"
        )
    x = graph.add("Sub", x, graph.add("ReduceMean", x, axes=axes, keepdims=1))
    squares = graph.add("Mul", x, x)
    variance = graph.add("ReduceMean", squares, axes=axes, keepdims=1)
    deviation = graph.add("Sqrt", graph.add("Add", variance, np.float32(layer.epsilon)))
    x = graph.add("Div", x, deviation)
    if layer.scale:
        x = graph.add("Mul", x, graph.weight(layer, layer.gamma))
    if layer.center:
        x = graph.add("Add", x, graph.weight(layer, layer.beta))
    return x


def _zero_padding(graph: Graph, layer: keras.Layer, x: str) -> str:
    padding = np.array(layer.padding).reshape(-1, 2)
    before, after = ([0, *padding[:, side], 0] for side in (0, 1))
    return graph.add("Pad", x, np.array([*before, *after], "int64"))


def _relu(graph: Graph, layer: keras.Layer, x: str) -> str:
    if layer.max_value is not None or layer.negative_slope or layer.threshold:
        raise WeightsError(f"layer {layer.name} is no plain ReLU")
    return graph.add("Relu", x)


# By name of the layer's class.
WRITERS: dict[str, Callable[..., str]] = {
    "Activation": _activate,
    "Add": _all("Add"),
    "AveragePooling1D": _pool("AveragePool"),
    "AveragePooling2D": _pool("AveragePool"),
    "BatchNormalization": _batch_norm,
    "Concatenate": lambda graph, layer, *inputs: graph.add(
        "Concat", *inputs, axis=layer.axis
    ),
    "Conv1D": _conv,
    "Conv2D": _conv,
    "Dense": _dense,
    "Dropout": lambda graph, layer, x: x,
    "Flatten": _reshape,
    "GlobalAveragePooling1D": _global("ReduceMean"),
    "GlobalAveragePooling2D": _global("ReduceMean"),
    "GlobalMaxPooling1D": _global("ReduceMax"),
    "GlobalMaxPooling2D": _global("ReduceMax"),
    "LayerNormalization": _layer_norm,
    "LogMel": write_log_mel,
    "MaxPooling1D": _pool("MaxPool"),
    "MaxPooling2D": _pool("MaxPool"),
    "Multiply": _all("Mul"),
    "Permute": lambda graph, layer, x: graph.add("Transpose", x, perm=[0, *layer.dims]),
    "ReLU": _relu,
    "Reshape": _reshape,
    "ZeroPadding1D": _zero_padding,
    "ZeroPadding2D": _zero_padding,
}
