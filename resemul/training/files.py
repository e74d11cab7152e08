"""The files of a run, and what their names say."""

import re
import shutil
from pathlib import Path

from resemul.checkpoints import card_path
from resemul.errors import TrainingError
from resemul.training.logs import CSV_FILE
from resemul.training.state import STATE_FILE

BEST_FILE = "best.keras"


def checkpoint_name(epoch: int, val_loss: float) -> str:
    """Named as by the original, which counts epochs from 0."""
    return f"ckpt-e{epoch:03d}-l{val_loss:.4f}.keras"


def find_best_checkpoint(stage_dir: Path) -> Path | None:
    """The checkpoint with the lowest validation loss in its name; None if none."""
    checkpoints = Path(stage_dir).glob("ckpt-e*-l*.keras")
    # Of two with the same rounded loss the later one is better: it improved on it.
    return min(checkpoints, key=lambda c: (_loss_of(c), -epoch_of(c)), default=None)


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


def _loss_of(checkpoint: Path) -> float:
    return float(_parse_name(checkpoint)[2])


def _parse_name(checkpoint: Path) -> re.Match[str]:
    match = re.fullmatch(r"ckpt-e(\d+)-l(\d+\.\d+)\.keras", checkpoint.name)
    if match is None:
        raise TrainingError(f"{checkpoint} is not named like a checkpoint")
    return match
