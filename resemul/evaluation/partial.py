"""Predictions of a run that was stopped, so that the next one goes on from there."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

import keras
import numpy as np

from resemul.prediction.labelled import predict_rows
from resemul.runtime.files import locked

logger = logging.getLogger(__name__)

Row = tuple[np.ndarray, np.ndarray]


def predict_resumably(
    model: keras.Model,
    clips: Iterator[tuple[np.ndarray, np.ndarray]],
    num_tags: int,
    part: Path,
    batch_size: int | None = None,
) -> Iterator[Row]:
    """What `predict_rows` yields; what an earlier call kept in `part` comes first.

    Each clip is added to `part` when it is done, and the file is removed after the
    last. Where it cannot be written, or another process writes it, nothing is kept.

    Args:
        model: as those of `predict_rows`.
        clips: all of them, in the same order as before; those that are done are read
            past.
        num_tags: labels of a clip.
        part: a file of this model and these clips alone, see `digest`.
        batch_size: most segments in a batch.
    """
    with ExitStack() as stack:
        file = _open(part, stack)
        done = _read(file, num_tags) if file else np.zeros((0, 2, num_tags), "float32")
        if len(done):
            logger.info("%d clips were predicted before a stop", len(done))
        for labels, probabilities in done:
            next(clips, None)
            yield labels, probabilities
        for row in predict_rows(model, clips, batch_size):
            file = file and _append(file, row)
            yield row
        if file:
            part.unlink(missing_ok=True)


def _open(part: Path, stack: ExitStack) -> IO[bytes] | None:
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        lock = part.with_suffix(".lock")
        stack.enter_context(locked(lock, wait=False))
        return stack.enter_context(part.open("a+b"))
    except OSError as error:
        logger.debug("%s is not kept: %s", part, error)
        return None


def _read(file: IO[bytes], num_tags: int) -> np.ndarray:
    """The whole rows that there are: float32 `(clips, 2, tags)`; drops half a row."""
    file.seek(0)
    content = file.read()
    row_bytes = 2 * num_tags * 4
    num_whole = len(content) // row_bytes
    file.truncate(num_whole * row_bytes)
    values = np.frombuffer(content, "<f4", num_whole * 2 * num_tags)
    return values.reshape(num_whole, 2, num_tags)


def _append(file: IO[bytes], row: Row) -> IO[bytes] | None:
    try:
        file.write(np.stack(row).astype("<f4").tobytes())
        file.flush()
    except OSError as error:  # a full disk must not end the evaluation
        logger.warning("a stopped evaluation will not go on: %s", error.strerror)
        with suppress(OSError):
            file.truncate(0)
        return None
    return file


def digest(model: keras.Model, *facts: object) -> str:
    """SHA-256 of a model's weights and of whatever else decides the predictions."""
    sha256 = hashlib.sha256(repr(facts).encode())
    for weights in model.get_weights():
        sha256.update(np.ascontiguousarray(weights).data)
    return sha256.hexdigest()
