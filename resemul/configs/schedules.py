"""How the learning rate of a stage changes, step by step or epoch by epoch."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from resemul.configs.fields import check_options, option
from resemul.configs.values import fields_from_json
from resemul.errors import ConfigError

# Of one_cycle, the share of the steps in which the rate rises.
_RISE = 0.4


@dataclass(frozen=True)
class StageProgress:
    """How far a stage is.

    `step` counts from 0 in every stage; `losses` are of the epochs that are finished,
    each the loss that the schedule monitors, or a score with its sign turned.
    """

    step: int
    steps_per_epoch: int
    max_epochs: int | None = None
    losses: Sequence[float] = ()


@dataclass(frozen=True)
class Schedule:
    """What all schedules have in common; `SCHEDULES` lists them."""

    IN_WORDS: ClassVar[str] = "an object with the name and options of a schedule"

    name: str = field(default="", init=False)

    def __post_init__(self) -> None:
        check_options(self)

    def rate(self, lr: float, progress: StageProgress) -> float:
        """The learning rate of a step, of a stage whose own rate is `lr`."""
        raise NotImplementedError

    @staticmethod
    def from_json(content: Mapping[str, Any], where: str) -> "Schedule":
        """Undoes `dataclasses.asdict`; options that are missing have their defaults.

        Raises:
            ConfigError: there is no such schedule, or a value cannot work.
        """
        options = dict(content)
        name = options.pop("name", None)
        if name not in SCHEDULES:
            raise ConfigError(
                f"{where}: name must be one of {', '.join(SCHEDULES)}, got {name!r}"
            )
        config_class = SCHEDULES[name]
        return config_class(**fields_from_json(config_class, options, where))


@dataclass(frozen=True)
class Constant(Schedule):
    """The rate of the stage."""

    name: str = field(default="constant", init=False)

    def rate(self, lr: float, progress: StageProgress) -> float:
        return lr


@dataclass(frozen=True)
class InverseTime(Schedule):
    """A little less with every step: Keras' old `decay`."""

    name: str = field(default="inverse_time", init=False)
    time_decay: float = option(
        1e-6, help="lr / (1 + this * step)", minimum=0, flag="--lr-time-decay"
    )

    def rate(self, lr: float, progress: StageProgress) -> float:
        return lr / (1 + self.time_decay * progress.step)


@dataclass(frozen=True)
class Plateau(Schedule):
    """Less after epochs without progress."""

    name: str = field(default="plateau", init=False)
    monitor: str = option(
        "val_loss",
        help="val_loss or another score, as --monitor",
        flag="--plateau-monitor",
    )
    patience: int = option(
        3,
        help="epochs without progress that are waited for",
        minimum=0,
        flag="--plateau-patience",
    )
    factor: float = option(
        0.2, help="of the rate, then", above=0, below=1, flag="--plateau-factor"
    )
    min_delta: float = option(
        0.0, help="less than this is no progress", minimum=0, flag="--plateau-min-delta"
    )
    min_lr: float = option(
        0.0, help="no rate below", minimum=0, flag="--plateau-min-lr"
    )

    def rate(self, lr: float, progress: StageProgress) -> float:
        best, num_bad = math.inf, 0
        for value in progress.losses:
            if value < best - self.min_delta:
                best, num_bad = value, 0
            else:
                num_bad += 1
            if num_bad > self.patience:
                # A stage may begin below the lowest rate; it is not raised to that.
                lr = min(lr, max(lr * self.factor, self.min_lr))
                num_bad = 0
        return lr


@dataclass(frozen=True)
class _Cycle(Schedule):
    ratio: float = option(
        4.0,
        help="of the highest rate to that at the start",
        minimum=1,
        flag="--cycle-ratio",
    )


@dataclass(frozen=True)
class Triangular(_Cycle):
    """Up to the rate of the stage and down again, and again.

    Smith, Cyclical Learning Rates, 2017 (https://arxiv.org/abs/1506.01186).
    """

    name: str = field(default="triangular", init=False)
    epochs: float = option(2.0, help="epochs of a rise", above=0, flag="--cycle-epochs")

    def rate(self, lr: float, progress: StageProgress) -> float:
        phase = progress.step / (self.epochs * progress.steps_per_epoch)
        height = 1 - abs(phase % 2 - 1)
        low = lr / self.ratio
        return low + (lr - low) * height


@dataclass(frozen=True)
class OneCycle(_Cycle):
    """A straight rise, then half a cosine down to 0, over the whole stage.

    After Smith and Topin, Super-Convergence, 2018 (https://arxiv.org/abs/1708.07120);
    without their cycle of the momentum.
    """

    name: str = field(default="one_cycle", init=False)

    def rate(self, lr: float, progress: StageProgress) -> float:
        assert progress.max_epochs is not None
        num_steps = progress.max_epochs * progress.steps_per_epoch
        num_rising, low = _RISE * num_steps, lr / self.ratio
        if progress.step < num_rising:
            return low + (lr - low) * progress.step / num_rising
        fallen = min(1.0, (progress.step - num_rising) / (num_steps - num_rising))
        return lr * (1 + math.cos(math.pi * fallen)) / 2


SCHEDULES: dict[str, type[Schedule]] = {
    "inverse_time": InverseTime,
    "constant": Constant,
    "plateau": Plateau,
    "triangular": Triangular,
    "one_cycle": OneCycle,
}

# What the fields were called when they were fields of the training's options.
_FLAT_PREFIXES = {
    "inverse_time": "lr_",
    "plateau": "plateau_",
    "triangular": "cycle_",
    "one_cycle": "cycle_",
}


def nest_schedule(content: Mapping[str, Any], base: Schedule) -> dict[str, Any]:
    """Options of a training as written before schedules had options of their own.

    `lr_schedule`, `plateau_patience` and the like become `schedule`; content without
    them is returned as it is.

    Args:
        content: options of a training, as in JSON; some or all of them.
        base: the schedule that the content changes, where it names none.
    """
    flat = {
        f"{prefix}{option.name}": (name, option.name)
        for name, prefix in _FLAT_PREFIXES.items()
        for option in dataclasses.fields(SCHEDULES[name])
        if option.init
    }
    if not content.keys() & {*flat, "lr_schedule"}:
        return dict(content)
    kept = {k: v for k, v in content.items() if k not in {*flat, "lr_schedule"}}
    name = content.get("lr_schedule", base.name)
    options = dataclasses.asdict(base) if name == base.name else {"name": name}
    for option_ in dataclasses.fields(SCHEDULES.get(name, Schedule)):
        old_name = f"{_FLAT_PREFIXES.get(name, '')}{option_.name}"
        if option_.init and old_name in content:
            options[option_.name] = content[old_name]
    return {**kept, "schedule": options}
