"""Options of building records."""

from dataclasses import dataclass

from resemul.configs.audio import (
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    MIXES,
    RESAMPLERS,
    AudioConfig,
)
from resemul.configs.fields import OptionError, check_options, option
from resemul.constants import CLIP_SECONDS, NUM_SAMPLES, SAMPLE_RATE

# How samples can be stored, and the bytes that one takes.
ENCODING_BYTES = {"float32": 4, "int16": 2}
# Names of `audio.DECODERS`, which needs the libraries.
DECODER_NAMES = ("pyav", "madmom")


@dataclass(frozen=True)
class BuildConfig:
    """Options of `records.write_shards`; all of them shape the bytes written."""

    sample_rate: int = option(
        SAMPLE_RATE,
        help="Hz, to which the audio is resampled",
        minimum=MIN_SAMPLE_RATE,
        maximum=MAX_SAMPLE_RATE,
    )
    num_samples: int = option(NUM_SAMPLES, help="samples in a segment", minimum=1)
    clip_seconds: float | None = option(
        CLIP_SECONDS, help="how much of each file to read; none reads it whole", above=0
    )
    num_audios_per_shard: int = option(100, help="clips in a shard", minimum=1)
    min_segments: int = option(
        1,
        help="skip clips with fewer whole segments than this; 0 skips none, and fills "
        "those that are shorter than a segment with silence",
        minimum=0,
    )
    decoder: str = option(
        "pyav",
        help="library that decodes; both give the same samples",
        choices=DECODER_NAMES,
    )
    encoding: str = option(
        "float32",
        help="of the samples: float32, which the original reads too, or int16, which "
        "takes half the space and rounds to 1/32768",
        choices=tuple(ENCODING_BYTES),
    )
    mix: str = option(
        "ffmpeg",
        help="how channels become one: as FFmpeg does, (left + right) / sqrt(2) of "
        "stereo, or their mean",
        choices=MIXES,
    )
    resampler: str = option(
        "swr", help="FFmpeg's as it is, or with a longer filter", choices=RESAMPLERS
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.clip_seconds is None:
            return
        if self.segments_per_clip < 1:
            raise OptionError(
                f"no segment of {self.num_samples} samples (<num_samples>) fits into "
                f"{self.clip_seconds} s at {self.sample_rate} Hz (<clip_seconds>)"
            )
        if self.min_segments > self.segments_per_clip:
            raise OptionError(
                f"<min_segments> must be 0 to {self.segments_per_clip}, "
                f"got {self.min_segments}"
            )

    @property
    def segments_per_clip(self) -> int:
        """Whole segments in a full clip; without a length, any clip is full."""
        if self.clip_seconds is None:
            return self.min_segments
        return int(self.clip_seconds * self.sample_rate) // self.num_samples

    @property
    def audio(self) -> AudioConfig:
        """How files become waveforms."""
        return AudioConfig(self.sample_rate, self.mix, self.resampler)
