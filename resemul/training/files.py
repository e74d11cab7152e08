"""The files of a run, and what their names say."""

import re
import shutil
from pathlib import Path

from resemul.checkpoints.card import card_path
from resemul.errors import TrainingError
from resemul.training.logs import CSV_FILE
from resemul.training.state import STATE_FILE

BEST_FILE = "best.keras"
# The letter before the monitored value in a checkpoint's name; `l` is the original's.
_LETTERS = {"val_loss": "l", "val_roc_auc": "r", "val_pr_auc": "p"}


def checkpoint_name(epoch: int, monitor: str, value: float) -> str:
    """Named as by the original, which counts epochs from 0."""
    return f"ckpt-e{epoch:03d}-{_LETTERS[monitor]}{value:.4f}.keras"


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


def delete_run(train_dir: Path) -> None:
    """Removes what a run left in `train_dir`, and nothing else."""
    best = Path(train_dir) / BEST_FILE
    for path in (best, card_path(best), Path(train_dir) / STATE_FILE):
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
    return float(value) if letter == _LETTERS["val_loss"] else -float(value)


def _parse_name(checkpoint: Path) -> re.Match[str]:
    match = re.fullmatch(r"ckpt-e(\d+)-([lrp])(\d+\.\d+)\.keras", checkpoint.name)
    if match is None:
        raise TrainingError(f"{checkpoint} is not named like a checkpoint")
    return match
