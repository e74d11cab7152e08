"""Segments of many clips through a model, in batches, and back to their clips."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from resemul.constants import NUM_SAMPLES

if TYPE_CHECKING:
    import keras

# Segments in a batch; on a CPU larger ones are not faster, only larger.
BATCH_SIZE = 32
# What such a batch of the shortest models holds. One of 29 s segments as long as that
# takes gigabytes inside the model.
_MAX_SAMPLES = BATCH_SIZE * NUM_SAMPLES

Companion = TypeVar("Companion")
# Segments `(n, num_samples)` to one array `(n, ...)` for each output.
Predict = Callable[[np.ndarray], list[np.ndarray]]


def choose_batch_size(num_samples: int) -> int:
    """Segments of `num_samples` in a batch: `BATCH_SIZE`, fewer if they are long."""
    return max(1, min(BATCH_SIZE, _MAX_SAMPLES // max(1, num_samples)))


def predict_pairs(
    model: "keras.Model",
    pairs: Iterable[tuple[np.ndarray, Companion]],
    batch_size: int | None = None,
) -> Iterator[tuple[list[np.ndarray], Companion]]:
    """Returns each output of `model` for the segments of each clip.

    Args:
        model: takes `(batch, num_samples)`; one output or a list of them.
        pairs: waveforms `(segments, num_samples)`, at least one segment each, and
            what goes with them: labels, a path, ...
        batch_size: most segments in a batch; None for `choose_batch_size`.

    Yields:
        Per clip, in order, one array per output, `(segments, ...)`, and what came
        with the clip.
    """
    size = batch_size or choose_batch_size(int(model.input_shape[-1]))
    return fill_batches(_predictor(model, size), pairs, size)


def fill_batches(
    predict: Predict,
    pairs: Iterable[tuple[np.ndarray, Companion]],
    batch_size: int,
    across_clips: bool = True,
) -> Iterator[tuple[list[np.ndarray], Companion]]:
    """Runs the segments of clips through `predict` in batches.

    No batch is larger than what there is to predict: only the last one is smaller
    than `batch_size`. Clips are read as they are needed, and each is given as soon
    as its last segment is predicted.

    Args:
        predict: what runs a batch; needs no Keras.
        pairs: segments `(segments, num_samples)` of a clip, and what goes with them.
        batch_size: most segments in a batch.
        across_clips: fills batches across clips. Without it a clip's last batch is
            its own, so that it need not wait for the next clip to be read.

    Yields:
        Per clip, in order, one array per output, `(segments, ...)`, and what came
        with the clip.

    Raises:
        ValueError: a clip has no segments.
    """
    queue: _Queue[Companion] = _Queue()
    for segments, companion in pairs:
        queue.add(np.asarray(segments), companion)
        while queue.num_segments >= batch_size:
            yield from queue.run(predict, batch_size)
        if not across_clips and queue.num_segments:
            yield from queue.run(predict, batch_size)
    if queue.num_segments:
        yield from queue.run(predict, batch_size)


@dataclass
class _Clip(Generic[Companion]):
    """A clip some of whose segments are still to be predicted."""

    companion: Companion
    num_segments: int
    outputs: list[list[np.ndarray]] = field(default_factory=list)
    num_predicted: int = 0

    def take(self, outputs: list[np.ndarray], first: int) -> int:
        """Takes its own rows of `outputs` from row `first` on; returns their number."""
        num_taken = min(len(outputs[0]) - first, self.num_segments - self.num_predicted)
        self.outputs.append([output[first : first + num_taken] for output in outputs])
        self.num_predicted += num_taken
        return num_taken

    def joined(self) -> list[np.ndarray]:
        """One array per output, `(segments, ...)`."""
        if len(self.outputs) == 1:
            return self.outputs[0]
        return [np.concatenate(parts) for parts in zip(*self.outputs, strict=True)]


class _Queue(Generic[Companion]):
    """Clips in order, and those of their segments that have not been predicted."""

    def __init__(self) -> None:
        self._clips: deque[_Clip[Companion]] = deque()
        self._segments: deque[np.ndarray] = deque()
        self.num_segments = 0

    def add(self, segments: np.ndarray, companion: Companion) -> None:
        if len(segments) == 0:
            raise ValueError("a clip has no segments")
        self._clips.append(_Clip(companion, len(segments)))
        self._segments.append(segments)
        self.num_segments += len(segments)

    def run(
        self, predict: Predict, batch_size: int
    ) -> Iterator[tuple[list[np.ndarray], Companion]]:
        """Predicts one batch; yields the clips that are complete with it."""
        outputs = predict(self._next_batch(batch_size))
        row = 0
        while row < len(outputs[0]):
            clip = self._clips[0]
            row += clip.take(outputs, row)
            if clip.num_predicted == clip.num_segments:
                self._clips.popleft()
                yield clip.joined(), clip.companion

    def _next_batch(self, batch_size: int) -> np.ndarray:
        """Removes up to `batch_size` segments; a copy only if of several clips."""
        parts: list[np.ndarray] = []
        num_missing = min(batch_size, self.num_segments)
        self.num_segments -= num_missing
        while num_missing:
            segments = self._segments.popleft()
            parts.append(segments[:num_missing])
            if len(segments) > num_missing:
                self._segments.appendleft(segments[num_missing:])
            num_missing -= len(parts[-1])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def choose_jit() -> bool | str:
    """The `jit_compile` to use: Keras' choice, but not XLA on a CPU.

    There, XLA takes half a minute to compile a sample-level CNN, and the result is
    slower than TensorFlow's own kernels.
    """
    import keras

    on_tensorflow = keras.backend.backend() == "tensorflow"
    if on_tensorflow and not keras.distribution.list_devices("gpu"):
        return False
    return "auto"


def _predictor(model: "keras.Model", max_size: int) -> Predict:
    """What runs batches of up to `max_size`; the model is compiled a few times."""
    if choose_jit() is False:
        model.jit_compile = False
        _trace_for_all_sizes(model)
    is_padded = _is_compiled_for_each_size()

    def predict(batch: np.ndarray) -> list[np.ndarray]:
        size = len(batch)
        if is_padded:
            batch = _pad(batch, min(_power_of_two(size), max_size))
        outputs: Any = model.predict_on_batch(batch)
        if not isinstance(outputs, list):
            outputs = [outputs]
        return [np.asarray(output)[:size] for output in outputs]

    return predict


def _trace_for_all_sizes(model: "keras.Model") -> None:
    """Has TensorFlow look at the model once, for batches of any size.

    Else it does so for the first size, and again when there is another.
    """
    import tensorflow as tf

    model.make_predict_function()
    inputs = model.inputs[0]
    batch = tf.TensorSpec((None, *inputs.shape[1:]), inputs.dtype)
    if not model.run_eagerly:
        model.predict_function.get_concrete_function([(batch,)])


def _is_compiled_for_each_size() -> bool:
    """Whether a batch of a new size means to compile the model anew, for seconds.

    TensorFlow's own kernels take any size; PyTorch does not compile.
    """
    import keras

    backend = keras.backend.backend()
    return backend == "jax" or (backend == "tensorflow" and choose_jit() is not False)


def _power_of_two(size: int) -> int:
    """The lowest power of two that is at least `size`."""
    return 1 << (size - 1).bit_length()


def _pad(batch: np.ndarray, size: int) -> np.ndarray:
    if len(batch) == size:
        return batch
    padded = np.zeros((size, *batch.shape[1:]), batch.dtype)
    padded[: len(batch)] = batch
    return padded
