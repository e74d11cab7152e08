"""Options of training: what a recipe is made of."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from resemul.configs.fields import OptionError, check_options, option
from resemul.configs.schedules import InverseTime, OneCycle, Plateau, Schedule

PRECISIONS = ("float32", "mixed_bfloat16", "auto")
# float16 needs a loss scale, and pays off on a GPU only.
TRAINING_PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16", "auto")
OPTIMIZERS = ("sgd", "adam")
# What a training step sees of a record.
CROPS = ("segments", "random", "centre")
# What a clip is scored by: the mean over these windows of it.
WINDOWS = ("segments", "chunks", "random", "centre")
# Where a stage takes its first weights from.
STARTS = ("previous", "best")
_DEFAULT_SCHEDULE = InverseTime()


@dataclass(frozen=True)
class Stage:
    """One stage of a schedule. Without `max_epochs` it ends by patience."""

    IN_WORDS: ClassVar[str] = "none or stages such as adam:0.0001:80,sgd:0.001:20"

    optimizer: str = option(help="what moves the weights", choices=OPTIMIZERS)
    lr: float = option(help="its learning rate", above=0)
    max_epochs: int | None = option(None, help="how long it is at most", minimum=1)

    def __post_init__(self) -> None:
        check_options(self)

    def __str__(self) -> str:
        """As on the command line: `adam:0.0001:80`."""
        epochs = "" if self.max_epochs is None else f":{self.max_epochs}"
        return f"{self.optimizer}:{self.lr:g}{epochs}"

    @classmethod
    def parse(cls, text: str) -> "Stage":
        """Undoes `str`.

        Raises:
            ValueError: the text is no stage; a ConfigError says what is wrong with it.
        """
        optimizer, lr, *epochs = text.split(":")
        if len(epochs) > 1:
            raise ValueError(text)
        return cls(optimizer, float(lr), int(epochs[0]) if epochs else None)


@dataclass(frozen=True)
class TrainConfig:
    """Options of `training.train_in_stages`; the defaults are staged SGD as published.

    `configs.recipes` holds other instances: the recipes of the other models.
    """

    batch_size: int = option(23, help="segments in a batch", minimum=1)
    steps_per_epoch: int | None = option(
        None, help="batches in an epoch; none is one pass over the records", minimum=1
    )
    crop: str = option(
        "segments",
        help="of records longer than the model's input: segments (all, one after the "
        "other), random (one per record and epoch), centre",
        choices=CROPS,
    )

    optimizer: str = option(
        "sgd", help="sgd (with Nesterov's correction) or adam", choices=OPTIMIZERS
    )
    lr: float = option(0.01, help="learning rate of stage 0", above=0)
    momentum: float = option(0.9, help="of SGD", minimum=0, below=1)
    adam_epsilon: float = option(1e-7, help="of Adam", above=0)
    # Of SampleCNN's own `weight_decay`, a penalty on some kernels, it is independent.
    coupled_weight_decay: float = option(
        0.0,
        help="PyTorch's weight decay: this times each weight is added to its gradient",
        minimum=0,
    )
    loss_scale: float | None = option(
        None, help="factor on the loss, taken off the gradients", above=0
    )
    precision: str = option(
        "float32",
        help="of the steps: float32, mixed_bfloat16, mixed_float16, or auto, by what "
        "the machine does fast",
        choices=TRAINING_PRECISIONS,
    )

    sync_batch_norm: bool = option(
        False,
        help="with several devices, normalise by the whole batch instead of by each "
        "device's part of it; slower, and the same as on one device",
    )
    freeze_body: bool = option(
        False, help="train the last layer only, with --init-from"
    )
    num_read_threads: int = option(8, help="shards read at a time", minimum=1)
    shuffle_buffer: int = option(
        16_000, help="segments to draw batches from, 236 kB of memory each", minimum=1
    )
    seed: int = option(0, help="of weights, order, crops and dropout", minimum=0)

    # How the rate changes within a stage.
    schedule: Schedule = field(default=_DEFAULT_SCHEDULE)

    # The semantics of Keras 2.0.5, in which the system was published.
    patience: int | None = option(
        2,
        help="a stage ends after this many epochs plus one without progress; none: not",
        minimum=0,
    )
    min_delta: float = option(0.0, help="less than this is no progress", minimum=0)
    lr_decay: float = option(
        0.2, help="factor from one stage's rate to the next's", above=0
    )
    num_lr_decays: int = option(5, help="number of stages", minimum=1)
    max_epochs_per_stage: int | None = option(
        None,
        help="epochs of one stage, at most; none: no limit",
        minimum=1,
        flag="--epochs-per-stage",
    )
    stages: tuple[Stage, ...] = option(
        (),
        help="instead: optimizer, rate and epochs of each, such as "
        "adam:0.0001:80,sgd:0.001:20; none: as by the options above",
    )
    start_from: str = option(
        "previous",
        help="first weights of a stage: best of the previous one, or best of all",
        choices=STARTS,
    )
    initial_stage: int = option(0, help="stage to start at", minimum=0)
    max_epochs: int = option(
        100, help="epochs of all stages together, at most", minimum=1, flag="--epochs"
    )

    monitor: str = option(
        "val_loss",
        help="picks the best epoch, of a stage and of the run: val_loss, or val_ and a "
        "metric, such as val_roc_auc",
    )
    validation: str = option(
        "segments",
        help="windows of a record that are scored, and averaged: segments, chunks (at "
        "equal distances), random (one), centre",
        choices=WINDOWS,
    )
    num_chunks: int = option(16, help="of --validation chunks", minimum=1)

    def __post_init__(self) -> None:
        check_options(self)
        num_stages = len(self.plan())
        _require(
            self.initial_stage < num_stages,
            f"<initial_stage> must be 0 to {num_stages - 1} (there are {num_stages} "
            f"stages), got {self.initial_stage}",
        )
        self._check_combinations()

    def _check_combinations(self) -> None:
        _require(
            self.precision != "mixed_float16" or self.loss_scale is not None,
            "mixed_float16 needs a <loss_scale>, such as 1024: smaller gradients would "
            "become 0",
        )
        if not isinstance(self.schedule, OneCycle):
            return
        num_epochs = 0
        for stage in self.plan():
            _require(
                stage.max_epochs is not None,
                "one_cycle needs to know how long a stage is: set "
                "<max_epochs_per_stage>",
            )
            num_epochs += stage.max_epochs or 0
        _require(
            num_epochs <= self.max_epochs,
            f"<max_epochs> {self.max_epochs} would cut off one_cycle, which falls "
            f"until epoch {num_epochs}, the last one of the stages",
        )

    def plan(self) -> tuple[Stage, ...]:
        """The stages, those listed or those that follow from the rates."""
        return self.stages or tuple(
            Stage(
                self.optimizer,
                self.lr * self.lr_decay**number,
                self.max_epochs_per_stage,
            )
            for number in range(self.num_lr_decays)
        )


def check_monitors(config: TrainConfig, metrics: Iterable[str]) -> None:
    """Checks that what picks the best epoch is computed.

    Raises:
        ConfigError: it is neither the loss nor one of these metrics.
    """
    monitors = ["val_loss", *(f"val_{name}" for name in metrics)]
    given = {"monitor": config.monitor}
    if isinstance(config.schedule, Plateau):
        given["plateau_monitor"] = config.schedule.monitor
    for name, monitor in given.items():
        _require(
            monitor in monitors,
            f"<{name}> must be one of {', '.join(monitors)}, got {monitor!r}",
        )


def _require(condition: bool, marked: str) -> None:
    if not condition:
        raise OptionError(marked)
