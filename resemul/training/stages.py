"""The schedule: one stage per learning rate, each from the best epoch so far."""

import dataclasses
import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from resemul.checkpoints.card import ModelCard, read_card
from resemul.checkpoints.model_file import load_model, save_model
from resemul.configs import Stage, TrainConfig
from resemul.errors import TrainingError
from resemul.records import RecordSet
from resemul.training.epochs import EpochRunner
from resemul.training.files import (
    BEST_FILE,
    best_checkpoint,
    checkpoint_name,
    epoch_of,
)
from resemul.training.logs import EventLog, write_csv
from resemul.training.monitoring import (
    epochs_without_progress,
    lower_is_better,
    rate_of_next_epoch,
)
from resemul.training.resume import describe_run, pick_up_run
from resemul.training.state import RunState, restore_variables, save_state

logger = logging.getLogger(__name__)


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
    evaluate_stage: Callable[[keras.Model], dict[str, float]],
) -> TrainingRun:
    """Trains as a recipe says; goes on where an earlier call was stopped.

    By default that is staged SGD: a stage trains at a fixed learning rate until the
    validation loss has not fallen for `patience + 1` epochs; the next one starts from
    its best epoch, with a fresh optimizer and a smaller rate (Kim, Lee, Nam, ICASSP
    2018).

    Args:
        model: untrained, or with the weights to start from.
        card: describes `model` and its data; scores and training are filled in.
        records: what to train and validate on; at least as long as the model's input.
        train_dir: gets a folder per stage and, at the end, `best.keras`.
        config: the schedule.
        evaluate_stage: scores a model on the test split; called at the end of each
            stage with the stage's best weights.

    Raises:
        TrainingError: `train_dir` holds another run, the loss became NaN, or a file
            cannot be written.
    """
    trainer = _Trainer(model, card, records, Path(train_dir), config)
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
    ) -> None:
        self.model = model
        self.train_dir = train_dir
        self.config = config
        self.epochs = EpochRunner(model, records, config)
        # As JSON gives it back: lists, no tuples.
        options = json.loads(json.dumps(dataclasses.asdict(config)))
        self.card = dataclasses.replace(card, training=options, seed=config.seed)
        run = describe_run(self.card, records)
        self.state = RunState(run=run, stage=config.initial_stage)
        self._resumed = False

    def begin(self) -> None:
        """Makes the folder, and picks up the run that is in it."""
        try:
            self.train_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(
                f"{self.train_dir} cannot be made: {error.strerror}"
            ) from error
        self.state = pick_up_run(self.state, self.train_dir)
        self._resumed = bool(self.state.rows)

    def epochs_left(self) -> bool:
        """Whether the limit on epochs lets another one run, or ends with this stage."""
        return self.state.epoch < self.config.max_epochs or bool(self.state.rows)

    def run_stage(
        self, evaluate_stage: Callable[[keras.Model], dict[str, float]]
    ) -> None:
        """Trains until patience runs out, then scores the best epoch."""
        state = self.state
        stage_dir = self.train_dir / str(state.stage)
        stage_dir.mkdir(exist_ok=True)
        stage = self.config.plan()[state.stage]
        if not self._resumed:
            self._load_first_weights()
        self.epochs.compile(stage)
        if self._resumed:
            restore_variables(self.epochs.variables(), self.train_dir)
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
            lr = rate_of_next_epoch(stage.lr, state.rows, self.config)
            events.write(self._run_epoch(lr, stage_dir))
        best = best_checkpoint(stage_dir)
        best_model, _ = load_model(best, trust=True)
        self.model.set_weights(best_model.get_weights())
        scores = evaluate_stage(self.model)
        self._end_stage(best, stage, scores)

    def finish(self) -> TrainingRun:
        """Copies the best checkpoint of all stages to `best.keras`."""
        if not self.state.stages:
            raise TrainingError(
                f"{self.train_dir}: no epoch was run; max_epochs is "
                f"{self.config.max_epochs}"
            )
        best = self._best_stage()
        source = self.train_dir / best["checkpoint"]
        target = self.train_dir / BEST_FILE
        card = dataclasses.replace(
            read_card(source), scores={**read_card(source).scores, **best["test"]}
        )
        model, _ = load_model(source, trust=True)
        card = save_model(model, card, target)
        return TrainingRun(target, card, self.state.stages)

    def _best_stage(self) -> dict[str, Any]:
        return min(
            self.state.stages,
            key=lambda stage: lower_is_better(stage, self.config.monitor),
        )

    def _load_first_weights(self) -> None:
        """Takes the weights that a stage starts from; the first keeps the model's."""
        if self.state.stage > 0:
            model, _ = load_model(self._first_checkpoint(), trust=True)
            self.model.set_weights(model.get_weights())

    def _first_checkpoint(self) -> Path:
        """What a stage after the first starts from."""
        if self.config.start_from == "best" and self.state.stages:
            return self.train_dir / self._best_stage()["checkpoint"]
        return best_checkpoint(self.train_dir / str(self.state.stage - 1))

    def _stage_is_over(self, stage: Stage) -> bool:
        state, config = self.state, self.config
        return (
            (
                config.patience is not None
                and epochs_without_progress(state.rows, config) > config.patience
            )
            or state.epoch >= config.max_epochs
            or len(state.rows) >= (stage.max_epochs or math.inf)
        )

    def _run_epoch(self, lr: float, stage_dir: Path) -> dict[str, float]:
        state = self.state
        started = time.monotonic()
        label = f"stage {state.stage} epoch {state.epoch}"
        self.epochs.set_rate(lr)
        loss = self.epochs.fit(label, (state.stage, state.epoch))
        val = self.epochs.validate()
        row = {"epoch": state.epoch, "lr": lr, "loss": loss, **val}
        self._require_numbers(row, label)
        monitor = self.config.monitor
        best, value = state.best_row(monitor), lower_is_better(row, monitor)
        improved = best is None or value < lower_is_better(best, monitor)
        if improved:
            name = checkpoint_name(state.epoch, monitor, row[monitor])
            card = dataclasses.replace(self.card, scores=_card_scores(row))
            save_model(self.model, card, stage_dir / name)
        state.rows.append(row)
        state.epoch += 1
        write_csv(state.rows, stage_dir)
        save_state(state, self.epochs.variables(), self.train_dir)
        logger.info(
            "%s: loss %.4f  val_loss %.4f%s  val ROC AUC %.4f  PR AUC %.4f  (%.0f s)",
            label,
            loss,
            row["val_loss"],
            " *" if improved else "",
            row["val_roc_auc"],
            row["val_pr_auc"],
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
        if self.config.lr_schedule == "plateau":
            needed.add(self.config.plateau_monitor)
        for monitor in sorted(needed):
            if math.isnan(row[monitor]):
                raise TrainingError(
                    f"{label}: there is no {monitor}, as each tag is on all validation "
                    "clips or on none; choose by --monitor val_loss (and "
                    "--plateau-monitor val_loss)"
                )

    def _end_stage(self, best: Path, stage: Stage, scores: dict[str, float]) -> None:
        state = self.state
        row = state.best_row(self.config.monitor)
        assert row is not None
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
    return {name: row[name] for name in ("val_loss", "val_roc_auc", "val_pr_auc")}
