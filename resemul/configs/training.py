"""Options of training: what a recipe is made of."""

from dataclasses import dataclass

from resemul.configs.checks import require

PRECISIONS = ("float32", "mixed_bfloat16", "auto")
# float16 needs a loss scale, and pays off on a GPU only.
TRAINING_PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16", "auto")
OPTIMIZERS = ("sgd", "adam")
LR_SCHEDULES = ("inverse_time", "constant", "plateau", "triangular", "one_cycle")
MONITORS = ("val_loss", "val_roc_auc", "val_pr_auc")
# What a training step sees of a record.
CROPS = ("segments", "random", "centre")
# What a clip is scored by: the mean over these windows of it.
WINDOWS = ("segments", "chunks", "random", "centre")
# Where a stage takes its first weights from.
STARTS = ("previous", "best")


@dataclass(frozen=True)
class Stage:
    """One stage of a schedule. Without `max_epochs` it ends by patience."""

    optimizer: str
    lr: float
    max_epochs: int | None = None

    def __post_init__(self) -> None:
        _require_choice("optimizer", self.optimizer, OPTIMIZERS)
        require(self.lr > 0, f"lr must be above 0, got {self.lr}")
        require(
            self.max_epochs is None or self.max_epochs >= 1,
            f"max_epochs must be at least 1, got {self.max_epochs}",
        )

    def __str__(self) -> str:
        """As on the command line: `adam:0.0001:80`."""
        epochs = "" if self.max_epochs is None else f":{self.max_epochs}"
        return f"{self.optimizer}:{self.lr:g}{epochs}"


@dataclass(frozen=True)
class TrainConfig:
    """Options of `training.train_in_stages`; the defaults are staged SGD as published.

    `configs.recipes` holds other instances: the recipes of the other models.
    """

    batch_size: int = 23
    # None: as many steps as one pass over the training segments needs.
    steps_per_epoch: int | None = None
    crop: str = "segments"

    optimizer: str = "sgd"
    lr: float = 0.01
    momentum: float = 0.9
    adam_epsilon: float = 1e-7
    # PyTorch's weight_decay: added to the gradient of every weight. Of SampleCNN's own
    # `weight_decay`, a penalty on some kernels, it is independent.
    coupled_weight_decay: float = 0.0
    # The loss is multiplied by it, the gradient divided; None: neither.
    loss_scale: float | None = None
    # Arithmetic of the training steps; auto is float32 or mixed_bfloat16.
    precision: str = "float32"

    lr_schedule: str = "inverse_time"
    # inverse_time: lr / (1 + lr_time_decay * step); steps count from 0 in every stage.
    lr_time_decay: float = 1e-6
    # plateau: lr * plateau_factor after more than plateau_patience epochs in a row in
    # which plateau_monitor has not improved by more than plateau_min_delta.
    plateau_monitor: str = "val_loss"
    plateau_patience: int = 3
    plateau_factor: float = 0.2
    plateau_min_delta: float = 0.0
    plateau_min_lr: float = 0.0
    # triangular: from lr / cycle_ratio up to lr in cycle_epochs, and down again.
    # one_cycle: one rise and fall over the whole stage.
    cycle_ratio: float = 4.0
    cycle_epochs: float = 2.0

    # A stage ends after patience + 1 epochs in a row without a monitor better by more
    # than min_delta: the semantics of Keras 2.0.5, in which the system was published.
    # None: it ends by its number of epochs alone.
    patience: int | None = 2
    min_delta: float = 0.0
    # Picks the best epoch, of a stage and of the run.
    monitor: str = "val_loss"
    # Without `stages`: num_lr_decays of them, each with lr_decay times the rate of the
    # one before.
    lr_decay: float = 0.2
    num_lr_decays: int = 5
    # None: a stage ends by patience alone.
    max_epochs_per_stage: int | None = None
    stages: tuple[Stage, ...] = ()
    # A stage begins with the best weights of the previous one, or of all so far.
    start_from: str = "previous"
    initial_stage: int = 0
    # Epochs are numbered through all stages; none has this number or a higher one.
    max_epochs: int = 100

    # A validation clip's probabilities are the mean over these windows of its record.
    validation: str = "segments"
    num_chunks: int = 16

    # Train the last layer only; the layers below keep weights and statistics.
    freeze_body: bool = False
    num_read_threads: int = 8
    shuffle_buffer: int = 16_000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in (
            ("precision", TRAINING_PRECISIONS),
            ("optimizer", OPTIMIZERS),
            ("lr_schedule", LR_SCHEDULES),
            ("monitor", MONITORS),
            ("plateau_monitor", MONITORS),
            ("crop", CROPS),
            ("validation", WINDOWS),
            ("start_from", STARTS),
        ):
            _require_choice(name, getattr(self, name), choices)
        self._check_numbers()
        num_stages = len(self.plan())
        require(
            0 <= self.initial_stage < num_stages,
            f"initial_stage must be 0 to {num_stages - 1} (there are {num_stages} "
            f"stages), got {self.initial_stage}",
        )
        self._check_combinations()

    def _check_combinations(self) -> None:
        require(
            self.precision != "mixed_float16" or self.loss_scale is not None,
            "mixed_float16 needs a loss_scale, such as 1024: smaller gradients would "
            "become 0",
        )
        if self.lr_schedule != "one_cycle":
            return
        for stage in self.plan():
            require(
                stage.max_epochs is not None,
                "one_cycle needs to know how long a stage is: set max_epochs_per_stage",
            )
            require(
                (stage.max_epochs or 0) <= self.max_epochs,
                f"max_epochs {self.max_epochs} would cut off one_cycle, which falls "
                f"until epoch {stage.max_epochs} of its stage",
            )

    def _check_numbers(self) -> None:
        for name in (
            "batch_size",
            "num_lr_decays",
            "max_epochs",
            "num_read_threads",
            "shuffle_buffer",
            "num_chunks",
            "steps_per_epoch",
            "max_epochs_per_stage",
            "cycle_ratio",
        ):
            value = getattr(self, name)
            require(
                value is None or value >= 1, f"{name} must be at least 1, got {value}"
            )
        for name in ("lr", "lr_decay", "adam_epsilon", "loss_scale", "cycle_epochs"):
            value = getattr(self, name)
            require(value is None or value > 0, f"{name} must be above 0, got {value}")
        for name in (
            "coupled_weight_decay",
            "lr_time_decay",
            "min_delta",
            "patience",
            "plateau_min_delta",
            "plateau_min_lr",
            "plateau_patience",
            "seed",
        ):
            value = getattr(self, name)
            require(
                value is None or value >= 0,
                f"{name} must not be negative, got {value}",
            )
        require(
            0 <= self.momentum < 1, f"momentum must be in [0, 1), got {self.momentum}"
        )
        require(
            0 < self.plateau_factor < 1,
            f"plateau_factor must be between 0 and 1, got {self.plateau_factor}",
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


def _require_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    require(
        value in choices, f"{name} must be one of {', '.join(choices)}, got {value!r}"
    )
