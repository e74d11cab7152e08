"""Scores of a model: every metric of `METRICS`, per tag and as macro means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from resemul.evaluation.bootstrap import macro_interval, scores_of_draws
from resemul.evaluation.metrics import METRICS, Metric, macro
from resemul.prediction.labelled import LabelledPredictions, predict_labelled

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Scores:
    """Scores by name of the metric: of each tag, float64 `(tags,)`, and macro means.

    Tags that have no score (NaN), such as those that no clip or every clip has, are
    left out of the means. `intervals` holds 95 % bootstrap intervals of the means,
    `(low, high)` by name of the metric.
    """

    tags: tuple[str, ...]
    per_tag: dict[str, np.ndarray]
    num_positive: np.ndarray
    num_clips: int
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=lambda: METRICS)

    @property
    def macro(self) -> dict[str, float]:
        """The mean over the tags, by name of the metric."""
        return {name: macro(scores) for name, scores in self.per_tag.items()}

    @property
    def unscored_tags(self) -> tuple[str, ...]:
        """Tags without a positive or without a negative clip."""
        return tuple(
            tag
            for tag, num_positive in zip(self.tags, self.num_positive, strict=True)
            if num_positive in (0, self.num_clips)
        )

    def describe(self) -> str:
        """The macro means in a line, such as "ROC AUC 0.9113  PR AUC 0.4452"."""
        return "  ".join(
            f"{self.metrics[name].title} {value:.4f}"
            for name, value in self.macro.items()
        )


def evaluate(
    model: "keras.Model",
    clips: Iterable[tuple[np.ndarray, np.ndarray]],
    tags: tuple[str, ...],
    batch_size: int | None = None,
    num_bootstrap: int = 0,
    seed: int = 0,
    precision: str = "float32",
    metrics: Mapping[str, Metric] = METRICS,
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
        metrics: what to score by.

    Raises:
        WeightsError: the model's outputs are not all finite numbers.
    """
    from resemul.prediction.fused import fuse_for_prediction

    fused = fuse_for_prediction(model, precision)
    predictions = predict_labelled(fused, clips, batch_size)
    return score(predictions, tags, num_bootstrap, seed, metrics)


def score(
    predictions: LabelledPredictions,
    tags: tuple[str, ...],
    num_bootstrap: int = 0,
    seed: int = 0,
    metrics: Mapping[str, Metric] = METRICS,
) -> Scores:
    """Scores predictions; arguments and errors as those of `evaluate`."""
    predictions.require_finite()
    labels, probabilities = predictions.labels, predictions.probabilities
    intervals = {
        name: macro_interval(
            scores_of_draws(metric, labels, probabilities, num_bootstrap, seed)
        )
        for name, metric in metrics.items()
        if num_bootstrap
    }
    return Scores(
        tags=tuple(tags),
        per_tag={
            name: metric.per_tag(labels, probabilities)
            for name, metric in metrics.items()
        },
        num_positive=labels.sum(axis=0).astype(int),
        num_clips=len(labels),
        intervals=intervals,
        metrics=metrics,
    )
