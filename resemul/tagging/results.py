"""What is known of a file after a model has heard it."""

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from resemul import __version__
from resemul.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# The name and version of what `TagResult.to_dict` returns; other fields may be added
# to version 1, those that it has keep their meaning.
SCHEMA = "resemul.tag/1"

TAGGED, SHORT, SILENT, FAILED = "tagged", "short", "silent", "failed"
STATUSES = (TAGGED, SHORT, SILENT, FAILED)


@dataclass(frozen=True, eq=False)
class Timeline:
    """Scores along time: what a taggram shows.

    `starts` and `ends` are float64 `(segments,)`, in seconds; `scores` is float32
    `(segments, tags)`, in the order of the result's tags.
    """

    starts: np.ndarray
    ends: np.ndarray
    scores: np.ndarray
    # bool (segments, tags): where a score reaches the threshold, if there is one.
    present: np.ndarray | None = None

    @property
    def times(self) -> np.ndarray:
        """The middle of each segment, in seconds: float64 `(segments,)`."""
        return (self.starts + self.ends) / 2


@dataclass(frozen=True, eq=False)
class TagResult:
    """What one model says of one file, or why it says nothing.

    `status` is `tagged`, `short` (tagged, but shorter than a segment, which was
    filled up), `silent` or `failed`; the latter two have no scores.
    """

    path: str
    model: str
    status: str
    tags: tuple[str, ...] = ()
    # float32 (tags,): the means over the segments; empty if there are none.
    scores: np.ndarray = field(default_factory=lambda: np.empty(0, "float32"))
    error: str = ""
    # Length of the file.
    seconds: float = 0.0
    timeline: Timeline | None = None
    # float32 (segments, dimensions), where they were asked for.
    embeddings: np.ndarray | None = None
    # float32 (n, 2): lowest and highest sample of each tenth of a second, if asked for.
    envelope: np.ndarray | None = None
    model_sha256: str = ""
    # `quantile` where a score is the share of files that score lower.
    calibration: str = ""
    # Indices of the tags to show, the strongest first; None for all.
    chosen: tuple[int, ...] | None = None

    @property
    def has_scores(self) -> bool:
        """Whether the file was tagged, be it short or not."""
        return len(self.scores) > 0

    @property
    def labels(self) -> list[dict[str, Any]]:
        """The tags to show, the strongest first: `[{"label": ..., "score": ...}]`."""
        if not self.has_scores:
            return []
        order = self.chosen
        if order is None:
            order = tuple(int(i) for i in np.argsort(-self.scores, kind="stable"))
        return [{"label": self.tags[i], "score": float(self.scores[i])} for i in order]

    def top(self, n: int = 5) -> list[dict[str, Any]]:
        """The `n` strongest of `labels`."""
        if n < 1:
            raise ConfigError(f"the number of tags must be at least 1, got {n}")
        return self.labels[:n]

    def to_dict(self, with_timeline: bool = False) -> dict[str, Any]:
        """What JSON and HTTP carry, by the schema `resemul.tag/1`."""
        content: dict[str, Any] = {
            "path": self.path,
            "model": self.model,
            "model_sha256": self.model_sha256,
            "resemul": __version__,
            "status": self.status,
            "error": self.error or None,
            "seconds": round(self.seconds, 3),
            "tags": {pair["label"]: _rounded(pair["score"]) for pair in self.labels},
        }
        if self.calibration:
            content["calibration"] = self.calibration
        if with_timeline:
            content["timeline"] = self._timeline_dicts()
        return content

    def to_frame(self) -> "pd.DataFrame":
        """A table with the columns `tag` and `score`, the strongest first.

        Raises:
            ConfigError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise ConfigError("a table needs pandas: pip install pandas") from None
        pairs = [(pair["label"], pair["score"]) for pair in self.labels]
        return pd.DataFrame(pairs, columns=["tag", "score"])

    def draw(self) -> "Figure":
        """The taggram as a figure of matplotlib; see `taggram.draw_taggram`."""
        from resemul.tagging.taggram import draw_taggram

        return draw_taggram([self])

    def shown_indices(self) -> list[int]:
        """Indices of the tags to show, in the order of the tags."""
        if not self.has_scores:
            return []
        return sorted(range(len(self.tags)) if self.chosen is None else self.chosen)

    def replace(self, **changes: Any) -> "TagResult":
        """A result with other values in some fields."""
        return dataclasses.replace(self, **changes)

    def _timeline_dicts(self) -> list[dict[str, Any]]:
        if self.timeline is None:
            return []
        shown = self.shown_indices()
        return [
            {
                "start": round(float(start), 3),
                "end": round(float(end), 3),
                "tags": {self.tags[i]: _rounded(row[i]) for i in shown},
            }
            for start, end, row in zip(
                self.timeline.starts,
                self.timeline.ends,
                self.timeline.scores,
                strict=True,
            )
        ]


def _rounded(score: float) -> float:
    """As many digits as a float32 holds for sure."""
    return round(float(score), 6)
