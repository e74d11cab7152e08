"""The files of a run, and what their names say."""

import dataclasses
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from resemul.checkpoints.card import ModelCard, card_path, read_card
from resemul.checkpoints.pairs import replace_pair
from resemul.errors import TrainingError
from resemul.evaluation.metrics import Metric
from resemul.export.exporters import exported_card_path
from resemul.runtime.files import file_sha256, locked
from resemul.training.logs import CSV_FILE
from resemul.training.state import STATE_FILE

BEST_FILE = "best.keras"
_LOCK_FILE = ".lock"
# The letter before a loss in a checkpoint's name, as in the original.
_LOSS = "l"


def letter_of(monitor: str, metrics: Mapping[str, Metric]) -> str:
    """The letter before a monitored value in a checkpoint's name."""
    if monitor == "val_loss":
        return _LOSS
    return metrics[monitor.removeprefix("val_")].letter


def checkpoint_name(epoch: int, letter: str, value: float) -> str:
    """Named as by the original, which counts epochs from 0."""
    return f"ckpt-e{epoch:03d}-{letter}{value:.4f}.keras"


def find_best_checkpoint(stage_dir: Path) -> Path | None:
    """The checkpoint with the best monitored value in its name; None if none."""
    checkpoints = Path(stage_dir).glob("ckpt-e*-*.keras")
    # Of two with the same rounded value the later one is better: it improved on it.
    return min(checkpoints, key=lambda c: (_value_of(c), -epoch_of(c)), default=None)


def best_checkpoint(stage_dir: Path) -> Path:
    """The checkpoint that the stage after this one starts from.

    Raises:
        TrainingError: there is none.
    """
    best = find_best_checkpoint(stage_dir)
    if best is None:
        raise TrainingError(
            f"{stage_dir} has no checkpoints, and the next stage starts from the best "
            "of them; --overwrite begins the run anew"
        )
    return best


def copy_checkpoint(source: Path, target: Path, scores: dict[str, float]) -> ModelCard:
    """Copies a checkpoint, byte by byte, and its card with more scores; returns that.

    A copy that is there already stays as it is, with its card.

    Raises:
        TrainingError: it cannot be written.
    """
    card = read_card(source)
    card = dataclasses.replace(card, scores={**card.scores, **scores})
    if target.is_file() and card_path(target).is_file():
        found = read_card(target)
        is_whole = found.sha256 == card.sha256 == file_sha256(target)
        if is_whole and card.scores.keys() <= found.scores.keys():
            return found
    part = target.with_name(f".{target.stem}.part.keras")
    try:
        shutil.copyfile(source, part)
        replace_pair(part, card, target)
    except OSError as error:
        raise TrainingError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return card


@contextmanager
def only_run_in(train_dir: Path) -> Iterator[None]:
    """Makes the folder of a run, and keeps other processes from training in it.

    Raises:
        TrainingError: it cannot be made, or another process trains in it.
    """
    with ExitStack() as stack:
        try:
            train_dir.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(train_dir / _LOCK_FILE, wait=False))
        except BlockingIOError as error:
            raise TrainingError(
                f"another process trains in {train_dir}; wait for it, or use another "
                "--train-dir"
            ) from error
        except OSError as error:
            raise TrainingError(
                f"{train_dir} cannot be written to: {error.strerror or error}"
            ) from error
        yield


def delete_run(train_dir: Path) -> None:
    """Removes what a run left in `train_dir`, and nothing else."""
    best = Path(train_dir) / BEST_FILE
    exported = best.with_suffix(".onnx")
    for path in (
        *(best, card_path(best), exported, exported_card_path(exported)),
        Path(train_dir) / STATE_FILE,
    ):
        path.unlink(missing_ok=True)
    for stage_dir in Path(train_dir).glob("[0-9]*"):
        if (stage_dir / CSV_FILE).exists() or find_best_checkpoint(stage_dir):
            shutil.rmtree(stage_dir)


def epoch_of(checkpoint: Path) -> int:
    """The epoch in a checkpoint's name."""
    return int(_parse_name(checkpoint)[1])


def _value_of(checkpoint: Path) -> float:
    """The value in a checkpoint's name, its sign turned if a higher one is better."""
    _, letter, value = _parse_name(checkpoint).groups()
    return float(value) if letter == _LOSS else -float(value)


def _parse_name(checkpoint: Path) -> re.Match[str]:
    match = re.fullmatch(r"ckpt-e(\d+)-([a-z]+)(-?\d+\.\d+)\.keras", checkpoint.name)
    if match is None:
        raise TrainingError(f"{checkpoint} is not named like a checkpoint")
    return match
