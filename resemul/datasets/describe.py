"""How often each tag occurs in each split."""

from dataclasses import dataclass

import numpy as np

from resemul.constants import SPLITS
from resemul.datasets.track import Annotations


@dataclass(frozen=True)
class SplitStatistics:
    """One split: its clips, those without any tag, and those with each tag."""

    split: str
    num_clips: int
    num_untagged: int
    num_positive: dict[str, int]

    def percent(self, tag: str) -> float:
        """Share of the clips that have the tag, 0 to 100."""
        return 100 * self.num_positive[tag] / max(self.num_clips, 1)


def describe(annotations: Annotations) -> list[SplitStatistics]:
    """Counts clips and tags in each split, in the order of `SPLITS`."""
    statistics = []
    for split in SPLITS:
        rows = [track.labels for track in annotations.tracks if track.split == split]
        labels = np.array(rows, "int64").reshape(len(rows), len(annotations.tags))
        counts = map(int, labels.sum(axis=0))
        statistics.append(
            SplitStatistics(
                split=split,
                num_clips=len(rows),
                num_untagged=int((~labels.any(axis=1)).sum()),
                num_positive=dict(zip(annotations.tags, counts, strict=True)),
            )
        )
    return statistics
