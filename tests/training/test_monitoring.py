"""Rates and patience as functions of the epochs so far."""

import math

import pytest

from resemul.configs import RECIPES, TrainConfig
from resemul.training.monitoring import (
    epochs_without_progress,
    lower_is_better,
    rate_of_next_epoch,
)
from resemul.training.state import RunState

LOSSES = [0.5, 0.4, 0.4, 0.39, 0.41, 0.42, 0.4, 0.395, 0.38, 0.38, 0.5, 0.6, 0.37, 0.4]


def rows_of(*values, monitor="val_loss"):
    return [{monitor: value} for value in values]


def rates_here(lr, losses, config):
    """The rate of each epoch, and of the one after the last."""
    rows = rows_of(*losses)
    return [
        rate_of_next_epoch(lr, rows[:number], config) for number in range(len(rows) + 1)
    ]


def plateau(**options):
    return TrainConfig(
        lr_schedule="plateau", **{f"plateau_{k}": v for k, v in options.items()}
    )


@pytest.mark.parametrize("patience", [0, 1, 3])
@pytest.mark.parametrize("min_delta", [0.0, 0.015])
@pytest.mark.parametrize("min_lr", [0.0, 0.0005])
def test_plateau_gives_the_rates_of_pytorch(patience, min_delta, min_lr):
    torch = pytest.importorskip("torch")
    weights = [torch.nn.Parameter(torch.zeros(1))]
    optimizer = torch.optim.SGD(weights, 0.01)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=0.2,
        patience=patience,
        threshold=min_delta,
        threshold_mode="abs",
        min_lr=min_lr,
        eps=0,
    )
    expected = [0.01]
    for loss in LOSSES:
        scheduler.step(loss)
        expected.append(optimizer.param_groups[0]["lr"])
    config = plateau(patience=patience, min_delta=min_delta, min_lr=min_lr, factor=0.2)
    assert rates_here(0.01, LOSSES, config) == pytest.approx(expected)
    assert len(set(expected)) > 1


def test_plateau_waits_for_more_than_its_patience():
    rates = rates_here(1.0, [4, 4, 4, 4, 4, 4], plateau(patience=1, factor=0.5))
    # The first epoch is the best; then every second one without progress counts.
    assert rates == [1, 1, 1, 0.5, 0.5, 0.25, 0.25]


def test_plateau_of_the_lightning_port_begins_in_the_fourth_epoch_after_the_best():
    rates = rates_here(0.01, [0.2] * 6, RECIPES["sgd_plateau"])
    assert rates == pytest.approx([0.01] * 5 + [0.002] * 2)


def test_plateau_does_not_raise_a_rate_below_the_lowest():
    rates = rates_here(1e-4, [1, 1, 1], plateau(patience=0, min_lr=1e-2))
    assert rates == [1e-4] * 4


def test_plateau_may_watch_a_score():
    config = plateau(patience=0, factor=0.5, monitor="val_roc_auc")
    rows = rows_of(0.5, 0.6, 0.7, monitor="val_roc_auc")
    assert rate_of_next_epoch(1.0, rows, config) == 1.0
    assert rate_of_next_epoch(1.0, rows[::-1], config) == 0.25


def test_rate_of_other_schedules_is_that_of_the_stage():
    assert rates_here(0.1, [1, 1, 1, 1, 1, 1], TrainConfig()) == [0.1] * 7


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
    assert epochs_without_progress(rows_of(*losses), config) == expected


@pytest.mark.parametrize("monitor", ["val_roc_auc", "val_pr_auc"])
def test_a_higher_score_is_progress(monitor):
    config = TrainConfig(monitor=monitor)
    rows = rows_of(0.5, 0.7, 0.6, 0.7, monitor=monitor)
    assert epochs_without_progress(rows, config) == 2
    state = RunState(run={}, stage=0, rows=rows)
    assert state.best_row(monitor) is rows[1]


def test_scores_that_are_no_numbers_are_the_worst():
    rows = rows_of(math.nan, 0.1, math.nan, monitor="val_pr_auc")
    values = [lower_is_better(row, "val_pr_auc") for row in rows]
    assert values == [math.inf, -0.1, math.inf]
    config = TrainConfig(monitor="val_pr_auc")
    assert epochs_without_progress(rows, config) == 1
    assert RunState(run={}, stage=0, rows=rows).best_row("val_pr_auc") is rows[1]
