"""Options of tagging a user's own music."""

import os
from dataclasses import dataclass

from resemul.configs.fields import OptionError, check_options, option

# The words of a library (genres, moods, decades), and what can be heard (instruments,
# voice, tempo); either lacks what the other knows.
DEFAULT_MODELS = ("msd-musicnn", "mtt-musicnn")

# Names of models, separated by commas, in place of DEFAULT_MODELS.
MODEL_VARIABLE = "RESEMUL_MODEL"

RUNTIMES = ("auto", "onnx", "keras")
TAILS = ("anchor", "drop")
CALIBRATIONS = ("quantile",)

# The value of a threshold that stands for those in the model's card.
FITTED = "fitted"

# Tags of a file and model that are shown to people, unless they say how many.
DEFAULT_TOP_K = 5


@dataclass(frozen=True)
class HearingConfig:
    """How files are heard; all of it shapes the numbers that come out."""

    hop: float | None = option(
        None,
        help="seconds from one segment to the next (default: the model's, a segment); "
        "longer ones skim",
        above=0,
    )
    tail: str = option(
        "anchor",
        help="what is left after the last whole segment gets one that ends with the "
        "file, or is dropped",
        choices=TAILS,
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class ShowConfig:
    """Which tags of a result are shown, and by which names."""

    top_k: int | None = option(
        None,
        help=f"most tags of a file and model (default: {DEFAULT_TOP_K} in the table "
        "for people if there is no threshold; else all)",
        minimum=1,
    )
    threshold: str | None = option(
        None,
        help=f"only tags at least this probable; {FITTED}: each at least as probable "
        "as 'resemul thresholds' found for it",
    )
    tags: tuple[str, ...] = option((), help="only these")
    calibrate: str | None = option(
        None,
        help="quantile: in place of a probability, the share of these files that "
        "score lower for the tag",
        choices=CALIBRATIONS,
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.threshold not in (None, FITTED) and self.threshold_value is None:
            raise OptionError(
                f"<threshold> must be a number from 0 to 1, or {FITTED!r}, got "
                f"{self.threshold!r}"
            )
        if self.calibrate is not None and self.threshold == FITTED:
            raise OptionError(
                "fitted thresholds are probabilities, and do not go with <calibrate>"
            )

    @property
    def threshold_value(self) -> float | None:
        """The threshold, if it is a number from 0 to 1."""
        try:
            value = float(self.threshold or "")
        except ValueError:
            return None
        return value if 0 <= value <= 1 else None


@dataclass(frozen=True)
class LibraryConfig:
    """How many files at once, and how long one may take."""

    num_workers: int = option(
        max(1, min(4, os.cpu_count() or 1)),
        help="processes that decode ahead",
        minimum=1,
    )
    file_timeout: float = option(
        120.0,
        help="seconds without any sound after which a file is given up",
        above=0,
    )
    files_per_part: int = option(
        200,
        help="files that a worker of several machines takes at a time",
        minimum=1,
    )

    def __post_init__(self) -> None:
        check_options(self)
