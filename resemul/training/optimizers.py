"""What moves the weights: the optimizers, and the rate of each of their steps."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras

from resemul.configs import Stage, StageProgress, TrainConfig


def make_optimizer(stage: Stage, config: TrainConfig) -> keras.optimizers.Optimizer:
    """Returns the optimizer of a stage, at the rate of the stage."""
    options: dict[str, Any] = {
        "learning_rate": stage.lr,
        "loss_scale_factor": config.loss_scale,
        "name": stage.optimizer,
    }
    optimizer: keras.optimizers.Optimizer
    if stage.optimizer == "adam":
        optimizer = _CoupledAdam(epsilon=config.adam_epsilon, **options)
    else:
        optimizer = _CoupledSGD(momentum=config.momentum, nesterov=True, **options)
    optimizer.coupled_weight_decay = config.coupled_weight_decay
    return optimizer


def forget_steps(optimizer: keras.optimizers.Optimizer) -> None:
    """Makes an optimizer of `make_optimizer` a fresh one: all it keeps begins at 0.

    But for the learning rate, which `RateSetter` sets before each step.
    """
    for variable in optimizer.variables:
        if variable is not optimizer.learning_rate:
            variable.assign(keras.ops.zeros_like(variable))


class _CoupledDecay:
    """Adds `coupled_weight_decay * weight` to the gradient of every weight.

    That is what PyTorch's optimizers call weight decay; Keras' own weight_decay
    shrinks the weights beside the step instead.
    """

    coupled_weight_decay = 0.0

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One step of one weight."""
        if self.coupled_weight_decay:
            gradient = gradient + self.coupled_weight_decay * variable
        super().update_step(gradient, variable, learning_rate)  # type: ignore[misc]


class _CoupledSGD(_CoupledDecay, keras.optimizers.SGD):
    pass


class _CoupledAdam(_CoupledDecay, keras.optimizers.Adam):
    pass


class RateSetter(keras.callbacks.Callback):
    """Gives every step of an epoch its learning rate.

    Args:
        config: says how the rate changes.
        stage: whose rate that is.
        steps_per_epoch: batches in an epoch.
        num_epochs: how many of the stage are finished.
        losses: of these epochs, what the schedule monitors.
    """

    def __init__(
        self,
        config: TrainConfig,
        stage: Stage,
        steps_per_epoch: int,
        num_epochs: int,
        losses: Sequence[float] = (),
    ) -> None:
        super().__init__()
        self._schedule, self._stage = config.schedule, stage
        self._progress = StageProgress(0, steps_per_epoch, stage.max_epochs, losses)
        self._first_step = num_epochs * steps_per_epoch
        # Of the last step that was begun.
        self.rate = self.rate_of(0)

    def rate_of(self, batch: int) -> float:
        """The rate of a step of the epoch, counted from 0."""
        progress = replace(self._progress, step=self._first_step + batch)
        return self._schedule.rate(self._stage.lr, progress)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Sets the rate, where it is another than that of the step before."""
        rate = self.rate_of(batch)
        if batch == 0 or rate != self.rate:
            self.model.optimizer.learning_rate = rate
        self.rate = rate
