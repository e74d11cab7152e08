"""What every data set hands on: its tracks, its tags, the name of its split."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

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
    # SHA-256 of the annotation file: what the tracks were read from.
    source_sha256: str

    def split_sizes(self) -> dict[str, int]:
        """Number of tracks in each split."""
        return {
            split: sum(track.split == split for track in self.tracks)
            for split in SPLITS
        }
