"""What can be known before a run begins, asked before it begins."""

from pathlib import Path

import keras

from resemul.downloads.space import require_space
from resemul.errors import DatasetError, DownloadError, TrainingError
from resemul.records import RecordSet

_BYTES_PER_WEIGHT = 4
# Weights and the optimizer's two moments of each.
_ARRAYS_IN_STATE = 3
# Structure and card of a checkpoint.
_BYTES_BESIDE_WEIGHTS = 500_000


def require_splits(records: RecordSet) -> None:
    """Checks that there is something to train on, and to choose the best epoch by.

    Raises:
        DatasetError: there is not.
    """
    for split, purpose in (("train", "to train on"), ("val", "to choose epochs by")):
        if not records.num_segments.get(split):
            raise DatasetError(
                f"{records.folder} holds no {split} clips, and there must be some "
                f"{purpose}; {records.split_remedy}"
            )


def require_space_for_run(model: keras.Model, train_dir: Path) -> None:
    """Checks that the disk has room for the next checkpoints and states.

    A new state is written beside the one before, and `best.keras` beside its
    checkpoint.

    Raises:
        TrainingError: it has not.
    """
    checkpoint = _BYTES_PER_WEIGHT * model.count_params() + _BYTES_BESIDE_WEIGHTS
    state = _ARRAYS_IN_STATE * _BYTES_PER_WEIGHT * model.count_params()
    try:
        require_space(train_dir, 2 * checkpoint + 2 * state, "keep the run")
    except DownloadError as error:
        raise TrainingError(str(error)) from error
