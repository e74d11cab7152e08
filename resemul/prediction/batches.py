"""Means over the segments of clips; batches of one size."""

from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

# Segments in a batch; on a CPU larger ones are not faster, only larger.
BATCH_SIZE = 32


def choose_jit() -> bool | str:
    """The `jit_compile` to use: Keras' choice, but not XLA on a CPU.

    There, XLA takes half a minute to compile a sample-level CNN, and the result is
    slower than TensorFlow's own kernels.
    """
    on_tensorflow = keras.backend.backend() == "tensorflow"
    if on_tensorflow and not keras.distribution.list_devices("gpu"):
        return False
    return "auto"


def predict_clips(
    model: keras.Model, clips: Iterable[np.ndarray], batch_size: int = BATCH_SIZE
) -> Iterator[list[np.ndarray]]:
    """Averages each output of `model` over the segments of each clip.

    Args and batches are those of `predict_each`.

    Yields:
        Per clip, in order, one array per output: its mean over the segments.
    """
    for outputs in predict_each(model, clips, batch_size):
        yield [output.mean(axis=0) for output in outputs]


def predict_each(
    model: keras.Model, clips: Iterable[np.ndarray], batch_size: int = BATCH_SIZE
) -> Iterator[list[np.ndarray]]:
    """Returns each output of `model` for the segments of each clip.

    Batches are filled across clips and all have the same size, so the model is
    traced once whatever the lengths. Clips are read as they are needed.

    Args:
        model: takes `(batch, num_samples)`; one output or a list of them.
        clips: waveforms `(segments, num_samples)`, at least one segment each.
        batch_size: segments in a batch.

    Yields:
        Per clip, in order, one array per output: `(segments, ...)`.
    """
    _prepare(model)
    sizes: list[int] = []
    finished: list[np.ndarray] = []
    for outputs in _run_batches(model, _segments(clips, sizes), batch_size):
        finished = (
            [np.concatenate(pair) for pair in zip(finished, outputs, strict=True)]
            if finished
            else outputs
        )
        while sizes and len(finished[0]) >= sizes[0]:
            yield _take(finished, sizes.pop(0))


def predict_segments(
    model: keras.Model, batches: Iterable[np.ndarray]
) -> Iterator[np.ndarray]:
    """Yields the model's output for each batch; a smaller last batch is padded."""
    _prepare(model)
    size = 0
    for batch in batches:
        size = max(size, len(batch))
        yield _predict_padded(model, np.asarray(batch), size)[0]


def _prepare(model: keras.Model) -> None:
    if choose_jit() is False:
        model.jit_compile = False


def _segments(clips: Iterable[np.ndarray], sizes: list[int]) -> Iterator[np.ndarray]:
    """Yields segment after segment; `sizes` gets the number in each clip begun."""
    for clip in clips:
        if len(clip) == 0:
            raise ValueError("a clip has no segments")
        sizes.append(len(clip))
        yield from np.asarray(clip)


def _run_batches(
    model: keras.Model, segments: Iterator[np.ndarray], batch_size: int
) -> Iterator[list[np.ndarray]]:
    batch: list[np.ndarray] = []
    for segment in segments:
        batch.append(segment)
        if len(batch) == batch_size:
            yield _predict_padded(model, np.stack(batch), batch_size)
            batch = []
    if batch:
        yield _predict_padded(model, np.stack(batch), batch_size)


def _predict_padded(model: keras.Model, batch: np.ndarray, size: int) -> list[Any]:
    num_segments = len(batch)
    if num_segments < size:
        batch = np.concatenate(
            [batch, np.zeros((size - num_segments, *batch.shape[1:]), batch.dtype)]
        )
    outputs = model.predict_on_batch(batch)
    if not isinstance(outputs, list):
        outputs = [outputs]
    return [np.asarray(output)[:num_segments] for output in outputs]


def _take(outputs: list[np.ndarray], num_segments: int) -> list[np.ndarray]:
    """Removes the first segments from `outputs`, in place, and returns them."""
    taken = [output[:num_segments] for output in outputs]
    outputs[:] = [output[num_segments:] for output in outputs]
    return taken
