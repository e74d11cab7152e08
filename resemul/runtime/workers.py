"""Jobs that may die or hang, over worker processes; each costs itself alone.

A decoder of damaged files can crash its process, or never return. So each job runs in a
process of its own kind, which is killed and replaced where that is needed.
"""

import logging
import multiprocessing
import os
import pickle
import queue
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import ExitStack, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from resemul.errors import WorkerError

logger = logging.getLogger(__name__)

Job = TypeVar("Job")
Result = TypeVar("Result")

# Jobs that are handed out, per worker: enough that none of them waits for the caller.
_AHEAD = 4
# What a worker sends: the item it begins with, a result, an error.
_ITEM, _RESULT, _ERROR = range(3)
_START_TRIES = 2

_to_parent: ContextVar[Connection | None] = ContextVar("to_parent", default=None)


class WorkerDied(Exception):
    """A job has ended its worker, or was ended because it took too long.

    `item` is what the job said last that it begins with; None if it said nothing.
    """

    def __init__(self, reason: str, item: Any = None) -> None:
        super().__init__(reason)
        self.item = item


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


def begin(item: Any) -> None:
    """Says in a job of several items which is next.

    Its time starts anew, and a death is put down to it. Anywhere but in a worker this
    does nothing.
    """
    connection = _to_parent.get()
    if connection is not None:
        connection.send((_ITEM, item))


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
        worker: _Worker | None = None
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

    def _start(self) -> "_Worker":
        for _ in range(_START_TRIES):
            # fork would copy the locks and threads of this process in an unknown state.
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work, args=(theirs, self._prepare), daemon=True
            )
            with self._lock:
                if self._is_closed:
                    raise CancelledError
                process.start()
                self._processes.add(process)
            theirs.close()
            worker = _Worker(process, ours, self._end)
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


class _Worker:
    """A process, seen from its parent."""

    def __init__(
        self,
        process: BaseProcess,
        connection: Connection,
        end: Callable[[BaseProcess], None],
    ) -> None:
        self._process = process
        self._connection = connection
        self._end = end

    def run(
        self, function: Callable[[Any], Any], job: Any, timeout_seconds: float | None
    ) -> Any:
        """Returns `function(job)`, or raises what it raises, or `WorkerDied`."""
        with suppress(BrokenPipeError):  # what is read next tells
            self._connection.send((function, job))
        return self.receive(timeout_seconds)

    def receive(self, timeout_seconds: float | None = None) -> Any:
        """Waits for a result; from one `begin` to the next at most `timeout_seconds`.

        The time before the first does not count: what the job needs is imported in it.
        """
        item = kind = limit = None
        try:
            while self._connection.poll(limit):
                kind, content = self._connection.recv()
                if kind != _ITEM:
                    break
                item, limit = content, timeout_seconds
        except (EOFError, ConnectionError):
            self._end(self._process)
            how = describe_exit(self._process.exitcode)
            raise WorkerDied(f"its process died ({how})", item) from None
        if kind == _RESULT:
            return content
        if kind == _ERROR:
            raise content
        self._end(self._process)
        raise WorkerDied(f"it took longer than {timeout_seconds:g} s", item)


def describe_exit(code: int | None) -> str:
    """How a process ended: its status, or the signal that ended it."""
    if code is None or code >= 0:
        return f"exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"{name}: out of memory?" if name == "SIGKILL" else name


def _work(connection: Connection, prepare: Callable[[], None] | None) -> None:
    """What a worker process does: one job after the other."""
    follow_parent()
    if prepare is not None:
        prepare()
    _to_parent.set(connection)
    connection.send((_RESULT, None))
    with suppress(EOFError):
        while True:
            function, job = connection.recv()
            begin(None)
            try:
                message = (_RESULT, function(job))
            except Exception as error:
                message = (_ERROR, _portable(error))
            connection.send(message)


def follow_parent() -> None:
    """Lets this worker process end with its parent, and by nothing else.

    Ctrl-C and a closed terminal are for the parent, which then ends its workers.
    """
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _portable(error: Exception) -> Exception:
    """The error as the parent can unpickle it; a note tells where it was raised."""
    error.add_note(f"In a worker process:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
