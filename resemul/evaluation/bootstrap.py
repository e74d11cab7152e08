"""Intervals by the bootstrap: clips drawn again and again, with replacement."""

from collections.abc import Iterator

import numpy as np

from resemul.evaluation.metrics import Metric, macro

# Each takes 8 bytes per clip, several times over.
_DRAWS_AT_A_TIME = 100


def draw_counts(num_clips: int, num_draws: int, seed: int) -> Iterator[np.ndarray]:
    """How often each clip is in each sample: int `(draws, clips)`, some at a time."""
    random = np.random.default_rng(seed)
    for first in range(0, num_draws, _DRAWS_AT_A_TIME):
        yield np.array(
            [
                np.bincount(
                    random.integers(num_clips, size=num_clips), minlength=num_clips
                )
                for _ in range(min(_DRAWS_AT_A_TIME, num_draws - first))
            ]
        )


def scores_of_draws(
    metric: Metric,
    labels: np.ndarray,
    probabilities: np.ndarray,
    num_draws: int,
    seed: int,
) -> np.ndarray:
    """The score of each tag in samples of the clips: float64 `(draws, tags)`.

    The samples depend on the number of clips, `num_draws` and `seed` alone, so that
    two models can be compared sample by sample.
    """
    return np.concatenate(
        [
            metric.per_draw(labels, probabilities, counts)
            for counts in draw_counts(len(labels), num_draws, seed)
        ]
    )


def macro_interval(scores: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the macro mean, of scores `(draws, tags)`.

    In a sample, a tag that has no score there is left out of the mean.
    """
    return interval(np.array([macro(row) for row in scores]))


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 2.5 % and the 97.5 % quantile of the values that there are; else NaN."""
    if np.isnan(values).all():
        return float("nan"), float("nan")
    low, high = np.nanquantile(values, (0.025, 0.975))
    return float(low), float(high)
