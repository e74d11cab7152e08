"""Training in several processes: one leads, the others follow."""

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tensorflow as tf

from resemul.checkpoints.card import ModelCard
from resemul.errors import ResemulError, TrainingError
from resemul.training.replica_epochs import MAKE, ReplicaEpochRunner
from resemul.training.replicas import Replicas
from resemul.training.resume import find_differences
from resemul.training.stages import TrainingRun

logger = logging.getLogger(__name__)

_BEGIN, _STOP, _END = "begin", "stop", "end"

# Makes the runner of a process that follows, for the precision that the leader chose.
MakeRunner = Callable[[str], ReplicaEpochRunner]


@contextmanager
def leading(replicas: Replicas, run: dict[str, Any], precision: str) -> Iterator[None]:
    """Leads the other processes; they stop when the block ends with an error.

    Args:
        replicas: of this process, the first.
        run: what must be the same in all processes.
        precision: what `auto` is here.

    Raises:
        TrainingError: another process was started with other options.
    """
    replicas.tell(_BEGIN, run=run, precision=precision)
    if replicas.count_true(False):
        raise TrainingError(
            "another process was started with other options or records; it says which"
        )
    try:
        yield
    except (ResemulError, KeyboardInterrupt) as error:
        if replicas.others_wait:
            with suppress(tf.errors.OpError):
                replicas.tell(_STOP, reason=str(error) or "it was stopped")
        raise


def end_run(replicas: Replicas, run: TrainingRun) -> None:
    """Tells the other processes that the run is finished, and what came of it."""
    card = dataclasses.asdict(run.card)
    replicas.tell(_END, best=str(run.best), card=card, stages=run.stages)


def follow(
    replicas: Replicas, run: dict[str, Any], make_runner: MakeRunner
) -> TrainingRun:
    """Does what the first process tells; returns the finished run, as that does.

    Args:
        replicas: of this process, not the first.
        run: what must be the same in all processes.
        make_runner: makes what trains.

    Raises:
        TrainingError: the first process has other options, or stopped.
    """
    number, count = replicas.process + 1, replicas.num_processes
    logger.info("process %d of %d follows", number, count)
    _, told = replicas.hear()
    mine = json.loads(json.dumps(run))
    differences = ", ".join(find_differences(told["run"], mine))
    replicas.count_true(bool(differences))
    if differences:
        raise TrainingError(
            f"process {number} was started with other options or records "
            f"than the first ({differences}); start all by the same command"
        )
    runner = None
    while True:
        command, arguments = replicas.hear()
        if command == _END:
            card = ModelCard(**arguments["card"])
            return TrainingRun(Path(arguments["best"]), card, arguments["stages"])
        if command == _STOP:
            raise TrainingError(f"the first process stopped: {arguments['reason']}")
        if command == MAKE or runner is None:
            runner = make_runner(told["precision"])
        else:
            runner.follow(command, arguments)
