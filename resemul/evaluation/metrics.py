"""Scores and thresholds, tag by tag: the only home of scikit-learn."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
)

from resemul.errors import ConfigError
from resemul.evaluation.draws import pr_auc_of_draws, roc_auc_of_draws
from resemul.runtime.plugins import is_outside_name, load_outside

# Labels and probabilities, both `(clips, tags)`, to the score of each tag, float64
# `(tags,)`; NaN for a tag that has none.
PerTag = Callable[[np.ndarray, np.ndarray], np.ndarray]
# The same of many samples of the clips: labels, probabilities, and how often each
# clip is in each sample, int `(draws, clips)`; to float64 `(draws, tags)`.
OfDraws = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Metric:
    """A score of each tag, and all that tables, logs and intervals know of it.

    `title` is how people read it, `letter` how a checkpoint's name says what was
    monitored. `of_draws` is a faster way to the scores of many samples; without it
    `function` is called for each.
    """

    function: PerTag
    title: str
    letter: str = "m"
    higher_is_better: bool = True
    of_draws: OfDraws | None = None

    def per_tag(self, labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """The score of each tag: float64 `(tags,)`.

        Raises:
            ConfigError: the function returned something else.
        """
        scores = np.asarray(self.function(labels, probabilities), "float64")
        if scores.shape != (labels.shape[1],):
            raise ConfigError(
                f"metric {self.title} gives {scores.shape} for {labels.shape[1]} tags; "
                "it has to give one score per tag"
            )
        return scores

    def per_draw(
        self, labels: np.ndarray, probabilities: np.ndarray, counts: np.ndarray
    ) -> np.ndarray:
        """The scores of samples, as if clips were repeated: float64 `(draws, tags)`."""
        if self.of_draws is not None:
            return self.of_draws(labels, probabilities, counts)
        rows = [np.repeat(np.arange(len(labels)), count) for count in counts]
        return np.stack([self.per_tag(labels[r], probabilities[r]) for r in rows])


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


def macro_scores(
    labels: np.ndarray,
    probabilities: np.ndarray,
    metrics: Mapping[str, Metric] | None = None,
) -> dict[str, float]:
    """The macro mean of each metric by its name; all of `METRICS` unless given."""
    return {
        name: macro(metric.per_tag(labels, probabilities))
        for name, metric in (METRICS if metrics is None else metrics).items()
    }


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


METRICS: dict[str, Metric] = {
    "roc_auc": Metric(roc_auc_per_tag, "ROC AUC", "r", of_draws=roc_auc_of_draws),
    "pr_auc": Metric(pr_auc_per_tag, "PR AUC", "p", of_draws=pr_auc_of_draws),
}


def find_metrics(outside: Iterable[str] = ()) -> dict[str, Metric]:
    """`METRICS`, and those from outside, named `module:object`, after them.

    An object is a `Metric`, or a function of labels and probabilities.

    Raises:
        ConfigError: there is no such object, or it is neither.
    """
    metrics = dict(METRICS)
    for text in outside:
        if text in METRICS:
            continue
        if not is_outside_name(text):
            raise ConfigError(
                f"there is no metric {text!r}; there are {', '.join(METRICS)}, and "
                "those from outside are named module:object"
            )
        found, name = load_outside(text, "metric"), text.partition(":")[2]
        if not isinstance(found, Metric):
            found = _of_function(found, text)
        if name in metrics:
            raise ConfigError(f"metric {text} has the name of another, {name}")
        metrics[name] = found
    return metrics


def _of_function(function: object, text: str) -> Metric:
    if not callable(function) or inspect.isclass(function):
        raise ConfigError(
            f"metric {text} is no function of labels and probabilities, and no Metric"
        )
    title = text.partition(":")[2].replace("_", " ")
    return Metric(function, title)
