"""Going on with a run that is in its folder, and refusing what is another run."""

import dataclasses
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from resemul.checkpoints.card import ModelCard
from resemul.configs import (
    SCHEDULES,
    InverseTime,
    OneCycle,
    TrainConfig,
    model_entry,
    nest_schedule,
)
from resemul.errors import ConfigError, TrainingError
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
# What options of a model mean in runs that were begun before there were these.
_BEFORE = {"mix": "ffmpeg", "resampler": "swr"}


def describe_run(card: ModelCard, records: RecordSet) -> dict[str, Any]:
    """What must be the same when a run goes on, as JSON gives it back.

    Args:
        card: of the model that is trained, with all options of the training.
        records: what it is trained on.
    """
    may_change = set(_MAY_CHANGE)
    if card.training["schedule"]["name"] == OneCycle.name:
        # There, the rates depend on the length of the stage.
        may_change.remove("max_epochs_per_stage")
    return {
        "model": card.model,
        "options": card.options,
        "tags": list(card.tags),
        "num_segments": records.num_segments,
        "init_from": card.source.get("init_from"),
        **({"reading": card.reading} if card.reading else {}),
        **{k: v for k, v in card.training.items() if k not in may_change},
    }


def pick_up_run(new: RunState, train_dir: Path) -> RunState:
    """Returns where the run in `train_dir` stands, or `new`, ready to begin.

    Raises:
        TrainingError: the folder holds another run, or lacks the stage before the
            one to begin with.
    """
    earlier = load_state(train_dir)
    if earlier is not None and _has_done_nothing(earlier, train_dir):
        earlier = None
    if earlier is not None:
        changed = ", ".join(find_differences(earlier.run, new.run))
        if changed:
            raise TrainingError(
                f"{train_dir} holds a run with other options ({changed}); use another "
                "--train-dir, or --overwrite"
            )
        if earlier.stage >= new.stage:
            if earlier.num_epochs:
                logger.info(
                    "%s: goes on at stage %d, epoch %d",
                    train_dir,
                    earlier.stage,
                    earlier.epoch,
                )
            # From here on, described as runs are described now.
            return dataclasses.replace(earlier, run=new.run)
    if new.stage > 0:
        new.epoch = epoch_of(best_checkpoint(train_dir / str(new.stage - 1))) + 1
    elif earlier is None and find_best_checkpoint(train_dir / "0"):
        raise TrainingError(
            f"{train_dir} holds checkpoints of a run without its {STATE_FILE}; use "
            "another --train-dir, or --overwrite"
        )
    return new


def _has_done_nothing(state: RunState, train_dir: Path) -> bool:
    stage_dir = train_dir / str(state.stage)
    return not state.num_epochs and find_best_checkpoint(stage_dir) is None


def find_differences(earlier: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Yields "name old -> new" for what is not the same in two descriptions of runs.

    An option that the earlier run does not have had its default, one that there is
    no longer does not matter.
    """
    if earlier.get("model") != new["model"]:
        yield f"model {earlier.get('model')} -> {new['model']}"
        return
    earlier = _with_defaults(earlier)
    for name, value in new.items():
        before = earlier.get(name)
        if name == "init_from":
            if not _is_same_start(before, value):
                yield f"{name} {_hash_of(before)} -> {_hash_of(value)}"
        elif isinstance(value, dict) and isinstance(before, dict):
            if before.get("name") != value.get("name"):  # of a schedule
                yield f"{name} {before.get('name')} -> {value.get('name')}"
                continue
            for inner in value:
                if before.get(inner) != value[inner]:
                    yield f"{name} {inner} {before.get(inner)} -> {value[inner]}"
        elif before != value:
            yield f"{name} {before} -> {value}"


def _with_defaults(run: dict[str, Any]) -> dict[str, Any]:
    run = nest_schedule(run, InverseTime())
    try:
        options = {**_defaults_of(model_entry(run["model"]).config), **_BEFORE}
    except ConfigError:  # a network that was built by the caller
        options = {}
    schedule = run.get("schedule", {})
    of_schedule = SCHEDULES.get(schedule.get("name", ""))
    return {
        **_defaults_of(TrainConfig),
        **run,
        "options": {**options, **run.get("options", {})},
        "schedule": {**_defaults_of(of_schedule), **schedule},
    }


def _defaults_of(config_class: type | None) -> dict[str, Any]:
    return as_json(config_class()) if config_class else {}


def as_json(config: Any) -> dict[str, Any]:
    """A config as JSON gives it back: lists, no tuples."""
    options: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return options


def _is_same_start(
    earlier: Mapping[str, str] | None, new: Mapping[str, str] | None
) -> bool:
    """Whether two runs begin with the same weights: by these, else by the file."""
    if not earlier or not new:
        return not earlier and not new
    if earlier.get("weights_sha256") and new.get("weights_sha256"):
        return earlier["weights_sha256"] == new["weights_sha256"]
    return earlier.get("sha256") == new.get("sha256")


def _hash_of(start: Mapping[str, str] | None) -> str:
    if not start:
        return "none"
    return (start.get("weights_sha256") or start.get("sha256", ""))[:12]
