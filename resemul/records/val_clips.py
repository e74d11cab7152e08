"""Validation clips, put together from their segments."""

from collections.abc import Iterator

import numpy as np

from resemul.records.pipeline import damage_named, require_segments
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
    require_segments(records, "val")
    with damage_named(records, "val"):
        yield from records.val_clips(batch_size)
