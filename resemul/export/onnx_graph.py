"""Our models as ONNX graphs, written layer by layer.

Keras leaves this to a converter that does not work with today's TensorFlow. The
models are made of some twenty kinds of layers, so they are written here instead, with
operations that every runtime has. Arrays keep Keras' order of dimensions (channels
last); the transpositions around convolutions are what runtimes remove first.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from resemul.errors import WeightsError
from resemul.models.frontends import FLOAT16_MAX, LOG_FACTORS, LogMel
from resemul.models.mel import mel_filter_bank

# The last one with the axes of reductions as attributes.
OPSET = 17


class Graph:
    """Nodes and constants, in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: Any, **attributes: Any) -> str:
        """Adds a node; inputs are names, or arrays. Returns its output's name."""
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [output], **attributes))
        return output

    def constant(self, value: Any) -> str:
        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = array.astype("float32")
        name = f"constant_{len(self.constants)}"
        self.constants.append(
            numpy_helper.from_array(np.ascontiguousarray(array), name)
        )
        return name


def build_onnx(model: keras.Model) -> onnx.ModelProto:
    """Writes a functional model; input `waveform`, output `tags`, any batch size.

    Raises:
        WeightsError: it has a layer that cannot be written.
    """
    graph, names = Graph(), {id(model.inputs[0]): "waveform"}
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        writer = WRITERS.get(type(layer).__name__)
        if writer is None:
            raise WeightsError(
                f"layer {layer.name} ({type(layer).__name__}) cannot be exported to "
                "ONNX"
            )
        sources = layer.input if isinstance(layer.input, list) else [layer.input]
        inputs = [names[id(source)] for source in sources]
        names[id(layer.output)] = writer(graph, layer, *inputs)
    last = names[id(model.outputs[0])]
    graph.nodes.append(helper.make_node("Identity", [last], ["tags"]))
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            model.name,
            [_value("waveform", model.input_shape)],
            [_value("tags", model.output_shape)],
            graph.constants,
        ),
        producer_name="resemul",
        opset_imports=[helper.make_opsetid("", OPSET)],
        # Of opset 17; the newest would be refused by older runtimes.
        ir_version=8,
    )
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _value(name: str, shape: tuple) -> onnx.ValueInfoProto:
    dimensions = ["batch", *shape[1:]]
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, dimensions)


def _activate(graph: Graph, layer: keras.Layer, x: str) -> str:
    kind = {"relu": "Relu", "sigmoid": "Sigmoid", "linear": None}[
        layer.activation.__name__
    ]
    return graph.add(kind, x) if kind else x


def _reshape(graph: Graph, layer: keras.Layer, x: str) -> str:
    # 0 copies the batch size.
    return graph.add("Reshape", x, np.array([0, *layer.output.shape[1:]], "int64"))


def _channels_first(
    graph: Graph, layer: keras.Layer, x: str, kind: str, **kw: Any
) -> str:
    """Adds an operation that wants channels first, between two transpositions."""
    rank = len(layer.input.shape)
    constants = kw.pop("constants", ())
    x = graph.add("Transpose", x, perm=[0, rank - 1, *range(1, rank - 1)])
    padding = "SAME_UPPER" if layer.padding == "same" else "VALID"
    x = graph.add(kind, x, *constants, auto_pad=padding, **kw)
    return graph.add("Transpose", x, perm=[0, *range(2, rank), 1])


def _conv(graph: Graph, layer: keras.Layer, x: str) -> str:
    kernel = np.moveaxis(np.asarray(layer.kernel), (-1, -2), (0, 1))
    constants = [kernel, *([np.asarray(layer.bias)] if layer.use_bias else [])]
    x = _channels_first(
        graph, layer, x, "Conv", constants=constants, strides=layer.strides
    )
    return _activate(graph, layer, x)


def _pool(kind: str) -> Callable[[Graph, keras.Layer, str], str]:
    def write(graph: Graph, layer: keras.Layer, x: str) -> str:
        size, strides = layer.pool_size, layer.strides
        return _channels_first(
            graph, layer, x, kind, kernel_shape=size, strides=strides
        )

    return write


def _global(kind: str) -> Callable[[Graph, keras.Layer, str], str]:
    def write(graph: Graph, layer: keras.Layer, x: str) -> str:
        axes = list(range(1, len(layer.input.shape) - 1))
        return graph.add(kind, x, axes=axes, keepdims=int(layer.keepdims))

    return write


def _dense(graph: Graph, layer: keras.Layer, x: str) -> str:
    x = graph.add("MatMul", x, np.asarray(layer.kernel))
    if layer.use_bias:
        x = graph.add("Add", x, np.asarray(layer.bias))
    return _activate(graph, layer, x)


def _batch_norm(graph: Graph, layer: keras.Layer, x: str) -> str:
    variance = np.asarray(layer.moving_variance, "float64")
    scale = 1 / np.sqrt(variance + layer.epsilon)
    if layer.scale:
        scale *= np.asarray(layer.gamma)
    shift = -np.asarray(layer.moving_mean) * scale
    if layer.center:
        shift += np.asarray(layer.beta)
    rank = len(layer.input.shape)
    shape = [1] * rank
    shape[layer.axis % rank] = -1
    x = graph.add("Mul", x, scale.reshape(shape))
    return graph.add("Add", x, shift.reshape(shape))


def _layer_norm(graph: Graph, layer: keras.Layer, x: str) -> str:
    if layer.scale or layer.center:
        raise WeightsError(f"layer {layer.name} has weights; ONNX export has no place")
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    x = graph.add("Sub", x, graph.add("ReduceMean", x, axes=axes, keepdims=1))
    squares = graph.add("Mul", x, x)
    variance = graph.add("ReduceMean", squares, axes=axes, keepdims=1)
    deviation = graph.add("Sqrt", graph.add("Add", variance, np.float32(layer.epsilon)))
    return graph.add("Div", x, deviation)


def _zero_padding(graph: Graph, layer: keras.Layer, x: str) -> str:
    padding = np.array(layer.padding).reshape(-1, 2)
    before, after = ([0, *padding[:, side], 0] for side in (0, 1))
    return graph.add("Pad", x, np.array([*before, *after], "int64"))


def _log_mel(graph: Graph, layer: LogMel, x: str) -> str:
    """The spectrogram, its Fourier transform as a convolution."""
    size = layer.fft_size
    if layer.padding:
        pads = np.array([0, size // 2, 0, size // 2], "int64")
        mode = "constant" if layer.padding == "zeros" else "reflect"
        x = graph.add("Pad", x, pads, mode=mode)
    x = graph.add("Unsqueeze", x, np.array([1], "int64"))
    # (batch, 1, samples)
    time, bins = np.arange(size), np.arange(size // 2 + 1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * time / size)
    waves = np.exp(-2j * np.pi * (bins[:, None] * time % size) / size) * window
    kernels = (waves.real[:, None], waves.imag[:, None])
    parts = [graph.add("Conv", x, kernel, strides=[layer.hop]) for kernel in kernels]
    # (batch, bins, frames)
    x = graph.add("Add", *(graph.add("Mul", part, part) for part in parts))
    if layer.power != 2:
        x = graph.add("Pow", x, np.float32(layer.power / 2))
    filters = mel_filter_bank(
        layer.sample_rate,
        size,
        layer.num_bands,
        layer.mel_scale,
        layer.mel_norm,
        layer.low_hz,
        layer.high_hz,
    )
    x = graph.add("MatMul", filters.T, x)
    # (batch, bands, frames)
    padding = 2 * (size // 2) if layer.padding else 0
    count = (layer.input.shape[1] + padding - size) // layer.hop + 1
    if layer.num_frames not in (None, count):
        # A negative number crops.
        missing = layer.num_frames - count
        x = graph.add("Pad", x, np.array([0, 0, 0, 0, 0, missing], "int64"))
    if layer.half_precision:
        x = graph.add("Min", x, np.float32(FLOAT16_MAX))
        x = graph.add("Cast", x, to=TensorProto.FLOAT16)
        x = graph.add("Cast", x, to=TensorProto.FLOAT)
    return _take_log(graph, layer, x)


def _take_log(graph: Graph, layer: LogMel, x: str) -> str:
    if layer.log is None:
        return x
    factor = LOG_FACTORS[layer.log] / math.log(10)
    if layer.log == "one_plus":
        x = graph.add("Mul", x, np.float32(layer.gain))
        x = graph.add("Add", x, np.float32(1))
    x = graph.add("Log", graph.add("Max", x, np.float32(layer.floor)))
    x = graph.add("Mul", x, np.float32(factor))
    if layer.reference == "max":
        x = graph.add("Sub", x, graph.add("ReduceMax", x, axes=[1, 2], keepdims=1))
    elif layer.reference != 1:
        shift = factor * math.log(max(float(layer.reference), layer.floor))
        x = graph.add("Sub", x, np.float32(shift))
    if layer.top_db is None:
        return x
    loudest = graph.add("ReduceMax", x, axes=[1, 2], keepdims=1)
    return graph.add("Max", x, graph.add("Sub", loudest, np.float32(layer.top_db)))


# By name of the layer's class.
WRITERS: dict[str, Callable[..., str]] = {
    "Activation": _activate,
    "Add": lambda graph, layer, *inputs: graph.add("Add", *inputs),
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
    "GlobalMaxPooling1D": _global("ReduceMax"),
    "GlobalMaxPooling2D": _global("ReduceMax"),
    "LayerNormalization": _layer_norm,
    "LogMel": _log_mel,
    "MaxPooling1D": _pool("MaxPool"),
    "MaxPooling2D": _pool("MaxPool"),
    "Multiply": lambda graph, layer, *inputs: graph.add("Mul", *inputs),
    "Permute": lambda graph, layer, x: graph.add("Transpose", x, perm=[0, *layer.dims]),
    "Reshape": _reshape,
    "ZeroPadding1D": _zero_padding,
    "ZeroPadding2D": _zero_padding,
}
