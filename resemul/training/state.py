"""Where a run stands, in one file: `run.npz`.

The file holds numbers and a JSON text only, is read with pickling off, and gets its
name when it is complete, so a run that is killed at any moment finds either the
state of the epoch before or that of this one.
"""

import dataclasses
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from resemul.errors import TrainingError
from resemul.runtime.files import atomic_write

STATE_FILE = "run.npz"
_META = "meta"


@dataclass
class RunState:
    """Progress of a run. Changed in place by the training loop, epoch by epoch.

    `run` describes what must not change when a run goes on; `rows` are the epochs of
    the current stage, `stages` the stages that are finished.
    """

    run: dict[str, Any]
    stage: int
    # Number of the next epoch. A stage goes on from the epoch that it starts with, so
    # numbers come again: how many there were is `num_epochs`.
    epoch: int = 0
    rows: list[dict[str, float]] = field(default_factory=list)
    stages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def num_epochs(self) -> int:
        """Epochs that were run, in all stages together."""
        finished = sum(stage["num_epochs"] for stage in self.stages)
        return finished + len(self.rows)


def save_state(state: RunState, variables: list[Any], train_dir: Path) -> None:
    """Writes the state, with the values of `variables`."""
    path = train_dir / STATE_FILE
    arrays: dict[str, Any] = {_META: np.array(json.dumps(dataclasses.asdict(state)))}
    for number, variable in enumerate(variables):
        arrays[f"v{number:04d}"] = np.asarray(variable.value)
    try:
        with atomic_write(path, "wb") as file:
            np.savez(file, **arrays)
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be written: {error.strerror}; the epochs finished so far "
            "are kept, and the same command goes on from there"
        ) from error


def load_state(train_dir: Path) -> RunState | None:
    """Reads the state; None if there is none."""
    path = train_dir / STATE_FILE
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            return RunState(**json.loads(str(file[_META])))
    except (ValueError, KeyError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise TrainingError(
            f"{path} is not the state of a run; delete the folder or use another "
            f"--train-dir ({error})"
        ) from error


def restore_variables(variables: list[Any], num_weights: int, train_dir: Path) -> None:
    """Gives `variables` the values that were saved; none were saved: no change.

    Args:
        variables: the weights, the number of steps, and the rest.
        num_weights: how many of them are weights.
        train_dir: where the state is.

    Raises:
        TrainingError: the state is of another model.
    """
    path = train_dir / STATE_FILE
    with np.load(path, allow_pickle=False) as file:
        names = sorted(name for name in file.files if name != _META)
        if not names:
            return
        if len(names) == len(variables) + 1:
            # The learning rate, which used to be kept after the number of steps.
            del names[num_weights + 1]
        if len(names) != len(variables):
            raise TrainingError(
                f"{path} holds {len(names)} arrays, this model has {len(variables)} "
                "variables; use another --train-dir"
            )
        for name, variable in zip(names, variables, strict=True):
            variable.assign(file[name])


def seed_random_layers(model: keras.Model, *seed: int) -> None:
    """Sets every dropout mask of the coming epoch: a function of `seed` alone."""
    for number, layer in enumerate(model.layers):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            random = np.random.default_rng((*seed, number))
            generator.state.assign(random.integers(2**32, size=2, dtype=np.uint32))
