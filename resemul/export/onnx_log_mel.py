"""The log-mel spectrogram as ONNX."""

import math

import numpy as np

from resemul.export.onnx_file import FLOAT, FLOAT16
from resemul.export.onnx_nodes import Graph
from resemul.models.frontends import FLOAT16_MAX, LOG_FACTORS, LogMel
from resemul.models.mel import mel_filter_bank


def write_log_mel(graph: Graph, layer: LogMel, x: str) -> str:
    """The spectrogram, its Fourier transform as a convolution.

    Its tables are computed by the graph from short ones, as written out they would be
    most of a file without weights.
    """
    size = layer.fft_size
    if layer.padding:
        pads = np.array([0, size // 2, 0, size // 2], "int64")
        mode = "constant" if layer.padding == "zeros" else "reflect"
        x = graph.add("Pad", x, pads, mode=mode)
    x = graph.add("Unsqueeze", x, np.array([1], "int64"))
    # (batch, 1, samples)
    kernels = _fourier_kernels(graph, size)
    parts = [graph.add("Conv", x, kernel, strides=[layer.hop]) for kernel in kernels]
    x = graph.add("Add", *(graph.add("Mul", part, part) for part in parts))
    # (batch, bins, frames)
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
    x = graph.add("MatMul", _sparse(graph, filters.T), x)
    # (batch, bands, frames)
    padding = 2 * (size // 2) if layer.padding else 0
    count = (layer.input.shape[1] + padding - size) // layer.hop + 1
    if layer.num_frames not in (None, count):
        # A negative number crops.
        missing = layer.num_frames - count
        x = graph.add("Pad", x, np.array([0, 0, 0, 0, 0, missing], "int64"))
    if layer.half_precision:
        x = graph.add("Min", x, np.float32(FLOAT16_MAX))
        x = graph.add("Cast", x, to=FLOAT16)
        x = graph.add("Cast", x, to=FLOAT)
    return _take_log(graph, layer, x)


def _fourier_kernels(graph: Graph, size: int) -> list[str]:
    """Windowed cosines and sines, `(size // 2 + 1, 1, size)` each."""
    time = np.arange(size)
    window = graph.constant(0.5 - 0.5 * np.cos(2 * np.pi * time / size))
    # All angles are multiples of one; which is an exact number.
    bins = graph.constant(np.arange(size // 2 + 1)[:, None])
    turns = graph.add("Mul", bins, graph.constant(time))
    turns = graph.add("Mod", turns, np.array(size))
    kernels = []
    for wave in (np.cos, np.sin):
        table = graph.constant(wave(2 * np.pi * time / size))
        values = graph.add("Mul", graph.add("Gather", table, turns), window)
        kernels.append(graph.add("Unsqueeze", values, np.array([1])))
    return kernels


def _sparse(graph: Graph, matrix: np.ndarray) -> str:
    """A matrix by those of its elements that are not 0."""
    places = np.argwhere(matrix)
    zeros = graph.add("ConstantOfShape", np.array(matrix.shape))
    return graph.add("ScatterND", zeros, places, matrix[tuple(places.T)])


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
