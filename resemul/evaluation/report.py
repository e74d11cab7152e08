"""What an evaluation found, as text, JSON and a table."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from resemul.evaluation.scores import Scores


@dataclass(frozen=True)
class Report:
    """Scores, and of what they are: a model, and the test clips of a split."""

    model: str
    dataset: str
    split_name: str
    num_skipped: int
    scores: Scores

    def table(self) -> pd.DataFrame:
        """One row per tag: `tag`, `num_positive`, and a column per metric."""
        scores = self.scores
        return pd.DataFrame(
            {
                "tag": list(scores.tags),
                "num_positive": scores.num_positive,
                **scores.per_tag,
            }
        )

    def text(self, per_tag: bool = False) -> str:
        """For people: a line per metric, and on demand one per tag."""
        scores = self.scores
        lines = [
            f"split {self.split_name}: {scores.num_clips} test clips scored, "
            f"{self.num_skipped} skipped by the build"
        ]
        width = max(len(metric.title) for metric in scores.metrics.values())
        for name, value in scores.macro.items():
            line = f"{scores.metrics[name].title:{width}} {value:.4f}"
            if name in scores.intervals:
                low, high = scores.intervals[name]
                line += f"  (95% interval {low:.4f} to {high:.4f})"
            lines.append(line)
        if scores.unscored_tags:
            lines.append(
                "not scored, as no test clip or every test clip has them: "
                f"{', '.join(scores.unscored_tags)}"
            )
        return "\n".join(lines + (self._tag_lines() if per_tag else []))

    def _tag_lines(self) -> list[str]:
        scores = self.scores
        titles = [scores.metrics[name].title for name in scores.per_tag]
        width = max(map(len, (*scores.tags, "tag")))
        lines = ["  ".join([f"{'tag':{width}}", "positive", *titles])]
        for tag, num_positive, *values in self.table().itertuples(index=False):
            columns = [
                f"{value:{max(len(title), 6)}.4f}"
                for value, title in zip(values, titles, strict=True)
            ]
            lines.append("  ".join([f"{tag:{width}}", f"{num_positive:8d}", *columns]))
        return lines

    def as_json(self) -> dict[str, Any]:
        """Everything that is known, in JSON's types: a missing score is null."""
        scores = self.scores
        return {
            "model": self.model,
            "dataset": self.dataset,
            "split_name": self.split_name,
            "num_clips": scores.num_clips,
            "num_skipped": self.num_skipped,
            **{name: or_none(value) for name, value in scores.macro.items()},
            "intervals": {
                name: [or_none(bound) for bound in bounds]
                for name, bounds in scores.intervals.items()
            },
            "unscored_tags": list(scores.unscored_tags),
            "per_tag": records_of(self.table()),
        }


def records_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table in JSON's types; NaN becomes None."""
    return [
        {name: or_none(value) for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def or_none(value: Any) -> Any:
    """The value, or None for a float that is NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value
