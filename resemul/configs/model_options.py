"""What the options of all models have in common."""

from dataclasses import dataclass
from typing import Any, ClassVar

from resemul.configs.audio import (
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    MIXES,
    RESAMPLERS,
    AudioConfig,
)
from resemul.configs.fields import check_options, option
from resemul.constants import NUM_SAMPLES, SAMPLE_RATE

# How `models.frontends.LogMel` computes its Fourier transforms.
DFT_NAMES = ("fft", "conv")


def rate_option(default: int) -> Any:
    """Of the audio."""
    return option(default, help="Hz", minimum=MIN_SAMPLE_RATE, maximum=MAX_SAMPLE_RATE)


def length_option(default: int) -> Any:
    """Of a segment."""
    return option(default, help="length of the input in samples", minimum=1)


def channels_option(default: int, help: str) -> Any:
    """A number of channels or units."""
    return option(default, help=help, minimum=1)


def dropout_option(default: float = 0.5) -> Any:
    """A rate of dropout."""
    return option(default, help="before the last layer", minimum=0, below=1)


def dft_option() -> Any:
    """See `models.frontends.LogMel`."""
    return option("fft", help="how Fourier transforms are computed", choices=DFT_NAMES)


def mix_option(default: str) -> Any:
    """See `AudioConfig`."""
    return option(default, help="how channels become one", choices=MIXES)


def resampler_option(default: str) -> Any:
    """See `AudioConfig`."""
    return option(default, help="filter of the resampling", choices=RESAMPLERS)


@dataclass(frozen=True)
class ModelConfig:
    """Options that every model has: which audio it takes, and how that is loaded."""

    sample_rate: int = rate_option(SAMPLE_RATE)
    num_samples: int = length_option(NUM_SAMPLES)
    # Most systems averaged the channels, as librosa and torchaudio do.
    mix: str = mix_option("mean")
    resampler: str = resampler_option("swr")

    # How a whole file is cut; the other fields of `AudioConfig`.
    padding: ClassVar[int] = 0
    short: ClassVar[str] = "zeros"

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def hop(self) -> int | None:
        """Samples from one segment of a file to the next; None: a segment."""
        return None

    @property
    def audio(self) -> AudioConfig:
        """How files become this model's input."""
        return AudioConfig.of(self)
