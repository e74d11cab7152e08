"""Embeddings of many files in one archive."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from resemul.tagging.results import TagResult
from resemul.tagging.writers.base import archive_names, open_binary


@contextmanager
def write_embeddings(path: Path, models: Sequence[str]) -> Iterator["EmbeddingWriter"]:
    """Arrays for each model, named MODEL/..., written when the block ends.

    `embeddings` is float32 (segments, dimensions); `starts` and `ends` are the seconds
    of each segment, `files` the place of its file in `path`.

    Raises:
        ConfigError: the file cannot be written.
    """
    with ExitStack() as stack:
        file = stack.enter_context(open_binary(path))
        writers = {
            model: _OfModel(stack.enter_context(tempfile.TemporaryFile()))
            for model in models
        }
        yield EmbeddingWriter(writers)
        names = archive_names(models)
        arrays: dict[str, Any] = {
            f"{names[model]}/{name}": array
            for model, writer in writers.items()
            for name, array in writer.arrays().items()
        }
        np.savez(file, **arrays)


class EmbeddingWriter:
    """Takes result after result."""

    def __init__(self, writers: dict[str, "_OfModel"]) -> None:
        self._writers = writers

    def write(self, result: TagResult) -> None:
        """Adds the segments of a file, if it has any."""
        self._writers[result.model].write(result)


class _OfModel:
    """The embeddings wait on the disk: of a library they are gigabytes."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._paths: list[str] = []
        self._counts: list[int] = []
        self._starts: list[np.ndarray] = []
        self._ends: list[np.ndarray] = []
        self._num_dimensions = 0

    def write(self, result: TagResult) -> None:
        self._paths.append(result.path)
        self._counts.append(0)
        if result.embeddings is None or result.timeline is None:
            return
        embeddings = np.ascontiguousarray(result.embeddings, "float32")
        self._counts[-1], self._num_dimensions = embeddings.shape
        self._starts.append(result.timeline.starts)
        self._ends.append(result.timeline.ends)
        self._file.write(embeddings.tobytes())

    def arrays(self) -> dict[str, np.ndarray]:
        shape = sum(self._counts), self._num_dimensions
        self._file.flush()
        embeddings: np.ndarray = np.empty(shape, "float32")
        if embeddings.size:
            embeddings = np.memmap(self._file, "float32", "r", shape=shape)
        return {
            "path": np.array(self._paths, "U"),
            "embeddings": embeddings,
            "files": np.repeat(np.arange(len(self._counts)), self._counts),
            "starts": np.concatenate([np.empty(0), *self._starts]),
            "ends": np.concatenate([np.empty(0), *self._ends]),
        }
