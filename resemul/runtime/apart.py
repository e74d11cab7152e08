"""A job in a process of its own, in whatever process somebody else runs it.

So a cluster is as safe from files that crash or hang their decoder as one machine is,
and what a job imports and opens is kept for the next.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import resemul
from resemul.errors import WorkerError
from resemul.runtime.processes import Workers


@dataclass(frozen=True)
class Apart:
    """Calls `function` in a process beside this one.

    Args:
        function: importable.
        timeout_seconds: see `run_jobs`.
        prepare: see `run_jobs`.
    """

    function: Callable[[Any], Any]
    timeout_seconds: float | None = None
    prepare: Callable[[], None] | None = None
    # Where paths begin and which code runs is as it is with whoever sends the job.
    folder: str = field(default_factory=os.getcwd)
    version: str = resemul.__version__

    def __call__(self, job: Any) -> Any:
        """Returns `function(job)`, or raises what it raises, or `WorkerDied`."""
        if self.version != resemul.__version__:
            raise WorkerError(
                f"{os.uname().nodename} has resemul {resemul.__version__}, and the "
                f"command is of {self.version}; install the same on all machines"
            )
        with _kept().process(self.timeout_seconds, self.prepare) as workers:
            call = partial(_call_in, self.folder, self.function)
            return workers.submit(call, job).result()


class _Kept:
    """Processes that wait for the next job of their kind, one for each at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[tuple[Any, Workers]] = []

    @contextmanager
    def process(self, *settings: Any) -> Iterator[Workers]:
        with self._lock:
            fitting = [entry for entry in self._idle if entry[0] == settings]
            others = [entry for entry in self._idle if entry[0] != settings]
            workers = fitting.pop()[1] if fitting else None
            self._idle = fitting
        for _, other in others:  # of work before
            other.close()
        if workers is None:
            # Those of a cluster may not have processes of their own by default. Ours
            # end with their parent.
            multiprocessing.current_process().daemon = False
            workers = Workers(1, *settings)
        try:
            yield workers
        finally:
            with self._lock:
                self._idle.append((settings, workers))


@cache
def _kept() -> _Kept:
    return _Kept()


def _call_in(folder: str, function: Callable[[Any], Any], job: Any) -> Any:
    try:
        os.chdir(folder)
    except OSError as error:
        raise WorkerError(
            f"{os.uname().nodename} does not have the folder {folder} "
            f"({error.strerror}); all machines need the same files at the same paths"
        ) from error
    return function(job)
