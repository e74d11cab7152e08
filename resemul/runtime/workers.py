"""Jobs that may die or hang, over worker processes; each costs itself alone.

A decoder of damaged files can crash its process, or never return. So each job runs in a
process of its own kind, which is killed and replaced where that is needed.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from resemul.runtime.apart import Apart
from resemul.runtime.processes import Workers
from resemul.runtime.worker_process import WorkerDied

logger = logging.getLogger(__name__)

Job = TypeVar("Job")
Result = TypeVar("Result")

# Jobs that are handed out, per worker: enough that none of them waits for the caller.
_AHEAD = 4


@dataclass(frozen=True)
class Done(Generic[Job, Result]):
    """A job and its result, or the error: in words, what became of its worker."""

    job: Job
    result: Result | None = None
    error: str | None = None
    # What it was at, if it told; see `begin`.
    item: Any = None


class Executor(Protocol):
    """Runs jobs: on this machine (`Workers`), or somewhere else.

    A future raises `WorkerDied` if the job has killed its worker, and what the function
    raises.
    """

    @property
    def num_workers(self) -> int:
        """How many jobs run at a time; it may change."""
        ...

    def submit(self, function: Callable[[Any], Any], job: Any, /) -> Future[Any]:
        """Starts `function(job)`."""
        ...


def run_jobs(
    jobs: Iterable[Job],
    function: Callable[[Job], Result],
    *,
    num_workers: int,
    timeout_seconds: float | None = None,
    prepare: Callable[[], None] | None = None,
    executor: Executor | None = None,
) -> Iterator[Done[Job, Result]]:
    """Runs `function(job)` for each job in worker processes; yields them as they end.

    A job that kills its worker, or takes too long, is tried once more when all others
    are done, alone; if it does so again, that is its `error`. What `function` raises is
    raised here.

    Args:
        jobs: anything that can be pickled.
        function: importable.
        num_workers: processes.
        timeout_seconds: for one job, or for one item of a job that calls `begin`.
        prepare: what each process does first.
        executor: what runs the jobs instead, each in a process beside its own.

    Raises:
        WorkerError: worker processes do not start, or the executor is gone.
    """
    coming, lost = iter(jobs), []
    running: dict[Future[Result], Job] = {}
    with ExitStack() as stack:
        if executor is None:
            workers = Workers(num_workers, timeout_seconds, prepare)
            executor = stack.enter_context(workers)
        else:
            function = Apart(function, timeout_seconds, prepare)
        while True:
            room = _AHEAD * executor.num_workers - len(running)
            for job in islice(coming, max(0, room)):
                running[executor.submit(function, job)] = job
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                try:
                    result = future.result()
                except WorkerDied as death:
                    logger.warning("%s; this is tried again later, alone", death)
                    lost.append(job)
                    continue
                yield Done(job, result)
        for job in lost:
            try:
                done = Done(job, executor.submit(function, job).result())
            except WorkerDied as death:
                done = Done(job, error=str(death), item=death.item)
            yield done
