"""What curation goes by: the defaults are those of the published data."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resemul.configs.checks import require

# What is done to a table of files, in the published order.
STEPS = ("match", "repeated", "mismatches", "empty", "unreadable", "tags", "duplicates")

# What is before and after a recording: zeros, as librosa has it since 0.10, or its
# mirror image, as in 0.7, with which the published data were made. The difference is
# a frame at either end at most.
PADDINGS = ("zeros", "reflect")

# A name on so many tracks can become a tag of its own.
TAG_THRESHOLD = 2_000
# A name on so many tracks can be merged into one.
NAME_THRESHOLD = 10
# Before a name that a person has rejected.
REJECTED = "-"
# Tags that are told from each other by who sings, if anybody; and how much of all
# that bears such a name is put before a person, in percent of the counts.
VOCAL_PERCENT = {"rap": 90.0, "instrumental": 90.0, "male": 90.0, "female": 80.0}
VOCAL_TAGS = tuple(VOCAL_PERCENT)
# Spellings that no rule finds.
COMBINE = (("rhythm and blues", "rnb"), ("funky", "funk"))
# What the rule for plurals merges wrongly: "00s" has the key "00".
DROP = ("2000", "00", "90", "80", "70", "60")

# What popularity counts in a clean database: each track once, or, as was published,
# once for each of its names that mean the tag.
COUNTS = ("tracks", "rows")

# Shares of tracks from which tags mean the same, or one implies another.
EQUIVALENT_SHARE = 0.8
IMPLIED_SHARE = 0.7
# Tags in a plot that still can be read.
MAX_PLOTTED_TAGS = 60


@dataclass(frozen=True)
class SilenceFilter:
    """What a track must have to stay; 0 turns a condition off.

    `min_size` in bytes, the size has to be above it; the others in seconds.
    """

    min_size: int = 0
    trim_length: float = 0.0
    tot_silence: float = 0.0
    max_silence: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            flag = "--min-size" if name == "min_size" else f"--filter-{name}"
            require(
                value >= 0, f"{flag.replace('_', '-')} must be 0 or more, got {value}"
            )

    @property
    def is_off(self) -> bool:
        """Whether no condition was asked for."""
        return not any(vars(self).values())


@dataclass(frozen=True)
class CleaningConfig:
    """How names become tags."""

    threshold: int = TAG_THRESHOLD
    sub_threshold: int = NAME_THRESHOLD
    # Folder of the lists; None for our own.
    lists: Path | None = None
    # None: for our own lists only, which know each name in one spelling.
    ignore_case: bool | None = None
    # Names of the vocal lists are no genres. None: with our own lists only; lists of
    # others are taken at their word, and a name that two tags claim is an error.
    vocal_first: bool | None = None
    vocal_tags: tuple[str, ...] = VOCAL_TAGS
    combine: Sequence[Sequence[str]] = COMBINE
    drop: Sequence[str] = DROP
    # Groups of names, each with the tag that it is added to.
    add: Sequence[Sequence[str]] = ()
    add_targets: Sequence[str] = ()
    # Whether that tag keeps its name, or the most popular of all; one for each group,
    # or one for all.
    add_target_merge_index: Sequence[bool] | bool = True
    genre_indicator: str = REJECTED
    vocal_indicator: str = REJECTED

    def __post_init__(self) -> None:
        require(
            len(self.add) == len(self.add_targets),
            f"{len(self.add)} groups of names are added to {len(self.add_targets)} "
            "tags; each needs one",
        )
        merge_index = self.add_target_merge_index
        require(
            isinstance(merge_index, bool) or len(merge_index) == len(self.add),
            "add_target_merge_index is one value, or one a group",
        )
