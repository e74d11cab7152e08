"""The test clips, with a bar that shows how far a command has got."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from resemul.records import RecordSet


def iterate_test_clips(
    records: "RecordSet", label: str
) -> "Iterator[tuple[np.ndarray, np.ndarray]]":
    """Yields segments `(segments, num_samples)` and labels `(tags,)` of each clip."""
    from resemul.progress import Progress
    from resemul.records import iterate_clips

    with Progress(records.num_clips["test"], "clips", label) as progress:
        for clip in iterate_clips(records):
            yield clip
            progress.advance()
