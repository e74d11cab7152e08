"""Scores of a model on the test clips."""

from collections.abc import Iterable
from dataclasses import dataclass

import keras
import numpy as np

from resemul.evaluation.metrics import (
    macro,
    macro_of_draws,
    pr_auc_per_tag,
    roc_auc_per_tag,
)
from resemul.prediction.fused import fuse_for_prediction
from resemul.prediction.labelled import predict_labelled

# Each takes 8 bytes per clip, several times over.
_DRAWS_AT_A_TIME = 100


@dataclass(frozen=True)
class Scores:
    """ROC AUC and PR AUC (average precision), per tag and as macro means.

    Tags that no clip or every clip has have no score (NaN) and are left out of the
    means. `intervals` holds 95 % bootstrap intervals, `(low, high)` by score name.
    """

    tags: tuple[str, ...]
    roc_auc_per_tag: np.ndarray
    pr_auc_per_tag: np.ndarray
    num_positive: np.ndarray
    num_clips: int
    intervals: dict[str, tuple[float, float]]

    @property
    def roc_auc(self) -> float:
        """Macro ROC AUC."""
        return macro(self.roc_auc_per_tag)

    @property
    def pr_auc(self) -> float:
        """Macro PR AUC."""
        return macro(self.pr_auc_per_tag)

    @property
    def unscored_tags(self) -> tuple[str, ...]:
        """Tags without a positive or without a negative clip."""
        missing = np.isnan(self.roc_auc_per_tag)
        return tuple(tag for tag, m in zip(self.tags, missing, strict=True) if m)


def evaluate(
    model: keras.Model,
    clips: Iterable[tuple[np.ndarray, np.ndarray]],
    tags: tuple[str, ...],
    batch_size: int | None = None,
    num_bootstrap: int = 0,
    seed: int = 0,
    precision: str = "float32",
) -> Scores:
    """Scores a model: the mean of a clip's segment probabilities against its labels.

    Args:
        model: waveform `(batch, num_samples)` to probabilities `(batch, tags)`.
        clips: pairs of waveforms `(segments, num_samples)` and labels `(tags,)`.
        tags: names of the outputs.
        batch_size: most segments in a batch; None for what their length allows.
        num_bootstrap: resamplings of the clips for the intervals; 0 for none.
        seed: of the resampling.
        precision: `float32` or `mixed_bfloat16`, of the model's arithmetic.

    Raises:
        WeightsError: the model's outputs are not all finite numbers.
    """
    fused = fuse_for_prediction(model, precision)
    predictions = predict_labelled(fused, clips, batch_size)
    predictions.require_finite()
    return score(
        predictions.labels, predictions.probabilities, tags, num_bootstrap, seed
    )


def score(
    labels: np.ndarray,
    probabilities: np.ndarray,
    tags: tuple[str, ...],
    num_bootstrap: int = 0,
    seed: int = 0,
) -> Scores:
    """Scores probabilities `(clips, tags)` against labels `(clips, tags)`."""
    return Scores(
        tags=tuple(tags),
        roc_auc_per_tag=roc_auc_per_tag(labels, probabilities),
        pr_auc_per_tag=pr_auc_per_tag(labels, probabilities),
        num_positive=labels.sum(axis=0).astype(int),
        num_clips=len(labels),
        intervals=_bootstrap(labels, probabilities, num_bootstrap, seed),
    )


def _bootstrap(
    labels: np.ndarray, probabilities: np.ndarray, num_bootstrap: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of the macro scores over clips drawn with replacement.

    In a draw, a tag without a positive or a negative clip is left out of the mean.
    """
    if not num_bootstrap:
        return {}
    random = np.random.default_rng(seed)
    num_clips = len(labels)
    draws = []
    for first in range(0, num_bootstrap, _DRAWS_AT_A_TIME):
        counts = [
            np.bincount(random.integers(num_clips, size=num_clips), minlength=num_clips)
            for _ in range(min(_DRAWS_AT_A_TIME, num_bootstrap - first))
        ]
        draws.append(macro_of_draws(labels, probabilities, np.array(counts)))
    names = ("roc_auc", "pr_auc")
    return {
        name: _interval(np.concatenate(values))
        for name, values in zip(names, zip(*draws, strict=True), strict=True)
    }


def _interval(values: np.ndarray) -> tuple[float, float]:
    if np.isnan(values).all():
        return float("nan"), float("nan")
    low, high = np.nanquantile(values, (0.025, 0.975))
    return float(low), float(high)
