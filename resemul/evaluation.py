"""Scores of a model on the test clips."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import keras
import numpy as np

from resemul.metrics import macro, pr_auc_per_tag, roc_auc_per_tag
from resemul.prediction import BATCH_SIZE, predict_clips


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
    batch_size: int = BATCH_SIZE,
    num_bootstrap: int = 0,
    seed: int = 0,
) -> Scores:
    """Scores a model: the mean of a clip's segment probabilities against its labels.

    Args:
        model: waveform `(batch, num_samples)` to probabilities `(batch, tags)`.
        clips: pairs of waveforms `(segments, num_samples)` and labels `(tags,)`.
        tags: names of the outputs.
        batch_size: segments in a batch; batches reach across clips.
        num_bootstrap: resamplings of the clips for the intervals; 0 for none.
        seed: of the resampling.
    """
    labels: list[np.ndarray] = []

    def waveforms() -> Iterator[np.ndarray]:
        for segments, clip_labels in clips:
            labels.append(np.asarray(clip_labels))
            yield segments

    probabilities = [
        outputs[0] for outputs in predict_clips(model, waveforms(), batch_size)
    ]
    return score(np.stack(labels), np.stack(probabilities), tags, num_bootstrap, seed)


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
    draws: dict[str, list[float]] = {"roc_auc": [], "pr_auc": []}
    for _ in range(num_bootstrap):
        chosen = random.integers(len(labels), size=len(labels))
        drawn = labels[chosen], probabilities[chosen]
        draws["roc_auc"].append(macro(roc_auc_per_tag(*drawn)))
        draws["pr_auc"].append(macro(pr_auc_per_tag(*drawn)))
    return {
        name: (float(np.nanquantile(values, 0.025)), float(np.nanquantile(values, 0.975)))
        for name, values in draws.items()
    }
