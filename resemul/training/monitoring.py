"""What a stage's epochs so far say of it.

All of it depends on the epochs' rows alone, so a run that is stopped and goes on has
lost nothing.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from resemul.configs import Schedule, TrainConfig
from resemul.evaluation.metrics import Metric

Row = Mapping[str, Any]


class Monitors:
    """Tells better epochs from worse: by the loss, or by a score."""

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self._lower_is_better = {"val_loss"} | {
            f"val_{name}" for name, m in metrics.items() if not m.higher_is_better
        }

    def loss_of(self, row: Row, monitor: str) -> float:
        """The monitored value, its sign turned if a higher one is better.

        A score that no tag has (NaN) is the worst.
        """
        value = row[monitor] if monitor in self._lower_is_better else -row[monitor]
        return math.inf if math.isnan(value) else value

    def best(self, rows: Iterable[Row], monitor: str) -> Any:
        """The row with the best value, of equal ones the first; None if none."""
        return min(rows, key=lambda row: self.loss_of(row, monitor), default=None)

    def is_progress(self, row: Row, rows: Sequence[Row], monitor: str) -> bool:
        """Whether an epoch is better than all epochs before it."""
        before = (self.loss_of(earlier, monitor) for earlier in rows)
        return not rows or self.loss_of(row, monitor) < min(before)

    def losses_for(self, schedule: Schedule, rows: Sequence[Row]) -> list[float]:
        """What a schedule monitors, of each epoch; nothing if it does not."""
        monitor = getattr(schedule, "monitor", None)
        return [self.loss_of(row, monitor) for row in rows] if monitor else []

    def epochs_without_progress(self, rows: Sequence[Row], config: TrainConfig) -> int:
        """Epochs in a row, at the end, without a monitored value that much better."""
        best, num_bad = math.inf, 0
        for row in rows:
            value = self.loss_of(row, config.monitor)
            if value < best - config.min_delta:
                best, num_bad = value, 0
            else:
                num_bad += 1
        return num_bad
