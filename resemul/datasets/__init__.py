"""Annotations in, tracks out. Nothing here opens an audio file."""

from collections.abc import Callable

from resemul.datasets import mtt
from resemul.datasets.track import Annotations, Track

# Each takes the data folder and `keep_untagged`.
DATASETS: dict[str, Callable[..., Annotations]] = {
    "mtt": mtt.load_tracks,
}

__all__ = ["DATASETS", "Annotations", "Track"]
