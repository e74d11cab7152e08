"""Options of the models; the defaults are those of their papers."""

from dataclasses import dataclass
from typing import Any

from resemul.configs.checks import require
from resemul.configs.fields import check_options, option
from resemul.constants import NUM_SAMPLES, SAMPLE_RATE

BLOCK_NAMES = ("se", "rese", "res", "basic")
POOL_NAMES = ("max", "average")
# How `models.frontends.LogMel` computes its Fourier transforms.
DFT_NAMES = ("fft", "conv")


@dataclass(frozen=True)
class SampleCNNConfig:
    """Options of `models.sample_cnn`; the defaults are the paper's SE + multi."""

    sample_rate: int = option(SAMPLE_RATE, help="Hz", minimum=1)
    num_samples: int = option(NUM_SAMPLES, help="length of the input", minimum=1)
    block: str = option("se", help="kind of its blocks", choices=BLOCK_NAMES)
    multi: bool = option(True, help="classify from the last three blocks together")
    # Width of the hidden layer of an excitation, in multiples of its channels.
    alpha: int = option(16, help="amplifying ratio of the excitations", minimum=1)
    init_features: int = option(
        128,
        help="channels of the first blocks; fewer make a smaller, faster model",
        minimum=1,
    )
    dropout: float = option(0.5, help="before the last layer", minimum=0, below=1)
    weight_decay: float = option(
        0.0, help="L2 penalty on the kernels of the convolutions", minimum=0
    )

    def __post_init__(self) -> None:
        check_options(self)
        require(
            self.num_samples >= NUM_SAMPLES,
            f"num_samples must be at least {NUM_SAMPLES} (nine pools of 3 "
            f"after a stride of 3), got {self.num_samples}",
        )


@dataclass(frozen=True)
class FCN4Config:
    """Options of `models.fcn4`; a clip has 29.12 s, 1366 frames."""

    sample_rate: int = 12_000
    num_samples: int = 349_440
    # The four convolutions have 1, 3, 6 and 16 times as many.
    channels: int = 128
    dft: str = "fft"

    def __post_init__(self) -> None:
        _require_positive(self, "sample_rate", "num_samples", "channels")
        _require_dft(self.dft)


@dataclass(frozen=True)
class FCN5Config:
    """Options of `models.fcn5`; a clip has 29 s."""

    sample_rate: int = 16_000
    num_samples: int = 29 * 16_000
    # As in all published weights; the Lightning port trains with 128.
    num_bands: int = 96
    # The five convolutions have 1, 2, 2, 2 and 1 times as many.
    channels: int = 64
    dropout: float = 0.5
    dft: str = "fft"

    def __post_init__(self) -> None:
        _require_positive(self, "sample_rate", "num_samples", "num_bands", "channels")
        _require_rate(self.dropout)
        _require_dft(self.dft)


@dataclass(frozen=True)
class ShortChunkCNNConfig:
    """Options of `models.short_chunk_cnn` and `models.short_chunk_cnn_res`."""

    sample_rate: int = 16_000
    num_samples: int = NUM_SAMPLES
    # The seven layers have 1, 1, 2, 2, 2, 2 and 4 times as many.
    channels: int = 128
    dropout: float = 0.5
    dft: str = "fft"

    def __post_init__(self) -> None:
        _require_positive(self, "sample_rate", "num_samples", "channels")
        _require_rate(self.dropout)
        _require_dft(self.dft)


@dataclass(frozen=True)
class WonSampleCNNConfig:
    """Options of `models.won_sample_cnn` and `models.won_sample_cnn_se`."""

    sample_rate: int = 16_000
    num_samples: int = NUM_SAMPLES
    # Layers 1-3 have as many, layers 4-9 twice and layers 10-11 four times.
    channels: int = 128
    dropout: float = 0.5

    def __post_init__(self) -> None:
        _require_positive(self, "sample_rate", "num_samples", "channels")
        _require_rate(self.dropout)


@dataclass(frozen=True)
class MultiScaleCNNConfig:
    """Options of `models.multi_scale_cnn`; a clip has 29.1 s, 628 frames."""

    sample_rate: int = 11_025
    num_samples: int = 627 * 512
    # The convolutions have 5, 7 or 10 times as many.
    channels: int = 10
    dense_units: int = 500
    dropout: float = 0.6
    # How the coarsest scale is made from the one before: "max" as in the PyTorch
    # code, "average" as in the authors' own.
    second_pool: str = "max"
    # Off as in the PyTorch code; the authors' own code scales each band to mean 0 and
    # variance 1 over the data set.
    normalise_bands: bool = False
    dft: str = "fft"

    def __post_init__(self) -> None:
        _require_positive(self, "sample_rate", "num_samples", "channels", "dense_units")
        _require_rate(self.dropout)
        require(
            self.second_pool in POOL_NAMES,
            f"second_pool must be one of {', '.join(POOL_NAMES)}, "
            f"got {self.second_pool!r}",
        )
        _require_dft(self.dft)


@dataclass(frozen=True)
class PonsWaveformConfig:
    """Options of `models.pons_waveform`; a window has 15 s."""

    sample_rate: int = 16_000
    num_samples: int = 15 * 16_000
    # The seven convolutions have 1, 1, 1, 2, 2, 2 and 4 times as many.
    channels: int = 64
    back_end_channels: int = 512
    dense_units: int = 500
    dropout: float = 0.5
    # Scale each window to mean 0 and variance 1.
    normalise: bool = True

    def __post_init__(self) -> None:
        _require_positive(
            self,
            "sample_rate",
            "num_samples",
            "channels",
            "back_end_channels",
            "dense_units",
        )
        _require_rate(self.dropout)


@dataclass(frozen=True)
class PonsLogMelConfig:
    """Options of `models.pons_log_mel`; a window has 15 s, 468 frames."""

    sample_rate: int = 16_000
    num_samples: int = 15 * 16_000
    num_bands: int = 96
    # The convolutions have 1, 2, 4 or 8 times as many.
    channels: int = 16
    back_end_channels: int = 512
    dense_units: int = 500
    dropout: float = 0.5
    # Scale the log-mel spectrogram of each window to mean 0 and variance 1.
    normalise: bool = True
    dft: str = "fft"

    def __post_init__(self) -> None:
        _require_positive(
            self,
            "sample_rate",
            "num_samples",
            "num_bands",
            "channels",
            "back_end_channels",
            "dense_units",
        )
        _require_rate(self.dropout)
        _require_dft(self.dft)


# Keys as in `models.MODELS`.
MODEL_CONFIGS: dict[str, type] = {
    "sample_cnn": SampleCNNConfig,
    "fcn4": FCN4Config,
    "fcn5": FCN5Config,
    "short_chunk_cnn": ShortChunkCNNConfig,
    "short_chunk_cnn_res": ShortChunkCNNConfig,
    "won_sample_cnn": WonSampleCNNConfig,
    "won_sample_cnn_se": WonSampleCNNConfig,
    "multi_scale_cnn": MultiScaleCNNConfig,
    "pons_waveform": PonsWaveformConfig,
    "pons_log_mel": PonsLogMelConfig,
}


def _require_positive(config: Any, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        require(value >= 1, f"{name} must be at least 1, got {value}")


def _require_rate(dropout: float) -> None:
    require(0 <= dropout < 1, f"dropout must be in [0, 1), got {dropout}")


def _require_dft(dft: str) -> None:
    require(dft in DFT_NAMES, f"dft must be one of {', '.join(DFT_NAMES)}, got {dft!r}")
