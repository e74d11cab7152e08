"""Records of whole tracks, in the layout of the Million Song Dataset system."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resemul.configs.checks import require
from resemul.configs.fields import check_options, option
from resemul.configs.values import fields_from_json

WAVEFORM, LOG_MEL = "waveform", "log-mel-spectrogram"
FORMATS = (WAVEFORM, LOG_MEL)
# The short-time Fourier transform of a log-mel record, in samples.
FFT_SAMPLES = 2048
HOP_SAMPLES = 512
# Decibels below the loudest of a track, at most.
RANGE_DB = 80.0
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


@dataclass(frozen=True)
class TrackChoice:
    """Which of such records a model is trained on and scored by, and with which tags.

    The windows and their scaling are options of the training and of the model.
    """

    split: tuple[float, ...] = option(
        (),
        help="files for training, validation and test, in the order of their numbers: "
        "percent if the sum is 100, else numbers of files; none: as the files are "
        "named, else 80,10,10",
        minimum=0,
        flag="--split-files",
    )
    top: int | None = option(
        None, help="the N most frequent tags; none: all", minimum=1
    )
    with_tags: tuple[str, ...] = option(
        (), help="these tags too, by name or number; without --top, these only"
    )
    without_tags: tuple[str, ...] = option((), help="not these tags")
    merge: str | None = option(
        None,
        help="tracks with one tag of a group get all of it: a,b;c,d, or a file with a "
        "group per line",
    )
    exclude: Path | None = option(
        None, help="file of tracks to leave out, one id a line"
    )
    min_seconds: float = option(
        0.0,
        help="leave out shorter tracks; else silence fills what is missing",
        minimum=0,
    )
    tag_db: Path | None = option(
        None, help="database of clean tags, for records without a manifest"
    )

    def __post_init__(self) -> None:
        check_options(self)
        require(
            not self.split or (len(self.split) in (2, 3) and sum(self.split) > 0),
            "a split of files has two or three numbers, for training, validation and "
            f"test, got {','.join(f'{part:g}' for part in self.split)}",
        )

    @property
    def chooses_tags(self) -> bool:
        """Whether tracks without any of the tags are left out."""
        return bool(self.top or self.with_tags or self.without_tags)

    def as_json(self) -> dict[str, Any]:
        """What is not as by default, for a model's card."""
        default = TrackChoice()
        values = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != getattr(default, field.name)
        }
        return {
            name: list(value)
            if isinstance(value, tuple)
            else str(value)
            if isinstance(value, Path)
            else value
            for name, value in values.items()
        }

    @staticmethod
    def from_json(content: Mapping[str, Any], where: str) -> "TrackChoice":
        """Undoes `as_json`.

        Raises:
            ConfigError: a value cannot work.
        """
        return TrackChoice(**fields_from_json(TrackChoice, content, where))
