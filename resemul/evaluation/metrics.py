"""Scores and thresholds, tag by tag: the only home of scikit-learn."""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
)


def roc_auc_per_tag(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each tag: float64 `(tags,)`.

    Both arguments are `(clips, tags)`. A tag that no clip or every clip has has no
    ROC curve: its score is NaN. So is that of a tag with a probability that is NaN.
    """
    return _per_tag(roc_auc_score, labels, probabilities)


def pr_auc_per_tag(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Average precision of each tag: float64 `(tags,)`, NaN as in `roc_auc_per_tag`."""
    return _per_tag(average_precision_score, labels, probabilities)


def best_f1_thresholds(
    labels: np.ndarray, probabilities: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds of the highest F1, and that F1: two float64 `(tags,)`.

    A clip is given a tag if its probability is at least the threshold, which lies
    halfway between the last clip that is given the tag and the first that is not; if
    every clip is given it, at the lowest probability. Of several thresholds with the
    same F1 the highest is taken: it gives the tag to the fewest clips.

    Both arguments are `(clips, tags)`. A tag that no clip has, or with a probability
    that is NaN, has neither: both are NaN.
    """
    _require_same_shape(labels, probabilities)
    labels = labels.astype(bool)
    best = np.full((2, labels.shape[1]), np.nan)
    defined = labels.any(axis=0) & np.isfinite(probabilities).all(axis=0)
    for tag in np.flatnonzero(defined):
        best[:, tag] = _best_f1_threshold(labels[:, tag], probabilities[:, tag])
    return best[0], best[1]


def _best_f1_threshold(
    labels: np.ndarray, probabilities: np.ndarray
) -> tuple[float, float]:
    """Threshold and F1 of one tag: labels and probabilities `(clips,)`."""
    precision, recall, steps = precision_recall_curve(labels, probabilities)
    # The curve's last point is that of a threshold above every probability.
    precision, recall = precision[:-1], recall[:-1]
    total = precision + recall
    f1 = 2 * precision * recall / np.where(total > 0, total, 1)
    # Two that differ are fractions of counts, so they differ by more than rounding.
    step = np.flatnonzero(np.isclose(f1, f1.max(), rtol=1e-12, atol=0))[-1]
    threshold = steps[step]
    if step > 0:
        middle = (steps[step - 1] + steps[step]) / 2
        # Between neighbouring numbers there is none; halfway is rounded to either.
        threshold = middle if middle > steps[step - 1] else threshold
    return float(threshold), float(f1[step])


def macro(scores: np.ndarray) -> float:
    """Unweighted mean over the tags that have a score; NaN if none has."""
    defined = scores[~np.isnan(scores)]
    return float(defined.mean()) if len(defined) else float("nan")


def macro_of_draws(
    labels: np.ndarray, probabilities: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Macro ROC AUC and macro average precision of many samples of the same clips.

    The same as repeating clips and calling the functions above, but a tag's clips
    are sorted once for all draws: seconds instead of minutes for 1,000 draws.

    Args:
        labels: `(clips, tags)`, 0 or 1.
        probabilities: `(clips, tags)`.
        counts: int `(draws, clips)`, how often each clip is in each draw.

    Returns:
        Two float64 `(draws,)`. In a draw, tags without a positive or a negative clip
        are left out of the mean.
    """
    per_tag = [
        _scores_of_draws(labels[:, tag].astype(bool), probabilities[:, tag], counts)
        for tag in range(labels.shape[1])
    ]
    roc, pr = np.moveaxis(np.array(per_tag), 0, -1)
    return np.array([macro(row) for row in roc]), np.array([macro(row) for row in pr])


def _scores_of_draws(
    labels: np.ndarray, probabilities: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both scores of one tag: labels and probabilities `(clips,)`."""
    order = np.argsort(-probabilities, kind="stable")
    # Clips with equal probabilities are one step of the curves.
    is_last = np.diff(probabilities[order], append=np.nan) != 0
    total = np.cumsum(counts[:, order], axis=1)[:, is_last]
    true = np.cumsum(counts[:, order] * labels[order], axis=1)[:, is_last]
    false = total - true
    new_true = np.diff(true, axis=1, prepend=0)
    new_false = np.diff(false, axis=1, prepend=0)
    with np.errstate(invalid="ignore"):
        # The trapezoidal rule; half of a step's positives rank above its negatives.
        area = (new_false * (true - new_true / 2)).sum(axis=1)
        roc_auc = area / (true[:, -1] * false[:, -1])
        precision = true / np.maximum(total, 1)
        pr_auc = (new_true * precision).sum(axis=1) / true[:, -1]
    return roc_auc, np.where(false[:, -1] == 0, np.nan, pr_auc)


def binary_cross_entropy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over all elements; probabilities are clipped to [1e-7, 1 - 1e-7]."""
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-np.mean(labels * np.log(p) + (1 - labels) * np.log1p(-p)))


def _per_tag(
    score: Callable[[np.ndarray, np.ndarray], float],
    labels: np.ndarray,
    probabilities: np.ndarray,
) -> np.ndarray:
    _require_same_shape(labels, probabilities)
    labels = labels.astype(bool)
    scores = np.full(labels.shape[1], np.nan)
    num_positive = labels.sum(axis=0)
    defined = (num_positive > 0) & (num_positive < len(labels))
    defined &= np.isfinite(probabilities).all(axis=0)
    for tag in np.flatnonzero(defined):
        scores[tag] = score(labels[:, tag], probabilities[:, tag])
    return scores


def _require_same_shape(labels: np.ndarray, probabilities: np.ndarray) -> None:
    if labels.shape != probabilities.shape or labels.ndim != 2:
        raise ValueError(
            f"labels {labels.shape} and probabilities {probabilities.shape} must both "
            "be (clips, tags)"
        )
