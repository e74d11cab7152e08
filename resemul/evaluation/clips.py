"""The labelled clips of records, cut for a model, with a bar of how far a pass is."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from resemul.audio.segments import segment_clips
from resemul.checkpoints.card import ModelCard
from resemul.configs import DatasetConfig, TrainConfig
from resemul.datasets import load_annotations
from resemul.errors import DatasetError
from resemul.records import RecordSet, iterate_clips
from resemul.records.val_clips import iterate_val_clips
from resemul.runtime.progress import Progress

Clip = tuple[np.ndarray, np.ndarray]


def scoring_scheme(card: ModelCard, scheme: str | None = None) -> tuple[str, int]:
    """Over which segments of a clip to average, and how many if they are a number.

    What the card says of the validation during training, unless `scheme` says
    otherwise; see `audio.segments.choose_segments`.
    """
    scheme = scheme or card.training.get("validation", TrainConfig.validation)
    return scheme, card.training.get("num_chunks", TrainConfig.num_chunks)


def scoring_clips(
    records: RecordSet,
    split: str,
    num_samples: int,
    label: str,
    scheme: str = "segments",
    num_chunks: int = TrainConfig.num_chunks,
) -> Iterator[Clip]:
    """Yields a model's inputs `(segments, num_samples)` and labels of each clip.

    Of validation records without a manifest, which do not tell clips apart, each
    counts as a clip.

    Args:
        records: what to read.
        split: `val` or `test`.
        num_samples: of the model's input.
        label: of the bar.
        scheme: which segments of a clip; see `audio.segments.choose_segments`.
        num_chunks: of `chunks`.
    """
    if split == "test":
        clips, num_clips = iterate_clips(records), records.num_clips["test"]
    else:
        clips = iterate_val_clips(records)
        num_clips = len(records.val_clip_sizes) or records.num_segments["val"]
    with Progress(num_clips, "clips", label) as progress:
        for clip in segment_clips(clips, num_samples, scheme, num_chunks):
            yield clip
            progress.advance()


def count_skipped(records: RecordSet, data_dir: Path) -> int:
    """Test clips that are annotated but in no record."""
    if "test" in records.num_skipped:
        return records.num_skipped["test"]
    annotations = load_annotations(DatasetConfig(data_dir=data_dir))
    num_annotated = annotations.split_sizes()["test"]
    return num_annotated - records.num_clips["test"]


def require_whole(records: RecordSet, num_skipped: int) -> None:
    """Refuses a test split some of whose clips are in no record.

    Raises:
        DatasetError: says how many.
    """
    if num_skipped:
        num_clips = records.num_clips["test"]
        raise DatasetError(
            f"{num_clips} clips can be scored, the test split has "
            f"{num_clips + num_skipped}: the build skipped {num_skipped}; leave out "
            "--strict to score without them"
        )
