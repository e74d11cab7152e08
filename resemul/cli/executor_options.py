"""Options that say where the jobs of a command run, and which of them."""

import argparse
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from resemul.errors import ConfigError
from resemul.runtime.tasks import WHOLE, Share, Task, parse_task, task_of_slurm

if TYPE_CHECKING:
    from resemul.runtime.workers import Executor

logger = logging.getLogger(__name__)


def add_executor(parser: argparse.ArgumentParser, finish: str) -> None:
    """Adds `--dask`, `--task` and `--finish`.

    Args:
        parser: of a command whose work can be shared.
        finish: what the last of several tasks does.
    """
    group = add_dask(parser)
    group.add_argument(
        "--task",
        metavar="I/N",
        help="do only part I of N, on this machine, such as 3/20 (default: what a "
        "Slurm array says, else all)",
    )
    group.add_argument(
        "--finish",
        action="store_true",
        help=f"do none of the work: {finish}, if nothing is missing",
    )


def add_dask(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Adds `--dask`, in a group of its own, which is returned."""
    group = parser.add_argument_group("several machines")
    group.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="run the work on a Dask cluster: the address of its scheduler, the file "
        "that it wrote, or local:4 for one of four workers in this process",
    )
    return group


@contextmanager
def executor_given(args: argparse.Namespace) -> Iterator["Executor | None"]:
    """The cluster of `--dask`; None for processes of this machine.

    Raises:
        ConfigError: Dask is not installed, or the address is none.
        WorkerError: no scheduler answers.
    """
    if args.dask is None:
        yield None
        return
    from resemul.runtime.dask import open_dask

    with open_dask(args.dask) as executor:
        yield executor


def share_given(
    args: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> Share:
    """The part of the work that is to be done.

    Raises:
        ConfigError: that is no part, or options do not go together.
    """
    given = [
        flag for flag in ("--dask", "--task", "--finish") if getattr(args, flag[2:])
    ]
    if len(given) > 1:
        raise ConfigError(f"{given[0]} and {given[1]} do not go together")
    if args.task:
        task: Task | None = parse_task(args.task)
    elif given:
        return Share(is_finish=args.finish)
    else:
        task = task_of_slurm(environment)
        if task is not None:
            logger.info("task %s, of a Slurm array; --task 1/1 does it all", task)
    return WHOLE if task is None or task.count == 1 else Share(task)


def say_done(share: Share) -> None:
    """Says that a task is done, and that others are not."""
    print(f"task {share.task} is done, others are not; the last puts it all together")
