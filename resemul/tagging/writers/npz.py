"""NumPy archives: scores and timelines as arrays."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from resemul.tagging.results import TagResult
from resemul.tagging.writers.base import (
    WriteOptions,
    Writer,
    archive_names,
    open_binary,
)


@contextmanager
def write_npz(
    path: Path | None, options: WriteOptions, stream: TextIO
) -> Iterator[Writer]:
    """Arrays for each model, named MODEL/... (a file by its stem), song after song.

    `tags`; `path`, `status`, `error`, `seconds` and float32 `scores` (files, tags),
    NaN where there are none. With a timeline also `segment_scores` (segments, tags),
    `segment_starts`, `segment_ends` and `segment_files`, the place of its file.
    """
    assert path is not None
    writer = _NpzWriter(options)
    with open_binary(path) as file:
        yield writer
        np.savez_compressed(file, **writer.arrays())


class _NpzWriter:
    def __init__(self, options: WriteOptions) -> None:
        self._options = options
        self._results: dict[str, list[TagResult]] = {m: [] for m in options.models}

    def write(self, result: TagResult) -> None:
        # Without what the archive will not hold.
        kept = result.timeline if self._options.with_timeline else None
        self._results[result.model].append(
            result.replace(timeline=kept, embeddings=None, envelope=None)
        )

    def arrays(self) -> dict[str, Any]:
        arrays: dict[str, Any] = {}
        names = archive_names(self._options.models)
        for model, results in self._results.items():
            for name, array in self._arrays_of(results).items():
                arrays[f"{names[model]}/{name}"] = array
        return arrays

    def _arrays_of(self, results: list[TagResult]) -> dict[str, np.ndarray]:
        tags = next((result.tags for result in results), ())
        scores = np.full((len(results), len(tags)), np.nan, "float32")
        for row, result in zip(scores, results, strict=True):
            shown = result.shown_indices()
            row[shown] = result.scores[shown]
        arrays = {
            "tags": np.array(tags, "U"),
            "path": np.array([result.path for result in results], "U"),
            "status": np.array([result.status for result in results], "U"),
            "error": np.array([result.error for result in results], "U"),
            "seconds": np.array([result.seconds for result in results]),
            "scores": scores,
        }
        if self._options.with_timeline:
            arrays |= _timelines(results, len(tags))
        return arrays


def _timelines(results: list[TagResult], num_tags: int) -> dict[str, np.ndarray]:
    found = [(i, r.timeline) for i, r in enumerate(results) if r.timeline is not None]
    files = [np.full(len(timeline.starts), i) for i, timeline in found]
    return {
        "segment_scores": np.concatenate(
            [np.empty((0, num_tags), "float32"), *(t.scores for _, t in found)]
        ),
        "segment_starts": np.concatenate([np.empty(0), *(t.starts for _, t in found)]),
        "segment_ends": np.concatenate([np.empty(0), *(t.ends for _, t in found)]),
        "segment_files": np.concatenate([np.empty(0, int), *files]).astype(int),
    }
