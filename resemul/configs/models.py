"""Options of the models; the defaults are those of their papers."""

from dataclasses import dataclass

from resemul.configs.checks import require
from resemul.constants import NUM_SAMPLES, SAMPLE_RATE

BLOCK_NAMES = ("se", "rese", "res", "basic")


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
        require(
            self.block in BLOCK_NAMES,
            f"block must be one of {', '.join(BLOCK_NAMES)}, got {self.block!r}",
        )
        for name in ("sample_rate", "alpha", "init_features"):
            value = getattr(self, name)
            require(value >= 1, f"{name} must be at least 1, got {value}")
        require(
            self.num_samples >= NUM_SAMPLES,
            f"num_samples must be at least {NUM_SAMPLES} (nine pools of 3 "
            f"after a stride of 3), got {self.num_samples}",
        )
        require(0 <= self.dropout < 1, f"dropout must be in [0, 1), got {self.dropout}")
        require(
            self.weight_decay >= 0,
            f"weight_decay must not be negative, got {self.weight_decay}",
        )
