"""Processes of this machine that run jobs, and are replaced when they die or hang."""

import multiprocessing
import queue
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self

from resemul.errors import WorkerError
from resemul.runtime.worker_process import (
    WorkerDied,
    WorkerProcess,
    describe_exit,
    work,
)

_START_TRIES = 2


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
        self.num_workers = num_workers
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
        for _ in range(self.num_workers):
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
