"""The schedule: one stage per learning rate, each from the best epoch so far."""

import dataclasses
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras

from resemul.checkpoints.card import ModelCard
from resemul.checkpoints.model_file import load_model, save_model
from resemul.configs import Plateau, Stage, TrainConfig, check_monitors
from resemul.errors import TrainingError
from resemul.evaluation.metrics import METRICS, Metric
from resemul.records import RecordSet
from resemul.runtime.tensorflow import describe_start
from resemul.training.checks import require_space_for_run, require_splits
from resemul.training.epochs import EpochRunner
from resemul.training.files import (
    BEST_FILE,
    best_checkpoint,
    checkpoint_name,
    copy_checkpoint,
    epoch_of,
    letter_of,
)
from resemul.training.logs import EventLog, write_csv
from resemul.training.replica_epochs import ReplicaEpochRunner
from resemul.training.replicas import Replicas
from resemul.training.resume import as_json, describe_run, pick_up_run
from resemul.training.state import RunState, save_state

logger = logging.getLogger(__name__)

# Scores a model on the test split, by name; no scores without such a split.
EvaluateStage = Callable[[keras.Model], dict[str, float]]


@dataclass(frozen=True)
class TrainingRun:
    """A finished run: its best model, and a summary of each stage."""

    best: Path
    card: ModelCard
    stages: list[dict[str, Any]]


def train_in_stages(
    model: keras.Model,
    card: ModelCard,
    records: RecordSet,
    train_dir: Path,
    config: TrainConfig,
    evaluate_stage: EvaluateStage,
    metrics: Mapping[str, Metric] = METRICS,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    replicas: Replicas | None = None,
) -> TrainingRun:
    """Trains as a recipe says; goes on where an earlier call was stopped.

    By default that is staged SGD: a stage trains at a fixed learning rate until the
    validation loss has not fallen for `patience + 1` epochs; the next one starts from
    its best epoch, with a fresh optimizer and a smaller rate (Kim, Lee, Nam, ICASSP
    2018). This is the loop inside `train`, which also sees to it that no other process
    trains in the same folder.

    Args:
        model: untrained, or with the weights to start from.
        card: describes `model` and its data; scores and training are filled in.
        records: what to train and validate on; at least as long as the model's input.
        train_dir: gets a folder per stage and, at the end, `best.keras`.
        config: the schedule.
        evaluate_stage: called at the end of each stage with its best weights.
        metrics: of the validation.
        callbacks: of Keras, called in every epoch.
        replicas: what takes the steps, led by this process; None for one device.

    Raises:
        ConfigError: what picks the best epoch is not computed.
        DatasetError: there is nothing to train on, or to validate on.
        TrainingError: `train_dir` holds another run, the loss became NaN, or a file
            cannot be written.
    """
    check_monitors(config, metrics)
    require_splits(records)
    make_runner: Callable[..., EpochRunner] = EpochRunner
    if replicas is not None:
        make_runner = partial(ReplicaEpochRunner, replicas=replicas)
    epochs = make_runner(model, records, config, metrics, callbacks)
    trainer = _Trainer(model, card, records, Path(train_dir), config, epochs, metrics)
    trainer.begin()
    while trainer.state.stage < len(config.plan()) and trainer.epochs_left():
        trainer.run_stage(evaluate_stage)
    return trainer.finish()


class _Trainer:
    """One run: the model being trained and the state that is saved with it."""

    def __init__(
        self,
        model: keras.Model,
        card: ModelCard,
        records: RecordSet,
        train_dir: Path,
        config: TrainConfig,
        epochs: EpochRunner,
        metrics: Mapping[str, Metric],
    ) -> None:
        self.model = model
        self.metrics = metrics
        self.train_dir = train_dir
        self.config = config
        self.epochs = epochs
        self.monitors = self.epochs.monitors
        self.card = dataclasses.replace(
            card, training=as_json(config), seed=config.seed
        )
        run = describe_run(self.card, records)
        self.state = RunState(run=run, stage=config.initial_stage)
        # On the card, what `auto` was here.
        self.card.training["precision"] = self.epochs.precision
        self._resumed = False
        num_clips = records.num_clips.get("val") or records.num_segments["val"]
        self._val_name = f"{records.split_name}, {num_clips} val clips"

    def begin(self) -> None:
        """Makes the folder, and picks up the run that is in it."""
        try:
            self.train_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(
                f"{self.train_dir} cannot be made: {error.strerror}"
            ) from error
        require_space_for_run(self.model, self.train_dir)
        logger.info(
            "steps in %s; TensorFlow %s, %s",
            self.epochs.precision,
            version("tensorflow"),
            describe_start(),
        )
        self.state = pick_up_run(self.state, self.train_dir)
        self._resumed = bool(self.state.rows)
        if not self._resumed:
            # Stopped in its first epoch, the run is known to be this one.
            save_state(self.state, [], self.train_dir)

    def epochs_left(self) -> bool:
        """Whether the limit on epochs lets another one run, or ends with this stage."""
        return self.state.num_epochs < self.config.max_epochs or bool(self.state.rows)

    def run_stage(self, evaluate_stage: EvaluateStage) -> None:
        """Trains until patience runs out, then scores the best epoch."""
        state = self.state
        stage_dir = self.train_dir / str(state.stage)
        stage_dir.mkdir(exist_ok=True)
        stage = self.config.plan()[state.stage]
        if not self._resumed:
            self._load_first_weights()
        self.epochs.compile(stage)
        if self._resumed:
            self.epochs.restore(self.train_dir)
            self._resumed = False
        logger.info(
            "stage %d: %s, learning rate %g, in %s",
            state.stage,
            stage.optimizer,
            stage.lr,
            stage_dir,
        )
        events = EventLog(stage_dir)
        while not self._stage_is_over(stage):
            events.write(self._run_epoch(stage_dir))
        best = self._best_checkpoint(stage_dir)
        self.model.set_weights(load_model(best, trust=True)[0].get_weights())
        self._end_stage(best, stage, evaluate_stage(self.model))

    def finish(self) -> TrainingRun:
        """Copies the best checkpoint of all stages to `best.keras`."""
        best = self.monitors.best(self.state.stages, self.config.monitor)
        source, target = self.train_dir / best["checkpoint"], self.train_dir / BEST_FILE
        card = copy_checkpoint(source, target, best["test"])
        return TrainingRun(target, card, self.state.stages)

    def _checkpoint_name(self, row: dict[str, float]) -> str:
        monitor = self.config.monitor
        return checkpoint_name(
            int(row["epoch"]), letter_of(monitor, self.metrics), row[monitor]
        )

    def _best_checkpoint(self, stage_dir: Path) -> Path:
        """That of the best epoch of the current stage."""
        row = self.monitors.best(self.state.rows, self.config.monitor)
        path = stage_dir / self._checkpoint_name(row)
        if not path.is_file():
            raise TrainingError(f"{path} is gone, the stage's best checkpoint")
        return path

    def _load_first_weights(self) -> None:
        """Takes the weights that a stage starts from; the first keeps the model's."""
        if self.state.stage > 0:
            model, _ = load_model(self._first_checkpoint(), trust=True)
            self.model.set_weights(model.get_weights())

    def _first_checkpoint(self) -> Path:
        """What a stage after the first starts from."""
        stages = self.state.stages
        if not stages:
            return best_checkpoint(self.train_dir / str(self.state.stage - 1))
        if self.config.start_from == "best":
            best = self.monitors.best(stages, self.config.monitor)
            return self.train_dir / best["checkpoint"]
        return self.train_dir / stages[-1]["checkpoint"]

    def _stage_is_over(self, stage: Stage) -> bool:
        state, config = self.state, self.config
        return (
            (
                config.patience is not None
                and self.monitors.epochs_without_progress(state.rows, config)
                > config.patience
            )
            or state.num_epochs >= config.max_epochs
            or len(state.rows) >= (stage.max_epochs or math.inf)
        )

    def _run_epoch(self, stage_dir: Path) -> dict[str, float]:
        state = self.state
        started = time.monotonic()
        label = f"stage {state.stage} epoch {state.epoch}"
        fitted = self.epochs.fit(label, (state.stage, state.epoch), state.rows)
        row = {"epoch": state.epoch, **fitted, **self.epochs.validate()}
        self._require_numbers(row, label)
        improved = self.monitors.is_progress(row, state.rows, self.config.monitor)
        if improved:
            card = dataclasses.replace(self.card, scores=_card_scores(row))
            save_model(self.model, card, stage_dir / self._checkpoint_name(row))
        state.rows.append(row)
        state.epoch += 1
        write_csv(state.rows, stage_dir)
        save_state(state, self.epochs.variables(), self.train_dir)
        logger.info(
            "%s: lr %.3g  loss %.4f  val_loss %.4f%s  val %s  (%s, %.0f s)",
            label,
            row["lr"],
            row["loss"],
            row["val_loss"],
            " *" if improved else "",
            "  ".join(
                f"{metric.title} {row[f'val_{name}']:.4f}"
                for name, metric in self.metrics.items()
            ),
            self._val_name,
            time.monotonic() - started,
        )
        return row

    def _require_numbers(self, row: dict[str, float], label: str) -> None:
        if not math.isfinite(row["val_loss"]):
            raise TrainingError(
                f"{label}: the validation loss is {row['val_loss']}; try a lower --lr. "
                "The epochs before are kept"
            )
        needed = {self.config.monitor}
        if isinstance(self.config.schedule, Plateau):
            needed.add(self.config.schedule.monitor)
        for monitor in sorted(needed):
            if math.isnan(row[monitor]):
                raise TrainingError(
                    f"{label}: there is no {monitor}, as each tag is on all validation "
                    "clips or on none; choose by --monitor val_loss (and "
                    "--plateau-monitor val_loss)"
                )

    def _end_stage(self, best: Path, stage: Stage, scores: dict[str, float]) -> None:
        state = self.state
        row = self.monitors.best(state.rows, self.config.monitor)
        state.stages.append(
            {
                "stage": state.stage,
                "optimizer": stage.optimizer,
                "lr": stage.lr,
                "num_epochs": len(state.rows),
                **_card_scores(row),
                "checkpoint": best.relative_to(self.train_dir).as_posix(),
                "test": scores,
            }
        )
        state.stage += 1
        state.rows = []
        # The next stage continues the numbering of the epoch it starts from.
        state.epoch = epoch_of(self._first_checkpoint()) + 1
        save_state(state, [], self.train_dir)


def _card_scores(row: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name.startswith("val_")}
