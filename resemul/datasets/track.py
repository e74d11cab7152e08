"""What every data set hands on: its tracks, its tags, the name of its split."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from resemul.constants import SPLITS


@dataclass(frozen=True)
class Track:
    """One annotated audio file.

    `path` is relative to the data set's audio folder; `labels` is uint8
    `(tags,)`, 1 where the track has the tag.
    """

    clip_id: str
    path: Path
    split: str
    labels: np.ndarray


@dataclass(frozen=True)
class Annotations:
    """All tracks of a data set, in the order of its annotation file.

    `split_name` names the rule that chose and split the tracks, so that scores
    on different splits are not compared by mistake.
    """

    dataset: str
    split_name: str
    tags: tuple[str, ...]
    tracks: list[Track]
    audio_dir: Path
    # SHA-256 of what the tracks were read from: of the annotation file where that
    # and the split's name say it all, else of the tracks themselves.
    source_sha256: str
    # Files that are empty where the data set is published, relative to `audio_dir`:
    # nothing that a user could repair.
    known_empty: frozenset[Path] = frozenset()

    def split_sizes(self) -> dict[str, int]:
        """Number of tracks in each split."""
        return {
            split: sum(track.split == split for track in self.tracks)
            for split in SPLITS
        }


@dataclass(frozen=True)
class Collection:
    """What annotations say, before tags are chosen and clips are split.

    `clip_ids`, `paths` (relative to `audio_dir`), `splits`, `groups` and the rows of
    `labels` (uint8, 0 or 1, a column per tag in the order of the file) belong
    together. `splits` is None where the annotations split nothing, `groups` where
    they know no groups.
    """

    dataset: str
    # The file or folder that messages name.
    source: Path
    clip_ids: list[str]
    paths: list[Path]
    labels: pd.DataFrame
    audio_dir: Path
    splits: list[str] | None = None
    groups: list[str] | None = None
    group_name: str = ""
    # How the split that the clips come with is asked for, and called.
    split_rule: str = "column"
    split_name: str = ""
    # SHA-256 of a file that, with the names of split and tags, says all of the tracks.
    source_sha256: str | None = None
    # Tags are learned even if no clip has them: published weights need them.
    keeps_rare_tags: bool = False
    known_empty: frozenset[Path] = frozenset()
    # Tags, the most frequent first, where that is known of more than these clips. The
    # tags that are learned then keep the order of the labels.
    popularity: tuple[str, ...] | None = None
    # Lists of clips may name some that are not here: they are of the whole data set.
    lists_name_others: bool = False

    def select(self, kept: Sequence[int]) -> "Collection":
        """The collection with only these clips, by their place."""

        def of(values: list[Any]) -> list[Any]:
            return [values[i] for i in kept]

        return replace(
            self,
            clip_ids=of(self.clip_ids),
            paths=of(self.paths),
            labels=self.labels.iloc[list(kept)],
            splits=None if self.splits is None else of(self.splits),
            groups=None if self.groups is None else of(self.groups),
        )
