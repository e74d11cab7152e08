"""Jobs that may die or hang, over worker processes; each costs itself alone.

A decoder of damaged files can crash its process, or never return. So each job runs in a
process of its own kind, which is killed and replaced where that is needed.
"""

import logging
import multiprocessing
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from resemul.errors import WorkerError
from resemul.runtime.worker_process import (
    WorkerDied,
    WorkerProcess,
    describe_exit,
    work,
)

logger = logging.getLogger(__name__)

Job = TypeVar("Job")
Result = TypeVar("Result")

# Jobs that are handed out, per worker: enough that none of them waits for the caller.
_AHEAD = 4
_START_TRIES = 2


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
    raises. One that is cancelled says that the job is for somebody else to do.
    """

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
        executor: what runs the jobs instead of processes of this machine.

    Raises:
        WorkerError: worker processes do not start.
    """
    coming, lost = iter(jobs), []
    running: dict[Future[Result], Job] = {}
    with ExitStack() as stack:
        if executor is None:
            workers = Workers(num_workers, timeout_seconds, prepare)
            executor = stack.enter_context(workers)
        while True:
            for job in islice(coming, _AHEAD * num_workers - len(running)):
                running[executor.submit(function, job)] = job
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                try:
                    result = future.result()
                except CancelledError:
                    continue
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


class Workers:
    """Processes of this machine that run jobs; a context manager.

    Leaving it ends them at once, whatever they do. They end with their parent, too.

    Args:
        num_workers: processes; each is started when there is something to do for it.
        timeout_seconds: see `run_jobs`.
        prepare: see `run_jobs`.
    """

    def __init__(
        self,
        num_workers: int,
        timeout_seconds: float | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._prepare = prepare
        self._queue: queue.SimpleQueue[tuple[Future[Any], Any, Any] | None]
        self._queue = queue.SimpleQueue()
        # Guards the two below, and the starting and reaping of processes.
        self._lock = threading.Lock()
        self._processes: set[BaseProcess] = set()
        self._is_closed = False
        self._num_workers = num_workers
        for _ in range(num_workers):
            # Daemons: a program that forgets to close this one ends nevertheless.
            threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def submit(self, function: Callable[[Any], Any], job: Any, /) -> Future[Any]:
        """Starts `function(job)` when a worker is free; see `Executor`."""
        future: Future[Any] = Future()
        self._queue.put((future, function, job))
        return future

    def close(self) -> None:
        """Ends the processes and cancels what they have not begun."""
        with self._lock:
            self._is_closed = True
            for process in self._processes:
                process.kill()
            for process in self._processes:
                process.join()
            self._processes.clear()
        with suppress(queue.Empty):
            while entry := self._queue.get_nowait():
                entry[0].cancel()
        for _ in range(self._num_workers):
            self._queue.put(None)

    def _serve(self) -> None:
        """Hands jobs to one process after the other, as long as there are jobs."""
        worker: WorkerProcess | None = None
        while entry := self._queue.get():
            future, function, job = entry
            if not future.set_running_or_notify_cancel():
                continue
            try:
                worker = worker or self._start()
                future.set_result(worker.run(function, job, self._timeout_seconds))
            except WorkerDied as death:
                worker = None
                future.set_exception(death)
            except BaseException as error:
                future.set_exception(error)

    def _start(self) -> WorkerProcess:
        for _ in range(_START_TRIES):
            # fork would copy the locks and threads of this process in an unknown state.
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            process = context.Process(
                target=work, args=(theirs, self._prepare), daemon=True
            )
            with self._lock:
                if self._is_closed:
                    raise CancelledError
                process.start()
                self._processes.add(process)
            theirs.close()
            worker = WorkerProcess(process, ours, self._end)
            with suppress(WorkerDied):
                worker.receive()
                return worker
        raise WorkerError(
            "no work was done, because worker processes end at their start "
            f"({describe_exit(process.exitcode)}); what they say themselves is above. "
            "Is there enough memory for --num-workers of them? A script of your own "
            "calls this under: if __name__ == '__main__'"
        )

    def _end(self, process: BaseProcess) -> None:
        """Kills a process, if that is still needed, and forgets it."""
        with self._lock:
            self._processes.discard(process)
            process.kill()
            process.join()
