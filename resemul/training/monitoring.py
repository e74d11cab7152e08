"""What a stage's epochs so far say of the next one.

All of it depends on the epochs' rows alone, so a run that is stopped and goes on has
lost nothing.
"""

import math
from collections.abc import Sequence

from resemul.configs import TrainConfig


def rate_of_next_epoch(
    lr: float, rows: Sequence[dict[str, float]], config: TrainConfig
) -> float:
    """The rate that a stage's epochs so far lead to; `lr` unless on a plateau."""
    if config.lr_schedule != "plateau":
        return lr
    best, num_bad = math.inf, 0
    for row in rows:
        value = lower_is_better(row, config.plateau_monitor)
        if value < best - config.plateau_min_delta:
            best, num_bad = value, 0
        else:
            num_bad += 1
        if num_bad > config.plateau_patience:
            # A stage may begin below the lowest rate; it is not raised to that.
            lr = min(lr, max(lr * config.plateau_factor, config.plateau_min_lr))
            num_bad = 0
    return lr


def epochs_without_progress(
    rows: Sequence[dict[str, float]], config: TrainConfig
) -> int:
    """Epochs in a row, at the end, without a monitored value that much better."""
    best, num_bad = math.inf, 0
    for row in rows:
        value = lower_is_better(row, config.monitor)
        if value < best - config.min_delta:
            best, num_bad = value, 0
        else:
            num_bad += 1
    return num_bad


def lower_is_better(row: dict[str, float], monitor: str) -> float:
    """The monitored value of an epoch, its sign turned if a higher one is better.

    A score that no tag has (NaN) is the worst.
    """
    value = row[monitor] if monitor == "val_loss" else -row[monitor]
    return math.inf if math.isnan(value) else value
