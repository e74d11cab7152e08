"""How each kind of layer is written as ONNX."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from resemul.errors import WeightsError
from resemul.export.onnx_log_mel import write_log_mel
from resemul.export.onnx_maps import (
    weights_of,
    write_batch_norm,
    write_conv,
    write_global_pool,
    write_pool,
    write_zero_padding,
)
from resemul.export.onnx_nodes import Graph, Value

# By the name of Keras' function.
_ACTIVATIONS = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softmax": "Softmax",
    "linear": None,
}


def _activate(graph: Graph, layer: keras.Layer, x: Value) -> Value:
    name = getattr(layer.activation, "__name__", str(layer.activation))
    if name not in _ACTIVATIONS:
        raise WeightsError(
            f"layer {layer.name} has the activation {name!r}, which cannot be exported "
            "to ONNX"
        )
    kind = _ACTIVATIONS[name]
    if kind is None:
        return x
    if kind == "Softmax":  # over the channels, which it wants last
        return Value(graph.add(kind, graph.array(x)), layer.output.shape)
    return Value(graph.add(kind, x.name), layer.output.shape, x.is_image)


def _conv(graph: Graph, layer: keras.Layer, x: Value) -> Value:
    y = write_conv(graph, layer, x)
    # The ReLU before a normalisation that it takes over comes after the pool.
    return y if layer.name in graph.folding.scaled else _activate(graph, layer, y)


def _dense(graph: Graph, layer: keras.Layer, x: Value) -> Value:
    kernel, bias = weights_of(graph, layer)
    y = graph.add("MatMul", graph.array(x), kernel)
    if bias is not None:
        y = graph.add("Add", y, bias)
    return _activate(graph, layer, Value(y, layer.output.shape))


def _reshape(graph: Graph, layer: keras.Layer, x: Value) -> Value:
    _, *sizes = layer.output.shape
    if x.is_image and _is_same_map(x.shape[1:], sizes):
        *places, channels = sizes
        image = [channels, *([1, *places] if len(places) == 1 else places)]
        return Value(graph.reshape(x.name, *image), layer.output.shape, is_image=True)
    return Value(graph.reshape(graph.array(x), *sizes), layer.output.shape)


def _is_same_map(before: tuple[Any, ...], after: list[Any]) -> bool:
    """Whether only dimensions of size 1 come or go, and the channels stay."""
    is_map = len(after) in (2, 3) and before[-1] == after[-1]
    return is_map and [n for n in before if n != 1] == [n for n in after if n != 1]


def _all(kind: str) -> Callable[..., Value]:
    """An operation of two, over any number of inputs."""

    def write(graph: Graph, layer: keras.Layer, *inputs: Value) -> Value:
        names, is_image = _in_one_order(graph, inputs)
        first, *others = names
        for other in others:
            first = graph.add(kind, first, other)
        return Value(first, layer.output.shape, is_image)

    return write


def _concatenate(graph: Graph, layer: keras.Layer, *inputs: Value) -> Value:
    rank = len(layer.output.shape)
    is_over_channels = layer.axis % rank == rank - 1
    if is_over_channels:
        names, is_image = _in_one_order(graph, inputs)
    else:
        names, is_image = [graph.array(x) for x in inputs], False
    y = graph.add("Concat", *names, axis=1 if is_image else layer.axis)
    return Value(y, layer.output.shape, is_image)


def _in_one_order(graph: Graph, inputs: tuple[Value, ...]) -> tuple[list[str], bool]:
    """All as images if one is and all are maps; else all in Keras' order."""
    ranks = {len(x.shape) for x in inputs}
    if any(x.is_image for x in inputs) and len(ranks) == 1:
        return [graph.image(x) for x in inputs], True
    return [graph.array(x) for x in inputs], False


def _permute(graph: Graph, layer: keras.Layer, x: Value) -> Value:
    y = graph.add("Transpose", graph.array(x), perm=[0, *layer.dims])
    return Value(y, layer.output.shape)


def _layer_norm(graph: Graph, layer: keras.Layer, value: Value) -> Value:
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    rank = len(layer.input.shape)
    if (layer.scale or layer.center) and sorted(a % rank for a in axes) != [rank - 1]:
        raise WeightsError(
            f"layer {layer.name} has weights for other axes than the last; it cannot "
            "be exported to ONNX"
        )
    x = graph.array(value)
    x = graph.add("Sub", x, graph.add("ReduceMean", x, axes=axes, keepdims=1))
    squares = graph.add("Mul", x, x)
    variance = graph.add("ReduceMean", squares, axes=axes, keepdims=1)
    deviation = graph.add("Sqrt", graph.add("Add", variance, np.float32(layer.epsilon)))
    x = graph.add("Div", x, deviation)
    if layer.scale:
        x = graph.add("Mul", x, graph.weight(layer, layer.gamma))
    if layer.center:
        x = graph.add("Add", x, graph.weight(layer, layer.beta))
    return Value(x, layer.output.shape)


def _relu(graph: Graph, layer: keras.Layer, x: Value) -> Value:
    if layer.max_value is not None or layer.negative_slope or layer.threshold:
        raise WeightsError(f"layer {layer.name} is no plain ReLU")
    return Value(graph.add("Relu", x.name), layer.output.shape, x.is_image)


# By name of the layer's class.
WRITERS: dict[str, Callable[..., Value]] = {
    "Activation": _activate,
    "Add": _all("Add"),
    "AveragePooling1D": write_pool("AveragePool"),
    "AveragePooling2D": write_pool("AveragePool"),
    "BatchNormalization": write_batch_norm,
    "Concatenate": _concatenate,
    "Conv1D": _conv,
    "Conv2D": _conv,
    "Dense": _dense,
    "Dropout": lambda graph, layer, x: x,
    "Flatten": _reshape,
    "GlobalAveragePooling1D": write_global_pool("Average"),
    "GlobalAveragePooling2D": write_global_pool("Average"),
    "GlobalMaxPooling1D": write_global_pool("Max"),
    "GlobalMaxPooling2D": write_global_pool("Max"),
    "LayerNormalization": _layer_norm,
    "LogMel": write_log_mel,
    "MaxPooling1D": write_pool("MaxPool"),
    "MaxPooling2D": write_pool("MaxPool"),
    "Multiply": _all("Mul"),
    "Permute": _permute,
    "ReLU": _relu,
    "Reshape": _reshape,
    "ZeroPadding1D": write_zero_padding,
    "ZeroPadding2D": write_zero_padding,
}
