"""Runs whose epochs are scripted: the schedule is tested without training."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from resemul.configs import TrainConfig


@dataclass
class ScriptedRun:
    """Calls `train_in_stages` on a model of one weight, with given losses.

    `fit` sets the weight to 100 * stage + epoch, so that the weight tells which
    epoch a model comes from. `calls` are the epochs that were run, `started_from`
    the weight that each found.
    """

    records: object
    train_dir: Path
    losses: dict[tuple[int, int], float]
    calls: list[tuple[int, int]] = field(default_factory=list)
    started_from: list[float] = field(default_factory=list)
    # By epoch, where it is not 0.5.
    roc_aucs: dict[tuple[int, int], float] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)
    optimizers: list[str] = field(default_factory=list)
    rates_of_epochs: list[float] = field(default_factory=list)
    evaluated: list[float] = field(default_factory=list)
    # Raised when this epoch is begun, as a stop from outside would be.
    stop_at: tuple[int, int] | None = None

    def train(self, source=None, **options):
        """Runs the schedule; returns the `TrainingRun`."""
        import keras

        from resemul.checkpoints.card import ModelCard
        from resemul.training import train_in_stages

        waveform = keras.Input((1,), name="waveform")
        tags = keras.layers.Dense(1, use_bias=False, name="tags")(waveform)
        card = ModelCard("one_weight", {}, ["loud"], 16_000, 1, source=source or {})

        def evaluate_stage(model):
            self.evaluated.append(_weight(model))
            return {"test_roc_auc": 0.5, "test_pr_auc": 0.5, "test_clips": 1}

        return train_in_stages(
            keras.Model(waveform, tags),
            card,
            self.records,
            self.train_dir,
            TrainConfig(**options),
            evaluate_stage,
        )


def _weight(model) -> float:
    return float(np.asarray(model.get_weights()[0]).ravel()[0])


@pytest.fixture
def scripted_run(tmp_path, tiny_records, monkeypatch):
    """Makes a `ScriptedRun` from a dict of (stage, epoch) to validation loss."""
    from resemul.records import read_record_set
    from resemul.training.epochs import EpochRunner
    from resemul.training.optimizers import RateSetter
    from resemul.training.state import restore_variables

    runs = []

    def compile_(self, stage):
        self._stage = stage
        runs[0].rates.append(stage.lr)
        runs[0].optimizers.append(stage.optimizer)

    def fit(self, label, epoch, rows):
        run = runs[0]
        losses = self.monitors.losses_for(self._config.schedule, rows)
        rates = RateSetter(self._config, self._stage, 1, len(rows), losses)
        if epoch == run.stop_at:
            raise KeyboardInterrupt
        run.calls.append(epoch)
        run.started_from.append(_weight(self._model))
        self._model.set_weights([np.full((1, 1), 100.0 * epoch[0] + epoch[1])])
        run.rates_of_epochs.append(rates.rate)
        return {"lr": rates.rate, "loss": 0.1}

    def validate(self):
        epoch = runs[0].calls[-1]
        loss, roc_auc = runs[0].losses[epoch], runs[0].roc_aucs.get(epoch, 0.5)
        return {"val_loss": loss, "val_roc_auc": roc_auc, "val_pr_auc": 0.5}

    def restore(self, train_dir):
        restore_variables(self.variables(), len(self._model.weights), train_dir)

    monkeypatch.setattr(EpochRunner, "compile", compile_)
    monkeypatch.setattr(EpochRunner, "restore", restore)
    monkeypatch.setattr(EpochRunner, "variables", lambda self: self._model.weights)
    monkeypatch.setattr(EpochRunner, "fit", fit)
    monkeypatch.setattr(EpochRunner, "validate", validate)

    def make(losses):
        run = ScriptedRun(read_record_set(tiny_records), tmp_path / "log", losses)
        runs[:] = [run]
        return run

    return make
