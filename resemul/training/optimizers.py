"""What moves the weights: optimizers, and learning rates as functions of the step."""

import math
from typing import Any

import keras

from resemul.configs import Stage, TrainConfig

# Of one_cycle, the share of the steps in which the rate rises.
_RISE = 0.4


def make_optimizer(
    stage: Stage, config: TrainConfig, steps_per_epoch: int
) -> keras.optimizers.Optimizer:
    """Returns the optimizer of a stage, with the learning rate as the config says."""
    options: dict[str, Any] = {
        "learning_rate": _rate(stage, config, steps_per_epoch),
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


def _rate(
    stage: Stage, config: TrainConfig, steps_per_epoch: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if config.lr_schedule == "inverse_time":
        return keras.optimizers.schedules.InverseTimeDecay(
            stage.lr, decay_steps=1, decay_rate=config.lr_time_decay
        )
    if config.lr_schedule == "triangular":
        num_rising = config.cycle_epochs * steps_per_epoch
        return Triangular(stage.lr / config.cycle_ratio, stage.lr, num_rising)
    if config.lr_schedule == "one_cycle":
        assert stage.max_epochs is not None
        num_steps = stage.max_epochs * steps_per_epoch
        return OneCycle(stage.lr / config.cycle_ratio, stage.lr, num_steps)
    return stage.lr


class Triangular(keras.optimizers.schedules.LearningRateSchedule):
    """Up from `low` to `high` in `num_rising` steps, down in as many, and again.

    Smith, Cyclical Learning Rates, 2017 (https://arxiv.org/abs/1506.01186).
    """

    def __init__(self, low: float, high: float, num_rising: float) -> None:
        super().__init__()
        self._low, self._high, self._num_rising = low, high, num_rising

    def __call__(self, step: Any) -> Any:
        """The rate of a step, counted from 0."""
        phase = keras.ops.cast(step, "float32") / self._num_rising
        height = 1.0 - abs(phase - 2.0 * keras.ops.floor(phase / 2.0) - 1.0)
        return self._low + (self._high - self._low) * height

    def get_config(self) -> dict[str, float]:
        """The arguments."""
        return {"low": self._low, "high": self._high, "num_rising": self._num_rising}


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """A straight rise from `low` to `high`, then half a cosine down to 0.

    After Smith and Topin, Super-Convergence, 2018 (https://arxiv.org/abs/1708.07120);
    without their cycle of the momentum.
    """

    def __init__(self, low: float, high: float, num_steps: int) -> None:
        super().__init__()
        self._low, self._high, self._num_steps = low, high, num_steps

    def __call__(self, step: Any) -> Any:
        """The rate of a step, counted from 0."""
        step = keras.ops.cast(step, "float32")
        num_rising = _RISE * self._num_steps
        rising = self._low + (self._high - self._low) * step / num_rising
        fallen = (step - num_rising) / (self._num_steps - num_rising)
        fallen = keras.ops.clip(fallen, 0.0, 1.0)
        falling = self._high * (1.0 + keras.ops.cos(math.pi * fallen)) / 2.0
        return keras.ops.where(step < num_rising, rising, falling)

    def get_config(self) -> dict[str, float]:
        """The arguments."""
        return {"low": self._low, "high": self._high, "num_steps": self._num_steps}
