"""From which probability a tag counts as present: fitted on the validation clips."""

from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from resemul.checkpoints.card import read_card, write_card
from resemul.errors import DatasetError
from resemul.evaluation.clips import scoring_clips
from resemul.evaluation.metrics import best_f1_thresholds, macro
from resemul.prediction.fused import fuse_for_prediction
from resemul.prediction.labelled import LabelledPredictions, predict_labelled
from resemul.records import RecordSet


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
    split_name: str = ""
    # Of records without a manifest, which do not tell clips apart, segments.
    unit: str = "clips"

    @property
    def by_tag(self) -> dict[str, float]:
        """The thresholds that there are, as a `ModelCard` holds them."""
        return {
            tag: float(threshold)
            for tag, threshold in zip(self.tags, self.thresholds, strict=True)
            if not np.isnan(threshold)
        }

    def table(self) -> pd.DataFrame:
        """One row per tag: `tag`, `num_positive`, `threshold` and `f1`."""
        return pd.DataFrame(
            {
                "tag": list(self.tags),
                "num_positive": self.num_positive,
                "threshold": self.thresholds,
                "f1": self.f1,
            }
        )

    def text(self) -> str:
        """For people: a line per tag, and the mean F1."""
        width = max(map(len, (*self.tags, "tag")))
        lines = [
            f"split {self.split_name}: {self.num_clips} validation {self.unit}",
            f"{'tag':{width}}  positive  threshold      F1",
        ]
        for tag, num_positive, threshold, f1 in self.table().itertuples(index=False):
            row = f"{tag:{width}}  {num_positive:8d}"
            lines.append(f"{row}  {threshold:9.4f}  {f1:6.4f}" if num_positive else row)
        lines.append(f"mean F1 {macro(self.f1):.4f} over {len(self.by_tag)} tags")
        if self.unfitted_tags:
            lines.append(
                "no threshold, as no validation clip has them: "
                f"{', '.join(self.unfitted_tags)}"
            )
        return "\n".join(lines)

    @property
    def unfitted_tags(self) -> tuple[str, ...]:
        """Tags that no clip has."""
        return tuple(tag for tag in self.tags if tag not in self.by_tag)


def fit_thresholds(
    model: keras.Model, records: RecordSet, batch_size: int | None = None
) -> FittedThresholds:
    """Fits each tag's threshold for the highest F1 on the validation clips.

    Args:
        model: waveform `(batch, num_samples)` to probabilities `(batch, tags)`.
        records: what to validate on; of the model's tags, rate and length.
        batch_size: most segments in a batch; None for what their length allows.

    Raises:
        DatasetError: there are no validation records, or one is damaged.
        WeightsError: the model's outputs are not all finite numbers.
    """
    predictions = predict_val_clips(model, records, batch_size)
    predictions.require_finite("validation clips")
    labels = predictions.labels
    thresholds, f1 = best_f1_thresholds(labels, predictions.probabilities)
    return FittedThresholds(
        tags=tuple(records.tags),
        thresholds=thresholds,
        f1=f1,
        num_positive=labels.sum(axis=0).astype(int),
        num_clips=len(labels),
        split_name=records.split_name,
        unit="clips"
        if records.val_clip_sizes
        else "segments (no manifest tells clips)",
    )


def write_thresholds(fitted: FittedThresholds, path: Path) -> None:
    """Puts the thresholds into the card of the model file `path`.

    Raises:
        DatasetError: no tag has one.
        WeightsError: the card cannot be read or written.
    """
    if not fitted.by_tag:
        raise DatasetError(
            f"no validation clip of split {fitted.split_name} has any of the tags, so "
            "no threshold can be fitted"
        )
    write_card(replace(read_card(path), thresholds=fitted.by_tag), path)


def predict_val_clips(
    model: keras.Model, records: RecordSet, batch_size: int | None = None
) -> LabelledPredictions:
    """Labels and probabilities of the validation clips.

    A clip's probabilities are the means over its segments, as when a file is tagged.
    Of records without a manifest, which do not tell clips apart, each counts as a
    clip.
    """
    model = records.part_of(model)
    clips = scoring_clips(records, "val", model.input_shape[-1], "thresholds")
    return predict_labelled(fuse_for_prediction(model), clips, batch_size)
