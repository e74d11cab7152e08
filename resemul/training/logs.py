"""What a run writes for people to read: CSV, TensorBoard, a bar and a line."""

import csv
import json
import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from resemul.errors import TrainingError
from resemul.runtime.files import atomic_write
from resemul.runtime.progress import Progress
from resemul.training.optimizers import RateSetter

logger = logging.getLogger(__name__)

CSV_FILE = "training.csv"
# Batches between two looks at the loss; it stays NaN once it is.
_CHECK_EVERY = 10


def write_csv(rows: list[dict[str, float]], stage_dir: Path) -> None:
    """Writes one line per epoch of a stage."""
    path = stage_dir / CSV_FILE
    try:
        with atomic_write(path) as file:
            writer = csv.DictWriter(file, list(rows[-1]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be written: {error.strerror}; the epochs before are kept, "
            "and the same command goes on from there"
        ) from error


class EventLog:
    """TensorBoard events of a stage, in one file per process."""

    def __init__(self, stage_dir: Path) -> None:
        self._writer = tf.summary.create_file_writer(str(stage_dir))

    def write(self, row: dict[str, float]) -> None:
        """Adds one epoch."""
        with self._writer.as_default(step=int(row["epoch"])):
            for name, value in row.items():
                if name != "epoch":
                    tf.summary.scalar(name, value)
        self._writer.flush()


def write_summary(
    train_dir: Path, options: Mapping[str, Any], scores: Mapping[str, float]
) -> None:
    """Writes what TensorBoard's tab "hparams" compares runs by.

    Args:
        train_dir: of the run; its name is that of the trial.
        options: of the model and the training, nested as in JSON.
        scores: of the best model, on the validation and the test split.
    """
    writer = tf.summary.create_file_writer(str(train_dir))
    with writer.as_default(step=0):
        hparams.hparams(dict(_flat(options)), trial_id=train_dir.resolve().name)
        for name, value in scores.items():
            tf.summary.scalar(name, value)
    writer.close()


def _flat(options: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            is_plain = isinstance(value, bool | int | float | str)
            yield f"{prefix}{name}", value if is_plain else json.dumps(value)


class LossCheck(keras.callbacks.Callback):
    """Stops an epoch when the loss is no number any more."""

    def __init__(self, label: str, rates: RateSetter) -> None:
        super().__init__()
        self._label = label
        self._rates = rates

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Looks at the loss now and then."""
        if batch % _CHECK_EVERY == 0:
            self._check(logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Looks at the loss of the epoch."""
        self._check(logs)

    def _check(self, logs: dict | None) -> None:
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise TrainingError(
                f"{self._label}: the loss is {loss} at learning rate "
                f"{self._rates.rate:g}; try a lower --lr. The epochs before are kept"
            )


class EpochProgress(LossCheck):
    """Draws the bar of one epoch, too."""

    def __init__(
        self, label: str, steps: int, batch_size: int, rates: RateSetter
    ) -> None:
        super().__init__(label, rates)
        self._progress = Progress(steps * batch_size, "segments", label)
        self._batch_size = batch_size

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Advances the bar."""
        self._progress.advance(self._batch_size)
        super().on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Closes the bar."""
        self._progress.close()
        super().on_epoch_end(epoch, logs)

    def _check(self, logs: dict | None) -> None:
        try:
            super()._check(logs)
        except TrainingError:
            self._progress.close()
            raise
