"""Patience as a function of the epochs so far."""

import math

import pytest

from resemul.configs import Constant, Plateau, TrainConfig
from resemul.evaluation.metrics import METRICS, Metric
from resemul.training.monitoring import Monitors

MONITORS = Monitors(METRICS)


def rows_of(*values, monitor="val_loss"):
    return [{monitor: value} for value in values]


@pytest.mark.parametrize(
    ("losses", "min_delta", "expected"),
    [
        ([], 0.0, 0),
        ([0.5], 0.0, 0),
        ([0.5, 0.5], 0.0, 1),
        ([0.5, 0.4, 0.41, 0.4], 0.0, 2),
        ([0.5, 0.4, 0.3], 0.0, 0),
        # Only more than min_delta is progress.
        ([1.0, 0.75], 0.25, 1),
        ([1.0, 0.75, 0.625], 0.2, 1),
        # Slow progress adds up: it is counted from the last epoch that made some.
        ([1.0, 0.875, 0.75, 0.625], 0.25, 0),
    ],
)
def test_epochs_without_progress_are_those_at_the_end(losses, min_delta, expected):
    config = TrainConfig(min_delta=min_delta)
    assert MONITORS.epochs_without_progress(rows_of(*losses), config) == expected


@pytest.mark.parametrize("monitor", ["val_roc_auc", "val_pr_auc"])
def test_a_higher_score_is_progress(monitor):
    config = TrainConfig(monitor=monitor)
    rows = rows_of(0.5, 0.7, 0.6, 0.7, monitor=monitor)
    assert MONITORS.epochs_without_progress(rows, config) == 2
    assert MONITORS.best(rows, monitor) is rows[1]
    assert MONITORS.is_progress({monitor: 0.8}, rows, monitor)
    assert not MONITORS.is_progress({monitor: 0.7}, rows, monitor)


def test_scores_that_are_no_numbers_are_the_worst():
    rows = rows_of(math.nan, 0.1, math.nan, monitor="val_pr_auc")
    values = [MONITORS.loss_of(row, "val_pr_auc") for row in rows]
    assert values == [math.inf, -0.1, math.inf]
    config = TrainConfig(monitor="val_pr_auc")
    assert MONITORS.epochs_without_progress(rows, config) == 1
    assert MONITORS.best(rows, "val_pr_auc") is rows[1]


def test_lower_value_of_a_metric_that_says_so_is_better():
    errors = Metric(lambda labels, probabilities: labels, "errors", "e", False)
    monitors = Monitors({"errors": errors})
    rows = rows_of(0.5, 0.25, 0.75, monitor="val_errors")
    assert monitors.best(rows, "val_errors") is rows[1]
    assert monitors.losses_for(Plateau(monitor="val_errors"), rows) == [0.5, 0.25, 0.75]
    assert monitors.losses_for(Constant(), rows) == []
