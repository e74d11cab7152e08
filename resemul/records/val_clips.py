"""Validation clips, put together from their segments."""

import itertools
from collections.abc import Iterator

import numpy as np

from resemul.errors import DatasetError
from resemul.records.pipeline import damage_named, load_segments
from resemul.records.record_set import RecordSet


def iterate_val_clips(
    records: RecordSet, batch_size: int = 32
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields segments `(segments, num_samples)` and labels of each validation clip.

    Of records without a manifest, which do not tell clips apart, each counts as a
    clip.

    Args:
        records: what to read.
        batch_size: segments that are read at a time.

    Raises:
        DatasetError: there are no validation records, one is damaged, or they are
            not as many as the manifest lists.
    """
    sizes = records.val_clip_sizes or (1,) * records.num_segments["val"]
    num_read = 0
    with damage_named(records, "val"):
        batches = load_segments(records, "val", batch_size).as_numpy_iterator()
        segments = (pair for batch in batches for pair in zip(*batch, strict=True))
        for size in sizes:
            pairs = list(itertools.islice(segments, size))
            num_read += len(pairs)
            if len(pairs) < size:
                break
            yield np.stack([waveform for waveform, _ in pairs]), pairs[0][1]
        num_read += sum(1 for _ in segments)
    if num_read != sum(sizes):
        raise DatasetError(
            f"{records.folder} holds {num_read} validation segments, {sum(sizes)} by "
            "its manifest; build the records again"
        )
