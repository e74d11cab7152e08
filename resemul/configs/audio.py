"""How a model wants its audio loaded, and which files are audio."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from resemul.configs.checks import require
from resemul.constants import SAMPLE_RATE

# How channels become one: as FFmpeg mixes them, (left + right) / sqrt(2) of stereo,
# or their mean, 3 dB less.
MIXES = ("ffmpeg", "mean")

# FFmpeg's resampler as it is, or with a filter that is 128 taps long and rolls off
# at 0.9475 of the lower Nyquist frequency, like the one librosa had in 2019.
RESAMPLERS = ("swr", "swr-long")

# What becomes of a file shorter than a segment: zeros after it, or itself again.
SHORT_RULES = ("zeros", "repeat")

# Hz. Beyond them a header is damaged, not the sound unusual; DSD is decoded at
# 352,800 Hz and more.
MIN_SAMPLE_RATE = 1_000
MAX_SAMPLE_RATE = 768_000

# What FFmpeg reads and people keep music in; other files are covers, lists, ...
AUDIO_SUFFIXES = (
    ".3gp", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au", ".caf",
    ".dsf", ".flac", ".m4a", ".m4b", ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4",
    ".mpc", ".oga", ".ogg", ".opus", ".ra", ".snd", ".spx", ".tta", ".w64", ".wav",
    ".webm", ".wma", ".wv",
)  # fmt: skip


@dataclass(frozen=True)
class AudioConfig:
    """How files become the waveforms that a model was trained on."""

    # Hz, of the result.
    sample_rate: int = SAMPLE_RATE
    mix: str = "ffmpeg"
    resampler: str = "swr"
    # Zeros before and after a whole file, in samples.
    padding: int = 0
    # Samples from the start of a segment to that of the next; None: one segment.
    hop: int | None = None
    short: str = "zeros"

    @classmethod
    def of(cls, holder: Any) -> "AudioConfig":
        """What a card or a model's options say, in fields of the same names."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: getattr(holder, name) for name in names})

    def __post_init__(self) -> None:
        require(
            MIN_SAMPLE_RATE <= self.sample_rate <= MAX_SAMPLE_RATE,
            f"sample_rate must be {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz, "
            f"got {self.sample_rate}",
        )
        for name, choices in (
            ("mix", MIXES),
            ("resampler", RESAMPLERS),
            ("short", SHORT_RULES),
        ):
            value = getattr(self, name)
            require(
                value in choices,
                f"{name} must be one of {', '.join(choices)}, got {value!r}",
            )
        require(self.padding >= 0, f"padding must be at least 0, got {self.padding}")
        require(
            self.hop is None or self.hop >= 1,
            f"hop must be at least 1 sample, got {self.hop}",
        )
