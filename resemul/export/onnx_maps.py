"""How layers over maps are written as ONNX: convolutions, pools, normalisations."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from resemul.errors import WeightsError
from resemul.export.onnx_folding import CHANNEL_BLOCK
from resemul.export.onnx_nodes import Graph, Value

# Beyond all that a layer gives.
_NO_LIMIT = np.float32(3e38)


def write_conv(graph: Graph, layer: keras.Layer, x: Value) -> Value:
    """A convolution, without its activation."""
    rank = len(layer.kernel_size)
    kernel, bias = weights_of(graph, layer)
    if layer.name in graph.folding.widened:
        missing = -layer.filters % CHANNEL_BLOCK
        kernel = _append_zeros(graph, kernel, rank + 2, missing)
        bias = bias and _append_zeros(graph, bias, 1, missing)
    # (out, in, ...) of (..., in, out)
    kernel = graph.add("Transpose", kernel, perm=[rank + 1, rank, *range(rank)])
    if rank == 1:
        kernel = graph.add("Unsqueeze", kernel, np.array([2], "int64"))
    attributes = {"strides": _two(layer.strides, 1)}
    if any(apart != 1 for apart in layer.dilation_rate):
        attributes["dilations"] = _two(layer.dilation_rate, 1)
    if layer.groups != 1:
        attributes["group"] = layer.groups
    attributes |= _padding(layer, layer.kernel_size, layer.dilation_rate)
    weights = [kernel] if bias is None else [kernel, bias]
    y = graph.add("Conv", graph.image(x), *weights, **attributes)
    return Value(y, layer.output.shape, is_image=True)


def _append_zeros(graph: Graph, x: str, rank: int, count: int) -> str:
    """Makes the last dimension longer."""
    return graph.add("Pad", x, np.array([0] * (2 * rank - 1) + [count], "int64"))


def weights_of(graph: Graph, layer: keras.Layer) -> tuple[str, str | None]:
    """Kernel and bias of a linear layer, and of a normalisation that it takes over."""
    kernel = graph.weight(layer, layer.kernel)
    bias = graph.weight(layer, layer.bias) if layer.use_bias else None
    normalization = graph.folding.scaled.get(layer.name)
    if normalization is None:
        return kernel, bias
    scale, shift = _scale_and_shift(graph, normalization)
    if bias is not None:
        shift = graph.add("Add", graph.add("Mul", bias, scale), shift)
    return graph.add("Mul", kernel, scale), shift


def write_pool(kind: str) -> Callable[[Graph, keras.Layer, Value], Value]:
    """The writer of a pool: "MaxPool" or "AveragePool"."""

    def write(graph: Graph, layer: keras.Layer, x: Value) -> Value:
        y = graph.add(
            kind,
            graph.image(x),
            kernel_shape=_two(layer.pool_size, 1),
            strides=_two(layer.strides, 1),
            **_padding(layer, layer.pool_size, [1] * len(layer.pool_size)),
        )
        if layer.name in graph.folding.widened:
            channels = layer.output.shape[-1]
            y = graph.add("Slice", y, *(np.array([n]) for n in (0, channels, 1)))
        if layer.name in graph.folding.limited:
            y = _limit(graph, graph.folding.limited[layer.name], y)
        return Value(y, layer.output.shape, is_image=True)

    return write


def _limit(graph: Graph, normalization: keras.Layer, x: str) -> str:
    """What a ReLU before a normalisation does, after it, to an image."""
    scale, shift = _scale_and_shift(graph, normalization)
    is_rising = graph.add("Greater", scale, np.float32(0))
    lowest = graph.add("Where", is_rising, shift, -_NO_LIMIT)
    highest = graph.add("Where", is_rising, _NO_LIMIT, shift)
    column = np.array([-1, 1, 1], "int64")
    x = graph.add("Min", x, graph.add("Reshape", highest, column))
    return graph.add("Max", x, graph.add("Reshape", lowest, column))


def write_global_pool(kind: str) -> Callable[[Graph, keras.Layer, Value], Value]:
    """The writer of a pool over all places: "Max" or "Average"."""

    def write(graph: Graph, layer: keras.Layer, x: Value) -> Value:
        y = graph.add(f"Global{kind}Pool", graph.image(x))
        # (batch, channels, 1, 1)
        if layer.keepdims:
            return Value(y, layer.output.shape, is_image=True)
        return Value(graph.reshape(y, layer.output.shape[-1]), layer.output.shape)

    return write


def write_zero_padding(graph: Graph, layer: keras.Layer, x: Value) -> Value:
    """Zeros at either end of each dimension."""
    padding = _two(np.array(layer.padding).reshape(-1, 2).tolist(), [0, 0])
    before, after = ([0, 0, *(pair[side] for pair in padding)] for side in (0, 1))
    y = graph.add("Pad", graph.image(x), np.array([*before, *after], "int64"))
    return Value(y, layer.output.shape, is_image=True)


def write_batch_norm(graph: Graph, layer: keras.Layer, x: Value) -> Value:
    """A batch normalisation that no layer before it takes over."""
    rank = len(layer.input.shape)
    if x.is_image and layer.axis % rank == rank - 1:
        return _write_image_norm(graph, layer, x)
    scale, shift = _scale_and_shift(graph, layer)
    if layer.input.shape[-1] == 1 and layer.axis % rank == rank - 1:
        # As an image, whose last dimension is a long one: many times as fast.
        y = graph.add("Add", graph.add("Mul", graph.image(x), scale), shift)
        return Value(y, layer.output.shape, is_image=True)
    if layer.axis % rank != rank - 1:
        shape = np.ones(rank, "int64")
        shape[layer.axis] = -1
        scale, shift = (graph.add("Reshape", y, shape) for y in (scale, shift))
    y = graph.add("Add", graph.add("Mul", graph.array(x), scale), shift)
    return Value(y, layer.output.shape)


def _write_image_norm(graph: Graph, layer: keras.Layer, x: Value) -> Value:
    channels = np.zeros(layer.input.shape[-1], "float32")
    y = graph.add(
        "BatchNormalization",
        x.name,
        graph.weight(layer, layer.gamma) if layer.scale else channels + 1,
        graph.weight(layer, layer.beta) if layer.center else channels,
        graph.weight(layer, layer.moving_mean),
        graph.weight(layer, layer.moving_variance),
        epsilon=float(layer.epsilon),
    )
    return Value(y, layer.output.shape, is_image=True)


def _scale_and_shift(graph: Graph, layer: keras.Layer) -> tuple[str, str]:
    """A batch normalisation as a factor and a summand for each channel."""
    if layer.name not in graph.factors:
        graph.factors[layer.name] = _write_scale_and_shift(graph, layer)
    return graph.factors[layer.name]


def _write_scale_and_shift(graph: Graph, layer: keras.Layer) -> tuple[str, str]:
    variance = graph.weight(layer, layer.moving_variance)
    variance = graph.add("Add", variance, np.float32(layer.epsilon))
    scale = graph.add("Reciprocal", graph.add("Sqrt", variance))
    if layer.scale:
        scale = graph.add("Mul", graph.weight(layer, layer.gamma), scale)
    mean = graph.add("Mul", graph.weight(layer, layer.moving_mean), scale)
    if layer.center:
        return scale, graph.add("Sub", graph.weight(layer, layer.beta), mean)
    return scale, graph.add("Neg", mean)


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
    return {"pads": [*_two(before, 0), *_two(after, 0)]}


def _two(sizes: Sequence[Any], first: Any) -> list[Any]:
    """Of one dimension two: time is the width of an image of height 1."""
    return [first, *sizes] if len(sizes) == 1 else list(sizes)
