"""Ranking scores, tag by tag: the only home of scikit-learn."""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score


def roc_auc_per_tag(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each tag: float64 `(tags,)`.

    Both arguments are `(clips, tags)`. A tag that no clip or every clip has has no
    ROC curve: its score is NaN.
    """
    return _per_tag(roc_auc_score, labels, probabilities)


def pr_auc_per_tag(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Average precision of each tag: float64 `(tags,)`, NaN as in `roc_auc_per_tag`."""
    return _per_tag(average_precision_score, labels, probabilities)


def macro(scores: np.ndarray) -> float:
    """Unweighted mean over the tags that have a score; NaN if none has."""
    defined = scores[~np.isnan(scores)]
    return float(defined.mean()) if len(defined) else float("nan")


def binary_cross_entropy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over all elements; probabilities are clipped to [1e-7, 1 - 1e-7]."""
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-np.mean(labels * np.log(p) + (1 - labels) * np.log1p(-p)))


def _per_tag(
    score: Callable[[np.ndarray, np.ndarray], float],
    labels: np.ndarray,
    probabilities: np.ndarray,
) -> np.ndarray:
    if labels.shape != probabilities.shape or labels.ndim != 2:
        raise ValueError(
            f"labels {labels.shape} and probabilities {probabilities.shape} must both "
            "be (clips, tags)"
        )
    labels = labels.astype(bool)
    scores = np.full(labels.shape[1], np.nan)
    num_positive = labels.sum(axis=0)
    for tag in np.flatnonzero((num_positive > 0) & (num_positive < len(labels))):
        scores[tag] = score(labels[:, tag], probabilities[:, tag])
    return scores
