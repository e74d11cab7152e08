"""Which learning rate to train at: a few steps at each, from too low to too high.

Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, section 3.3
(https://arxiv.org/abs/1506.01186); with a geometric rise, as the rates of interest
differ by factors.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from resemul.checkpoints.card import ModelCard
from resemul.configs import RunConfig
from resemul.errors import ConfigError, TrainingError
from resemul.records import RecordSet
from resemul.runtime.files import atomic_write
from resemul.training.checks import require_splits
from resemul.training.epochs import EpochRunner
from resemul.training.start import prepare_model

CSV_FILE, PLOT_FILE = "lr_range.csv", "lr_range.png"
# Of the smoothed loss before, in the smoothed loss of a step.
_MEMORY = 0.9
# The test ends when the smoothed loss is so many times the first.
_END = 1.2
# Steps at the start, whose smoothed losses say little.
_FIRST_STEPS = 10
_MIN_STEPS = 20


@dataclass(frozen=True)
class RateRange:
    """Rates and losses of the steps, float64 `(steps,)`; `smoothed` of the loss."""

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray

    @property
    def suggestion(self) -> float | None:
        """The rate at which the smoothed loss falls fastest; None if it never falls."""
        # Over a quarter of the steps: from one to the next, noise decides.
        reach = len(self.rates) // 8
        falls = self.smoothed[2 * reach :] - self.smoothed[: -2 * reach]
        steepest = int(np.argmin(falls))
        if falls[steepest] >= 0:
            return None
        return float(self.rates[steepest + reach])


def measure_rates(
    config: RunConfig,
    records: RecordSet,
    lowest: float,
    highest: float,
    num_steps: int = 200,
    source: tuple[keras.Model, ModelCard] | None = None,
) -> RateRange:
    """Takes training steps at rates that rise from one to the other, and no others.

    It ends sooner when the loss rises, and when it is no number any more.

    Args:
        config: what to train, and how; the schedule of its rates has no effect.
        records: what to train on.
        lowest: rate of the first step.
        highest: rate of the last one.
        num_steps: how many, at least 20.
        source: a model to begin with, see `prepare_model`.

    Raises:
        ConfigError: the rates do not rise, or there are too few steps.
        DatasetError: the records do not fit the model.
    """
    if not 0 < lowest < highest < math.inf:
        raise ConfigError(f"rates must rise, from above 0: got {lowest:g}/{highest:g}")
    if num_steps < _MIN_STEPS:
        raise ConfigError(f"there must be at least {_MIN_STEPS} steps, got {num_steps}")
    require_splits(records)
    keras.utils.set_random_seed(config.training.seed)
    model, _ = prepare_model(config, records, source)
    runner = EpochRunner(model, records, config.training)
    runner.compile(config.training.plan()[0])
    rates = np.geomspace(lowest, highest, num_steps)
    sweep = _Sweep(rates)
    runner.take_steps((0, 0), num_steps, [sweep])
    if len(sweep.losses) < _MIN_STEPS:
        raise ConfigError(
            f"the loss rises from the start, at rates from {lowest:g}; begin lower"
        )
    losses = np.array(sweep.losses)
    return RateRange(rates[: len(losses)], losses, smooth(losses))


def smooth(losses: Sequence[float] | np.ndarray) -> np.ndarray:
    """Means in which a loss counts 0.9 times as much as the one after it."""
    means, total, weight = [], 0.0, 0.0
    for loss in losses:
        total = _MEMORY * total + loss
        weight = _MEMORY * weight + 1
        means.append(total / weight)
    return np.array(means)


class _Sweep(keras.callbacks.Callback):
    """Gives each step its rate, and keeps its loss."""

    def __init__(self, rates: np.ndarray) -> None:
        super().__init__()
        self._rates = rates
        self.losses: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Sets the rate; the loss is to be that of this batch alone."""
        self.model.reset_metrics()
        self.model.optimizer.learning_rate = float(self._rates[batch])

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Keeps the loss, and ends the test when it has risen."""
        loss = float((logs or {})["loss"])
        if math.isfinite(loss):
            self.losses.append(loss)
        smoothed = smooth(self.losses)
        has_risen = (
            len(smoothed) > _FIRST_STEPS
            and smoothed[-1] > _END * smoothed[: _FIRST_STEPS + 1].max()
        )
        if has_risen or not math.isfinite(loss):
            self.model.stop_training = True


def write_rates(found: RateRange, folder: Path) -> tuple[Path, Path]:
    """Writes the table and the picture; returns where they are.

    Raises:
        TrainingError: they cannot be written.
    """
    table, picture = folder / CSV_FILE, folder / PLOT_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(table) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["step", "lr", "loss", "smoothed"])
            columns = (found.rates, found.losses, found.smoothed)
            for step, row in enumerate(zip(*columns, strict=True)):
                writer.writerow([step, *(f"{value:.6g}" for value in row)])
        with atomic_write(picture, "wb") as file:
            plot_rates(found).savefig(file, format="png", dpi=150)
    except OSError as error:
        raise TrainingError(f"{folder} cannot be written: {error.strerror}") from error
    return table, picture


def plot_rates(found: RateRange):  # type: ignore[no-untyped-def]  # a Figure
    """The loss over the logarithm of the rate, with the suggestion marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(found.rates, found.losses, color="0.8", linewidth=1, label="each step")
    axes.plot(found.rates, found.smoothed, color="C0", linewidth=2, label="smoothed")
    if found.suggestion is not None:
        place = int(np.argmin(np.abs(found.rates - found.suggestion)))
        axes.axvline(found.suggestion, color="C3", linewidth=1, linestyle="--")
        axes.plot(
            found.suggestion,
            found.smoothed[place],
            "o",
            color="C3",
            label=f"falls fastest at {found.suggestion:.2g}",
        )
    low, high = found.smoothed.min(), found.smoothed.max()
    margin = 0.3 * (high - low) + 1e-9
    axes.set(
        xscale="log",
        xlabel="learning rate",
        ylabel="training loss",
        title="Learning-rate range test",
        ylim=(max(0.0, low - margin), high + margin),
    )
    axes.legend(frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure
