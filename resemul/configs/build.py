"""Options of building records."""

from dataclasses import dataclass

from resemul.configs.checks import require
from resemul.constants import CLIP_SECONDS, NUM_SAMPLES, SAMPLE_RATE

# How samples can be stored, and the bytes that one takes.
ENCODING_BYTES = {"float32": 4, "int16": 2}


@dataclass(frozen=True)
class BuildConfig:
    """Options of `records.write_shards`; all of them shape the bytes written."""

    sample_rate: int = SAMPLE_RATE
    num_samples: int = NUM_SAMPLES
    # How much of each file to read; None reads it whole.
    clip_seconds: float | None = CLIP_SECONDS
    num_audios_per_shard: int = 100
    # Clips with fewer whole segments than this are skipped; 0 skips none, and pads
    # those that are shorter than a segment with silence.
    min_segments: int = 1
    decoder: str = "pyav"
    # How samples are stored; int16 takes half the space, and rounds.
    encoding: str = "float32"

    def __post_init__(self) -> None:
        for name in ("sample_rate", "num_samples", "num_audios_per_shard"):
            value = getattr(self, name)
            require(value >= 1, f"{name} must be at least 1, got {value}")
        require(
            self.encoding in ENCODING_BYTES,
            f"encoding must be one of {', '.join(ENCODING_BYTES)}, "
            f"got {self.encoding!r}",
        )
        require(
            self.min_segments >= 0,
            f"min_segments must be at least 0, got {self.min_segments}",
        )
        if self.clip_seconds is None:
            return
        require(
            self.segments_per_clip >= 1,
            f"no segment of {self.num_samples} samples fits into "
            f"{self.clip_seconds} s at {self.sample_rate} Hz",
        )
        require(
            self.min_segments <= self.segments_per_clip,
            f"min_segments must be 0 to {self.segments_per_clip}, "
            f"got {self.min_segments}",
        )

    @property
    def segments_per_clip(self) -> int:
        """Whole segments in a full clip; without a length, any clip is full."""
        if self.clip_seconds is None:
            return self.min_segments
        return int(self.clip_seconds * self.sample_rate) // self.num_samples
