"""From what annotations say to the tracks of a build: tags chosen, clips split."""

import hashlib
import logging

import numpy as np

from resemul.configs.dataset import (
    DEFAULT_RATIO,
    DatasetConfig,
    SplitConfig,
    parse_ratio,
)
from resemul.constants import SPLITS
from resemul.datasets.splits import assign_splits, split_rule
from resemul.datasets.tags import select_tags
from resemul.datasets.track import Annotations, Collection, Track
from resemul.errors import DatasetError

logger = logging.getLogger(__name__)


def annotate(collection: Collection, config: DatasetConfig) -> Annotations:
    """Chooses tags and splits clips.

    Clips are split by all of their tags, and before those without one are dropped, so
    a clip is in the same split whatever tags are chosen. Files that are known to be
    empty keep their place in the split that the collection comes with; no other split
    counts them.

    Raises:
        DatasetError: a tag has no clip, a split has none, or a rule does not fit.
    """
    split_config, tags = config.split, config.tags
    rule = split_rule(collection, split_config)
    is_own_split = rule == collection.split_rule
    if not is_own_split:
        known_empty = collection.known_empty
        kept = [i for i, p in enumerate(collection.paths) if p not in known_empty]
        collection = collection.select(kept)
    labels, tag_rule = select_tags(
        collection.labels, tags, config.entry.num_tags, collection.popularity
    )
    splits, split_name = assign_splits(collection, split_config)
    keep_untagged = config.entry.keep_untagged
    if tags.keep_untagged is not None:
        keep_untagged = tags.keep_untagged
    tracks = _make_tracks(collection, splits, labels.to_numpy("uint8"), keep_untagged)
    has_own_labels = bool(
        tags.file or tags.merge or tags.with_tags or tags.without_tags
    )
    is_as_published = is_own_split and not has_own_labels
    # Where untagged clips are kept by default, only their absence is worth a word.
    word = "all" if not config.entry.keep_untagged else ""
    parts = [split_name, word if keep_untagged else "tagged", tag_rule]
    source_sha256 = collection.source_sha256 if is_as_published else None
    annotations = Annotations(
        dataset=collection.dataset,
        split_name="-".join(filter(None, parts)),
        tags=tuple(labels.columns),
        tracks=tracks,
        audio_dir=collection.audio_dir,
        source_sha256=source_sha256 or _fingerprint(tracks),
        known_empty=collection.known_empty,
    )
    if not collection.keeps_rare_tags:
        _require_examples(annotations, collection)
    if source_sha256 is None:
        _require_clips(annotations, collection, split_config)
        _warn_of_rare_tags(annotations)
    return annotations


def _make_tracks(
    collection: Collection,
    splits: list[str | None],
    labels: np.ndarray,
    keep_untagged: bool,
) -> list[Track]:
    rows = zip(collection.clip_ids, collection.paths, splits, labels, strict=True)
    return [
        Track(clip_id=clip_id, path=path, split=split, labels=row)
        for clip_id, path, split, row in rows
        if split is not None and (keep_untagged or row.any())
    ]


def _fingerprint(tracks: list[Track]) -> str:
    """SHA-256 of all that is known of the tracks."""
    digest = hashlib.sha256()
    for track in tracks:
        fields = (track.clip_id, track.path.as_posix(), track.split)
        digest.update(repr(fields).encode() + track.labels.tobytes())
    return digest.hexdigest()


def _require_examples(annotations: Annotations, collection: Collection) -> None:
    positives = _positives(annotations, SPLITS)
    without = sorted(
        tag for tag, n in zip(annotations.tags, positives, strict=True) if not n
    )
    if without:
        raise DatasetError(
            f"{collection.source}: no clip has the tag "
            f"{', '.join(map(repr, without))}; leave it out, or list the tags to learn "
            "in a file: --tags FILE"
        )


def _require_clips(
    annotations: Annotations, collection: Collection, split: SplitConfig
) -> None:
    """A split may be empty if a ratio says so, or if there are only test clips."""
    sizes = annotations.split_sizes()
    empty = [name for name in SPLITS if not sizes[name]]
    is_for_test_only = not sizes["train"] and not sizes["val"] and sizes["test"]
    wanted = 0 in parse_ratio(split.ratio or DEFAULT_RATIO)
    if empty and not (is_for_test_only or wanted):
        found = ", ".join(f"{name} {sizes[name]}" for name in SPLITS)
        raise DatasetError(
            f"{collection.source}: the split {annotations.split_name} leaves no clip "
            f"for {' and '.join(empty)} ({found})"
        )


def _warn_of_rare_tags(annotations: Annotations) -> None:
    sizes = annotations.split_sizes()
    for split in SPLITS:
        positives = _positives(annotations, (split,))
        without = [t for t, n in zip(annotations.tags, positives, strict=True) if not n]
        if sizes[split] and without:
            logger.warning(
                "no %s clip has the tag %s: it cannot be %s",
                split,
                ", ".join(without),
                "learned" if split == "train" else "scored there",
            )


def _positives(annotations: Annotations, splits: tuple[str, ...]) -> np.ndarray:
    """Clips of some splits that have each of the tags: int64 `(tags,)`."""
    chosen = [track.labels for track in annotations.tracks if track.split in splits]
    shape = (len(chosen), len(annotations.tags))
    return np.array(chosen, "int64").reshape(shape).sum(axis=0)
