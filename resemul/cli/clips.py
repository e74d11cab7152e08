"""The test clips, with a bar that shows how far a command has got."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from resemul.checkpoints.card import ModelCard
    from resemul.records import RecordSet


def iterate_test_clips(
    records: "RecordSet", card: "ModelCard", label: str, windows: str | None = None
) -> "Iterator[tuple[np.ndarray, np.ndarray]]":
    """Yields the model's inputs `(windows, num_samples)` and labels of each clip.

    Which windows of a clip these are is what the card says of the validation, unless
    `windows` says otherwise; see `audio.segments.choose_segments`.
    """
    from resemul.audio.segments import segment_clips
    from resemul.configs import TrainConfig
    from resemul.records import iterate_clips
    from resemul.runtime.progress import Progress

    scheme = windows or card.training.get("validation", TrainConfig.validation)
    num_chunks = card.training.get("num_chunks", TrainConfig.num_chunks)
    with Progress(records.num_clips["test"], "clips", label) as progress:
        clips = iterate_clips(records)
        for clip in segment_clips(clips, card.num_samples, scheme, num_chunks):
            yield clip
            progress.advance()
