"""Two models on the same clips: which is better, and can that be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from resemul.errors import DatasetError
from resemul.evaluation.bootstrap import interval, macro_interval, scores_of_draws
from resemul.evaluation.metrics import METRICS, Metric, macro
from resemul.evaluation.predictions import SavedPredictions
from resemul.evaluation.report import or_none, records_of

# Names of others that are told in an error.
_MAX_TOLD = 3


@dataclass(frozen=True)
class Comparison:
    """Scores of A and B by one metric, and the differences B - A.

    `macro` and `per_tag` have a row for all tags, and one for each of them: columns
    `a`, `b`, `difference`, and `low` and `high`, its 95 % interval over samples of
    the clips that are the same for both.
    """

    metric: Metric
    macro: dict[str, float]
    per_tag: pd.DataFrame

    @property
    def verdict(self) -> str:
        """Which model is better, or that no difference can be told."""
        low, high = self.macro["low"], self.macro["high"]
        if not low > 0 and not high < 0:
            return "no difference can be told"
        return (
            "B is better"
            if (low > 0) == self.metric.higher_is_better
            else ("A is better")
        )


def compare(
    a: SavedPredictions,
    b: SavedPredictions,
    num_bootstrap: int = 1000,
    seed: int = 0,
    metrics: Mapping[str, Metric] = METRICS,
) -> dict[str, Comparison]:
    """Compares two models by each metric: a paired bootstrap over the clips.

    Args:
        a: predictions of the first model.
        b: those of the second, of the same clips, in any order.
        num_bootstrap: samples of the clips.
        seed: of the samples.
        metrics: what to compare by.

    Raises:
        DatasetError: clips, tags or labels are not the same.
    """
    b = match_clips(a, b)
    labels = a.predictions.labels
    both = (a.predictions.probabilities, b.predictions.probabilities)
    found = {}
    for name, metric in metrics.items():
        first, second = (metric.per_tag(labels, p) for p in both)
        draws = [scores_of_draws(metric, labels, p, num_bootstrap, seed) for p in both]
        differences = draws[1] - draws[0]
        bounds = np.array([interval(column) for column in differences.T])
        per_tag = pd.DataFrame(
            {
                "tag": list(a.tags),
                "num_positive": labels.sum(axis=0).astype(int),
                "a": first,
                "b": second,
                "difference": second - first,
                "low": bounds[:, 0],
                "high": bounds[:, 1],
            }
        )
        low, high = macro_interval(differences)
        means = {
            "a": macro(first),
            "b": macro(second),
            "difference": macro(second - first),
            "low": low,
            "high": high,
        }
        found[name] = Comparison(metric, means, per_tag)
    return found


def match_clips(a: SavedPredictions, b: SavedPredictions) -> SavedPredictions:
    """The second predictions in the order of the first.

    Raises:
        DatasetError: clips, tags or labels are not the same.
    """
    if a.tags != b.tags:
        raise DatasetError(f"A and B have other tags: {_differing(a.tags, b.tags)}")
    ids, others = a.predictions.clip_ids, b.predictions.clip_ids
    for name, names in (("A", ids), ("B", others)):
        if len(set(names)) < len(names):
            raise DatasetError(f"{name} has clips of the same id")
    if set(ids) != set(others):
        raise DatasetError(
            f"A has {len(ids)} clips, B {len(others)}, and they are not the same: "
            f"{_differing(ids, others)}; compare scores of one split"
        )
    place = {clip_id: row for row, clip_id in enumerate(others)}
    predictions = b.predictions.take([place[clip_id] for clip_id in ids])
    differing = (a.predictions.labels != predictions.labels).any(axis=1)
    if differing.any():
        raise DatasetError(
            f"A and B have other labels for {differing.sum()} of {len(ids)} clips, "
            f"the first is {ids[int(np.argmax(differing))]}"
        )
    return SavedPredictions(predictions, b.tags, b.about)


def _differing(mine: tuple[str, ...], others: tuple[str, ...]) -> str:
    parts = []
    for name, names in (
        ("A", [x for x in mine if x not in set(others)]),
        ("B", [x for x in others if x not in set(mine)]),
    ):
        if names:
            more = ", ..." if len(names) > _MAX_TOLD else ""
            parts.append(f"only {name} has {', '.join(names[:_MAX_TOLD])}{more}")
    return "; ".join(parts) or "they are in another order"


def comparison_text(found: Mapping[str, Comparison], per_tag: bool = False) -> str:
    """For people: a line per metric, and on demand one per tag."""
    width = max(len(comparison.metric.title) for comparison in found.values())
    lines = []
    for comparison in found.values():
        row = comparison.macro
        lines.append(
            f"{comparison.metric.title:{width}}  A {row['a']:.4f}  B {row['b']:.4f}  "
            f"B - A {row['difference']:+.4f}  (95% interval {row['low']:+.4f} to "
            f"{row['high']:+.4f})  {comparison.verdict}"
        )
    for comparison in found.values() if per_tag else ():
        tags = max(map(len, (*comparison.per_tag["tag"], "tag")))
        lines.append(
            f"\n{comparison.metric.title}\n{'tag':{tags}}  positive       A       B  "
            "  B - A    95% interval"
        )
        for row in comparison.per_tag.itertuples(index=False):
            lines.append(
                f"{row.tag:{tags}}  {row.num_positive:8d}  {row.a:6.4f}  {row.b:6.4f}  "
                f"{row.difference:+.4f}  {row.low:+.4f} to {row.high:+.4f}"
            )
    return "\n".join(lines)


def comparison_table(found: Mapping[str, Comparison]) -> pd.DataFrame:
    """All metrics under each other, with a column `metric` in front."""
    return pd.concat(
        [comparison.per_tag.assign(metric=name) for name, comparison in found.items()],
        ignore_index=True,
    )[["metric", "tag", "num_positive", "a", "b", "difference", "low", "high"]]


def comparison_json(found: Mapping[str, Comparison]) -> dict[str, Any]:
    """By name of the metric: macro values, verdict and tags, in JSON's types."""
    return {
        name: {
            **{key: or_none(value) for key, value in comparison.macro.items()},
            "verdict": comparison.verdict,
            "per_tag": records_of(comparison.per_tag),
        }
        for name, comparison in found.items()
    }
