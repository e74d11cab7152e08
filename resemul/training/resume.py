"""Going on with a run that is in its folder, and refusing what is another run."""

import logging
from pathlib import Path
from typing import Any

from resemul.checkpoints.card import ModelCard
from resemul.errors import TrainingError
from resemul.records import RecordSet
from resemul.training.files import best_checkpoint, epoch_of, find_best_checkpoint
from resemul.training.state import STATE_FILE, RunState, load_state

logger = logging.getLogger(__name__)

# Options that may differ when a run goes on: they say how far, not how.
_MAY_CHANGE = {
    "initial_stage",
    "num_lr_decays",
    "patience",
    "max_epochs",
    "max_epochs_per_stage",
}


def describe_run(card: ModelCard, records: RecordSet) -> dict[str, Any]:
    """What must be the same when a run goes on, as JSON gives it back.

    Args:
        card: of the model that is trained, with all options of the training.
        records: what it is trained on.
    """
    may_change = set(_MAY_CHANGE)
    if card.training["lr_schedule"] == "one_cycle":
        # There, the rates depend on the length of the stage.
        may_change.remove("max_epochs_per_stage")
    return {
        "model": card.model,
        "options": card.options,
        "tags": list(card.tags),
        "num_segments": records.num_segments,
        "init_from": card.source.get("init_from"),
        **{k: v for k, v in card.training.items() if k not in may_change},
    }


def pick_up_run(new: RunState, train_dir: Path) -> RunState:
    """Returns where the run in `train_dir` stands, or `new`, ready to begin.

    Raises:
        TrainingError: the folder holds another run, or lacks the stage before the
            one to begin with.
    """
    earlier = load_state(train_dir)
    if earlier is not None:
        changed = [
            f"{name} {earlier.run.get(name)} -> {value}"
            for name, value in new.run.items()
            if earlier.run.get(name) != value
        ]
        if changed:
            raise TrainingError(
                f"{train_dir} holds a run with other options "
                f"({', '.join(changed)}); use another --train-dir, or --overwrite"
            )
        if earlier.stage >= new.stage:
            logger.info(
                "%s: goes on at stage %d, epoch %d",
                train_dir,
                earlier.stage,
                earlier.epoch,
            )
            return earlier
    if new.stage > 0:
        new.epoch = epoch_of(best_checkpoint(train_dir / str(new.stage - 1))) + 1
    elif find_best_checkpoint(train_dir / "0"):
        raise TrainingError(
            f"{train_dir} holds checkpoints of a run without its {STATE_FILE}; use "
            "another --train-dir, or --overwrite"
        )
    return new
