"""Options of building records."""

from dataclasses import dataclass

from resemul.configs.checks import require
from resemul.constants import CLIP_SECONDS, NUM_SAMPLES, SAMPLE_RATE


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
            require(value >= 1, f"{name} must be at least 1, got {value}")
        require(
            self.segments_per_clip >= 1,
            f"no segment of {self.num_samples} samples fits into "
            f"{self.clip_seconds} s at {self.sample_rate} Hz",
        )
        require(
            1 <= self.min_segments <= self.segments_per_clip,
            f"min_segments must be 1 to {self.segments_per_clip}, "
            f"got {self.min_segments}",
        )

    @property
    def segments_per_clip(self) -> int:
        """Whole segments in a clip of full length."""
        return int(self.clip_seconds * self.sample_rate) // self.num_samples
