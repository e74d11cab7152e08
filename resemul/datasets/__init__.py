"""Annotations in, tracks out. Nothing here opens an audio file."""

from collections.abc import Callable

from resemul.configs.dataset import DatasetConfig
from resemul.datasets import csv_file, folders, mtt
from resemul.datasets.annotate import annotate
from resemul.datasets.track import Annotations, Collection, Track
from resemul.errors import DatasetError

# Data sets that their folder describes; each takes it and `keep_untagged`.
DATASETS: dict[str, Callable[..., Annotations]] = {
    "mtt": mtt.load_tracks,
}

# What people bring; each reads their annotations.
COLLECTIONS: dict[str, Callable[[DatasetConfig], Collection]] = {
    "csv": csv_file.read_collection,
    "folders": folders.read_collection,
}


def load_annotations(config: DatasetConfig) -> Annotations:
    """Returns the tracks of any data set, with any tags and any split.

    Raises:
        DatasetError: annotations are missing or broken, audio files of a collection
            are missing, or tags and splits cannot be had as asked for.
    """
    if config.dataset == "mtt":
        return mtt.load_annotations(config)
    collection = COLLECTIONS[config.dataset](config)
    annotations = annotate(collection, config.tags, config.split)
    if not config.skip_missing:
        _require_files(annotations, collection)
    return annotations


def _require_files(annotations: Annotations, collection: Collection) -> None:
    missing = [
        track.path
        for track in annotations.tracks
        if not (annotations.audio_dir / track.path).is_file()
    ]
    if missing:
        raise DatasetError(
            f"{collection.source}: {len(missing)} of {len(annotations.tracks)} audio "
            f"files do not exist; the first: {annotations.audio_dir / missing[0]}. "
            "Correct the paths or --audio-dir, or leave them out with --skip-missing"
        )


__all__ = [
    "COLLECTIONS",
    "DATASETS",
    "Annotations",
    "Collection",
    "Track",
    "load_annotations",
]
