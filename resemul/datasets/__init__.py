"""Annotations in, tracks out. Nothing here opens an audio file."""

import logging
from dataclasses import replace
from pathlib import Path

from resemul.configs.dataset import DatasetConfig
from resemul.datasets.annotate import annotate
from resemul.datasets.tables import read_lines
from resemul.datasets.track import Annotations, Collection, Track
from resemul.errors import DatasetError
from resemul.runtime.plugins import load_outside

logger = logging.getLogger(__name__)


def load_annotations(
    config: DatasetConfig, *, require_files: bool = True
) -> Annotations:
    """Returns the tracks of any data set, with any tags and any split.

    Args:
        config: which annotations to read, and how.
        require_files: ask whether the audio files of a collection are there, unless
            `config` says that missing ones may be skipped.

    Raises:
        DatasetError: annotations are missing or broken, audio files of a collection
            are missing, or tags and splits cannot be had as asked for.
    """
    collection = load_outside(config.entry.reader, "data set")(config)
    if not isinstance(collection, Collection):
        raise DatasetError(
            f"{config.dataset} returned {type(collection).__name__}; a data set is a "
            "function from a DatasetConfig to a resemul.datasets.Collection"
        )
    if config.excluded is not None:
        collection = _without(collection, config.excluded)
    annotations = annotate(collection, config)
    may_miss = config.entry.is_in_data_dir or config.skip_missing
    if require_files and not may_miss:
        _require_files(annotations, collection)
    return annotations


def _without(collection: Collection, path: Path) -> Collection:
    """The collection without the clips that a file names."""
    excluded = {line for _, line in read_lines(path)}
    names = zip(collection.clip_ids, collection.paths, strict=True)
    kept = [
        i
        for i, (clip_id, clip_path) in enumerate(names)
        if clip_id not in excluded and clip_path.as_posix() not in excluded
    ]
    num_left_out = len(collection.clip_ids) - len(kept)
    logger.info("%d clips are left out, as %s says", num_left_out, path)
    return replace(collection.select(kept), source_sha256=None)


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
    "Annotations",
    "Collection",
    "Track",
    "load_annotations",
]
