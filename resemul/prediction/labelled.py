"""Labels and probabilities, clip by clip, together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from resemul.errors import DatasetError, WeightsError
from resemul.prediction.batches import predict_pairs

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LabelledPredictions:
    """What a model says of clips, beside what is true: a row per clip.

    `labels` and `probabilities` are float32 `(clips, tags)`; a clip's probabilities
    are the means over its segments. `clip_ids` are empty where clips have no names.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    clip_ids: tuple[str, ...] = ()

    def take(self, rows: Sequence[int]) -> "LabelledPredictions":
        """These clips only, in this order."""
        ids = tuple(self.clip_ids[row] for row in rows) if self.clip_ids else ()
        return LabelledPredictions(self.labels[rows], self.probabilities[rows], ids)

    def require_finite(self, what: str = "clips") -> None:
        """Refuses a model whose outputs are not all finite numbers.

        Raises:
            WeightsError: says of how many clips; `what` is how they are called.
        """
        is_bad = ~np.isfinite(self.probabilities).all(axis=1)
        if not is_bad.any():
            return
        first = int(np.argmax(is_bad))
        name = (
            f"clip {self.clip_ids[first]}" if self.clip_ids else f"number {first + 1}"
        )
        raise WeightsError(
            f"the model's outputs are not finite numbers for {is_bad.sum()} of "
            f"{len(is_bad)} {what}, the first is {name}; "
            + (
                "its weights are broken"
                if is_bad.all()
                else "its weights or the samples of these clips are broken"
            )
        )


def predict_labelled(
    model: "keras.Model",
    clips: Iterable[tuple[np.ndarray, np.ndarray]],
    batch_size: int | None = None,
    clip_ids: tuple[str, ...] = (),
) -> LabelledPredictions:
    """Runs a model over clips and keeps their labels beside its outputs.

    Args:
        model: waveform `(batch, num_samples)` to probabilities `(batch, tags)`.
        clips: pairs of waveforms `(segments, num_samples)` and labels `(tags,)`.
        batch_size: most segments in a batch; None for what the length allows.
        clip_ids: names of the clips, in their order; or none.

    Raises:
        DatasetError: there are no clips, or another number than names.
    """
    return collect(predict_rows(model, clips, batch_size), clip_ids)


def predict_rows(
    model: "keras.Model",
    clips: Iterable[tuple[np.ndarray, np.ndarray]],
    batch_size: int | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields labels and probabilities of each clip, float32 `(tags,)`, when it is done.

    Arguments as those of `predict_labelled`.
    """
    for outputs, labels in predict_pairs(model, clips, batch_size):
        yield np.asarray(labels, "float32"), outputs[0].mean(axis=0, dtype="float32")


def collect(
    rows: Iterable[tuple[np.ndarray, np.ndarray]], clip_ids: Sequence[str] = ()
) -> LabelledPredictions:
    """Stacks pairs of labels and probabilities; errors as in `predict_labelled`."""
    pairs = list(rows)
    if not pairs:
        raise DatasetError("there are no clips to predict")
    if clip_ids and len(clip_ids) != len(pairs):
        raise DatasetError(f"{len(pairs)} clips were read, {len(clip_ids)} are listed")
    labels, probabilities = (np.stack(column) for column in zip(*pairs, strict=True))
    return LabelledPredictions(labels, probabilities, tuple(clip_ids))
