"""Every option of the package, with its default: the published system's."""

from dataclasses import dataclass

from resemul.constants import CLIP_SECONDS, NUM_SAMPLES, SAMPLE_RATE
from resemul.errors import ConfigError

BLOCK_NAMES = ("se", "rese", "res", "basic")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True)
class BuildConfig:
    """Options of `records.write_shards`; all of them shape the bytes written."""

    sample_rate: int = SAMPLE_RATE
    num_samples: int = NUM_SAMPLES
    clip_seconds: float = CLIP_SECONDS
    num_audios_per_shard: int = 100
    # Clips with fewer whole segments than this are skipped.
    min_segments: int = 1
    decoder: str = "pyav"

    def __post_init__(self) -> None:
        for name in ("sample_rate", "num_samples", "num_audios_per_shard"):
            value = getattr(self, name)
            _require(value >= 1, f"{name} must be at least 1, got {value}")
        _require(
            self.segments_per_clip >= 1,
            f"no segment of {self.num_samples} samples fits into "
            f"{self.clip_seconds} s at {self.sample_rate} Hz",
        )
        _require(
            1 <= self.min_segments <= self.segments_per_clip,
            f"min_segments must be 1 to {self.segments_per_clip}, "
            f"got {self.min_segments}",
        )

    @property
    def segments_per_clip(self) -> int:
        """Whole segments in a clip of full length."""
        return int(self.clip_seconds * self.sample_rate) // self.num_samples


@dataclass(frozen=True)
class SampleCNNConfig:
    """Options of `models.sample_cnn`; the defaults are the paper's SE + multi."""

    sample_rate: int = SAMPLE_RATE
    num_samples: int = NUM_SAMPLES
    block: str = "se"
    multi: bool = True
    # Width of the hidden layer of an excitation, in multiples of its channels.
    alpha: int = 16
    init_features: int = 128
    dropout: float = 0.5
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _require(
            self.block in BLOCK_NAMES,
            f"block must be one of {', '.join(BLOCK_NAMES)}, got {self.block!r}",
        )
        for name in ("sample_rate", "alpha", "init_features"):
            value = getattr(self, name)
            _require(value >= 1, f"{name} must be at least 1, got {value}")
        _require(
            self.num_samples >= NUM_SAMPLES,
            f"num_samples must be at least {NUM_SAMPLES} (nine pools of 3 "
            f"after a stride of 3), got {self.num_samples}",
        )
        _require(
            0 <= self.dropout < 1, f"dropout must be in [0, 1), got {self.dropout}"
        )
        _require(
            self.weight_decay >= 0,
            f"weight_decay must not be negative, got {self.weight_decay}",
        )


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
    seed: int = 0

    def __post_init__(self) -> None:
        for name in (
            "batch_size",
            "num_lr_decays",
            "max_epochs",
            "num_read_threads",
            "shuffle_buffer",
        ):
            value = getattr(self, name)
            _require(value >= 1, f"{name} must be at least 1, got {value}")
        for name in ("lr", "lr_decay"):
            value = getattr(self, name)
            _require(value > 0, f"{name} must be above 0, got {value}")
        for name in ("lr_time_decay", "patience", "seed"):
            value = getattr(self, name)
            _require(value >= 0, f"{name} must not be negative, got {value}")
        _require(
            0 <= self.momentum < 1, f"momentum must be in [0, 1), got {self.momentum}"
        )
        _require(
            0 <= self.initial_stage < self.num_lr_decays,
            f"initial_stage must be 0 to {self.num_lr_decays - 1} "
            f"(num_lr_decays is {self.num_lr_decays}), got {self.initial_stage}",
        )
        for name in ("steps_per_epoch", "max_epochs_per_stage"):
            value = getattr(self, name)
            _require(
                value is None or value >= 1, f"{name} must be at least 1, got {value}"
            )
