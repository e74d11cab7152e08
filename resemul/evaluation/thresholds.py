"""From which probability a tag counts as present: fitted on the validation clips."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np

from resemul.audio.windows import window_clips
from resemul.errors import DatasetError, WeightsError
from resemul.evaluation.metrics import best_f1_thresholds
from resemul.prediction.batches import BATCH_SIZE, predict_clips
from resemul.prediction.fused import fuse_for_prediction
from resemul.records import RecordSet, damage_named, load_segments
from resemul.runtime.progress import Progress


@dataclass(frozen=True)
class FittedThresholds:
    """The threshold of each tag, and its F1 on the clips that it was fitted on.

    Arrays are `(tags,)`. Tags that no clip has have no threshold and no F1 (NaN).
    """

    tags: tuple[str, ...]
    thresholds: np.ndarray
    f1: np.ndarray
    num_positive: np.ndarray
    num_clips: int

    @property
    def by_tag(self) -> dict[str, float]:
        """The thresholds that there are, as a `ModelCard` holds them."""
        return {
            tag: float(threshold)
            for tag, threshold in zip(self.tags, self.thresholds, strict=True)
            if not np.isnan(threshold)
        }

    @property
    def unfitted_tags(self) -> tuple[str, ...]:
        """Tags that no clip has."""
        return tuple(tag for tag in self.tags if tag not in self.by_tag)


def fit_thresholds(
    model: keras.Model, records: RecordSet, batch_size: int = BATCH_SIZE
) -> FittedThresholds:
    """Fits each tag's threshold for the highest F1 on the validation clips.

    Args:
        model: waveform `(batch, num_samples)` to probabilities `(batch, tags)`.
        records: what to validate on; of the model's tags, rate and length.
        batch_size: segments in a batch.

    Raises:
        DatasetError: there are no validation records, or one is damaged.
        WeightsError: the model's outputs are not all finite numbers.
    """
    labels, probabilities = predict_val_clips(model, records, batch_size)
    num_bad = int((~np.isfinite(probabilities).all(axis=1)).sum())
    if num_bad:
        raise WeightsError(
            f"the model's outputs are not numbers (NaN) for {num_bad} of "
            f"{len(labels)} validation clips; its weights are broken"
        )
    thresholds, f1 = best_f1_thresholds(labels, probabilities)
    return FittedThresholds(
        tags=tuple(records.tags),
        thresholds=thresholds,
        f1=f1,
        num_positive=labels.sum(axis=0).astype(int),
        num_clips=len(labels),
    )


def predict_val_clips(
    model: keras.Model, records: RecordSet, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of the validation clips: two float32 `(clips, tags)`.

    A clip's probabilities are the means over its segments, as when a file is tagged.
    Of records without a manifest, which do not tell clips apart, each counts as a
    clip.
    """
    labels: list[np.ndarray] = []

    def waveforms() -> Iterator[np.ndarray]:
        clips = _iterate_val_clips(records, batch_size)
        for windows, clip_labels in window_clips(clips, model.input_shape[-1]):
            labels.append(clip_labels)
            yield windows

    outputs = predict_clips(fuse_for_prediction(model), waveforms(), batch_size)
    probabilities = np.stack([output[0] for output in outputs])
    return np.stack(labels), probabilities


def _iterate_val_clips(
    records: RecordSet, batch_size: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields segments `(segments, num_samples)` and labels of each clip."""
    num_segments = records.num_segments["val"]
    sizes = records.val_clip_sizes or (1,) * num_segments
    if sum(sizes) != num_segments:
        raise DatasetError(
            f"{records.folder} holds {num_segments} validation segments, {sum(sizes)} "
            "by its manifest; build the records again"
        )
    batches = load_segments(records, "val", batch_size).as_numpy_iterator()
    segments = (pair for batch in batches for pair in zip(*batch, strict=True))
    with (
        damage_named(records, "val"),
        Progress(num_segments, "segments", "thresholds") as progress,
    ):
        for size in sizes:
            pairs = list(itertools.islice(segments, size))
            yield np.stack([waveform for waveform, _ in pairs]), pairs[0][1]
            progress.advance(size)
