"""The log-mel spectrogram as ONNX."""

import math

import numpy as np

from resemul.export.onnx_file import FLOAT, FLOAT16
from resemul.export.onnx_nodes import Graph, Value
from resemul.models.frontends import FLOAT16_MAX, LOG_FACTORS, LogMel
from resemul.models.mel import mel_filter_bank


def write_log_mel(graph: Graph, layer: LogMel, value: Value) -> Value:
    """The spectrogram, its Fourier transform as two steps of matrix products.

    Sample `N2 n1 + n2` of a frame of `N1 N2` and bin `k1 + N1 k2` are what they are
    called after here: the first step is over `n1`, the second over `n2` (Cooley and
    Tukey, 1965). For 512 samples that is a seventh of the work of the whole matrix,
    for 2,048 a fifteenth. Tables are computed by the graph from short ones, as written
    out they would be most of a file without weights.
    """
    size, x = layer.fft_size, graph.array(value)
    padding = 2 * (size // 2) if layer.padding else 0
    if layer.padding:
        pads = np.array([0, size // 2, 0, size // 2], "int64")
        mode = "constant" if layer.padding == "zeros" else "reflect"
        x = graph.add("Pad", x, pads, mode=mode)
    count = (layer.input.shape[1] + padding - size) // layer.hop + 1
    short = _second_size(size, layer.hop)
    powers = _powers(graph, _frames(graph, x, layer, count, short), size, short)
    # (N2, batch * frames, N1 // 2 + 1)
    x = graph.add("Transpose", powers, perm=[1, 0, 2])
    filters = _filters(layer, size // short)
    x = graph.add("Reshape", x, np.array([-1, count, len(filters)], "int64"))
    if layer.power != 2:
        x = graph.add("Pow", x, np.float32(layer.power / 2))
    x = graph.add("MatMul", x, _sparse(graph, filters))
    # (batch, frames, bands)
    if layer.num_frames not in (None, count):
        # A negative number crops.
        missing = layer.num_frames - count
        x = graph.add("Pad", x, np.array([0, 0, 0, 0, missing, 0], "int64"))
    if layer.half_precision:
        x = graph.add("Min", x, np.float32(FLOAT16_MAX))
        x = graph.add("Cast", x, to=FLOAT16)
        x = graph.add("Cast", x, to=FLOAT)
    x = graph.add("Transpose", _take_log(graph, layer, x), perm=[0, 2, 1])
    return Value(x, layer.output.shape)


def _second_size(size: int, hop: int) -> int:
    """N2: such that both steps are about as large; a divisor of the hop."""
    sizes = range(1, math.isqrt(size) + 1)
    return max(n for n in sizes if size % n == 0 and hop % n == 0)


def _frames(graph: Graph, x: str, layer: LogMel, count: int, short: int) -> str:
    """Every `short`th sample of a frame in a row: `(N2, 1, batch * frames, N1)`."""
    long, step = layer.fft_size // short, layer.hop // short
    rows = (count - 1) * step + long
    x = graph.add("Slice", x, *(np.array([n]) for n in (0, rows * short, 1)))
    x = graph.reshape(x, rows, short)
    x = graph.add("Transpose", x, perm=[2, 0, 1])
    # A frame is several blocks, of which it shares most with the next.
    block = math.gcd(long, step)
    x = graph.add("Reshape", x, np.array([short, -1, rows // block, block], "int64"))
    stride = step // block
    parts = [
        graph.add(
            "Slice",
            x,
            np.array([first]),
            np.array([first + (count - 1) * stride + 1]),
            np.array([2]),
            np.array([stride]),
        )
        for first in range(long // block)
    ]
    x = graph.add("Concat", *parts, axis=3)
    return graph.add("Reshape", x, np.array([short, 1, -1, long], "int64"))


def _powers(graph: Graph, frames: str, size: int, short: int) -> str:
    """The squared magnitudes `(N2, batch * frames, N1 // 2 + 1)` of `_frames`.

    Of bins `k1 + N1 k2`, at `(k2, ..., k1)`.
    """
    num_first = size // short // 2 + 1
    x = graph.add("MatMul", frames, _first_step(graph, size, short))
    # (N2, 2, batch * frames, N1 // 2 + 1): real and imaginary parts
    x = graph.add("Reshape", x, np.array([2 * short, -1], "int64"))
    x = graph.add("MatMul", graph.constant(_second_step(short)), x)
    x = graph.add("Reshape", x, np.array([2, short, -1, num_first], "int64"))
    squares = graph.add("Mul", x, x)
    return graph.add("ReduceSum", squares, np.array([0]), keepdims=0)


def _first_step(graph: Graph, size: int, short: int) -> str:
    """Cosines and sines over `n1`, windowed, and turned by `n2`.

    `(N2, 2, N1, N1 // 2 + 1)`.
    """
    time = np.arange(size)
    # In the order (n2, n1, 1).
    order = graph.constant(np.arange(size).reshape(-1, short).T[:, :, None])
    # All angles are multiples of one; which is an exact number.
    bins = np.arange(size // short // 2 + 1)
    turns = graph.add("Mul", order, graph.constant(bins))
    turns = graph.add("Mod", turns, np.array(size))
    window = graph.constant(0.5 - 0.5 * np.cos(2 * np.pi * time / size))
    window = graph.add("Gather", window, order)
    parts = []
    for wave in (np.cos(2 * np.pi * time / size), -np.sin(2 * np.pi * time / size)):
        values = graph.add("Gather", graph.constant(wave), turns)
        windowed = graph.add("Mul", values, window)
        parts.append(graph.add("Unsqueeze", windowed, np.array([1])))
    return graph.add("Concat", *parts, axis=1)


def _second_step(short: int) -> np.ndarray:
    """The transform over `n2`: `(real and imaginary k2, n2 real and imaginary)`."""
    turns = np.outer(np.arange(short), np.arange(short)) % short / short
    wave = np.exp(-2j * np.pi * turns)
    real = np.stack([wave.real, -wave.imag], axis=-1)
    imaginary = np.stack([wave.imag, wave.real], axis=-1)
    return np.concatenate([real, imaginary]).reshape(2 * short, 2 * short)


def _filters(layer: LogMel, long: int) -> np.ndarray:
    """The mel filters for bins in the order of `_powers`: `(N2 (N1 // 2 + 1), bands)`.

    A bin beyond the half of N1 is found as its mirror image.
    """
    size = layer.fft_size
    filters = mel_filter_bank(
        layer.sample_rate,
        size,
        layer.num_bands,
        layer.mel_scale,
        layer.mel_norm,
        layer.low_hz,
        layer.high_hz,
    )
    bins = np.arange(size // 2 + 1)
    found = np.where(bins % long <= long // 2, bins, size - bins)
    num_first = long // 2 + 1
    ordered = np.zeros((size // long * num_first, layer.num_bands))
    ordered[found // long * num_first + found % long] = filters
    return ordered


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
