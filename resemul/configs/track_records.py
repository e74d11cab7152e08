"""Records of whole tracks, in the layout of the Million Song Dataset system."""

from dataclasses import dataclass

from resemul.configs.checks import require

WAVEFORM, LOG_MEL = "waveform", "log-mel-spectrogram"
FORMATS = (WAVEFORM, LOG_MEL)
# The short-time Fourier transform of a log-mel record, in samples.
FFT_SAMPLES = 2048
HOP_SAMPLES = 512
# What a segment is scaled by: its own mean and variance, or, of waveforms and as it
# was published, those of each place over the batch.
SCALINGS = ("segment", "batch")
# What becomes of a track that is shorter than a segment.
SHORT_RULES = ("zeros", "skip")


@dataclass(frozen=True)
class TrackRecordsConfig:
    """What is written; `split` and `first`, `last` (counted from 1) exclude each other.

    With `split`, shares of the tracks, there are two or three files; else `num_files`.
    """

    format: str = WAVEFORM
    sample_rate: int = 16_000
    num_bands: int = 96
    num_files: int = 100
    split: tuple[float, ...] | None = None
    first: int | None = None
    last: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        require(
            self.format in FORMATS,
            f"format must be one of {', '.join(FORMATS)}, got {self.format!r}",
        )
        for name in ("sample_rate", "num_bands", "num_files"):
            value = getattr(self, name)
            require(value >= 1, f"{name} must be at least 1, got {value}")
        require(self.seed >= 0, f"seed must be 0 or more, got {self.seed}")
        if self.split is not None:
            require(
                len(self.split) in (2, 3)
                and min(self.split) >= 0
                and sum(self.split) > 0,
                f"split has two or three shares, 0 or more, got {self.split}",
            )
            require(
                self.first is None and self.last is None,
                "either split, or the first and the last file",
            )
        first = 1 if self.first is None else self.first
        last = self.num_files if self.last is None else self.last
        require(
            1 <= first <= last <= self.num_files,
            f"files are counted from 1 to {self.num_files}, got {first} to {last}",
        )


@dataclass(frozen=True)
class TrackReadConfig:
    """What is read of such records, and how.

    `with_tags` and `merge_tags` are numbers from 1, or names where the records have a
    manifest. None takes all tags. `seconds` is the length of a segment.
    """

    format: str = WAVEFORM
    sample_rate: int = 16_000
    num_bands: int = 96
    num_tags: int = 155
    batch_size: int = 32
    cycle_length: int = 2
    block_length: int = 1
    shuffle: bool = True
    shuffle_buffer: int = 10_000
    seconds: float = 15
    random: bool = False
    short: str = "zeros"
    scaling: str = "segment"
    with_tids: tuple[str, ...] | None = None
    with_tags: tuple[int | str, ...] | None = None
    merge_tags: tuple[tuple[int | str, ...], ...] = ()
    repeat: int | None = 1
    as_tuple: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in (
            ("format", FORMATS),
            ("short", SHORT_RULES),
            ("scaling", SCALINGS),
        ):
            value = getattr(self, name)
            require(
                value in choices,
                f"{name} must be one of {', '.join(choices)}, got {value!r}",
            )
        for name in ("sample_rate", "num_bands", "num_tags", "batch_size"):
            value = getattr(self, name)
            require(value >= 1, f"{name} must be at least 1, got {value}")
        require(self.seconds > 0, f"seconds must be above 0, got {self.seconds}")
        require(
            not self.merge_tags or self.with_tags is not None,
            "tags are merged where tags are chosen: with_tags is needed too",
        )
        require(
            self.scaling == "segment" or self.format == WAVEFORM,
            "only waveforms can be scaled over a batch",
        )

    @property
    def length(self) -> int:
        """Of a segment, in samples or frames."""
        num_samples = self.seconds * self.sample_rate
        hop = HOP_SAMPLES if self.format == LOG_MEL else 1
        return int(num_samples // hop)
