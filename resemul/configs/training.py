"""Options of training."""

from dataclasses import dataclass

from resemul.configs.checks import require

PRECISIONS = ("float32", "mixed_bfloat16", "auto")


@dataclass(frozen=True)
class TrainConfig:
    """Options of `training.train_in_stages`: staged SGD as published."""

    batch_size: int = 23
    lr: float = 0.01
    lr_decay: float = 0.2
    momentum: float = 0.9
    # lr / (1 + lr_time_decay * step); steps are counted from 0 in every stage.
    lr_time_decay: float = 1e-6
    initial_stage: int = 0
    num_lr_decays: int = 5
    # A stage ends after patience + 1 epochs in a row without a lower validation
    # loss: the semantics of Keras 2.0.5, in which the system was published.
    patience: int = 2
    # Epochs are numbered through all stages; none has this number or a higher one.
    max_epochs: int = 100
    # None: a stage ends by patience alone.
    max_epochs_per_stage: int | None = None
    # None: as many steps as one pass over the training segments needs.
    steps_per_epoch: int | None = None
    num_read_threads: int = 8
    shuffle_buffer: int = 16_000
    # Arithmetic of the training steps: float32, mixed_bfloat16, or auto.
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        require(
            self.precision in PRECISIONS,
            f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}",
        )
        for name in (
            "batch_size",
            "num_lr_decays",
            "max_epochs",
            "num_read_threads",
            "shuffle_buffer",
        ):
            value = getattr(self, name)
            require(value >= 1, f"{name} must be at least 1, got {value}")
        for name in ("lr", "lr_decay"):
            value = getattr(self, name)
            require(value > 0, f"{name} must be above 0, got {value}")
        for name in ("lr_time_decay", "patience", "seed"):
            value = getattr(self, name)
            require(value >= 0, f"{name} must not be negative, got {value}")
        require(
            0 <= self.momentum < 1, f"momentum must be in [0, 1), got {self.momentum}"
        )
        require(
            0 <= self.initial_stage < self.num_lr_decays,
            f"initial_stage must be 0 to {self.num_lr_decays - 1} "
            f"(num_lr_decays is {self.num_lr_decays}), got {self.initial_stage}",
        )
        for name in ("steps_per_epoch", "max_epochs_per_stage"):
            value = getattr(self, name)
            require(
                value is None or value >= 1, f"{name} must be at least 1, got {value}"
            )
