"""One worker process: what it does, and how its parent sees it."""

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

# What a worker sends: the item it begins with, a result, an error.
_ITEM, _RESULT, _ERROR = range(3)

_to_parent: ContextVar[Connection | None] = ContextVar("to_parent", default=None)


class WorkerDied(Exception):
    """A job has ended its worker, or was ended because it took too long.

    `item` is what the job said last that it begins with; None if it said nothing.
    """

    def __init__(self, reason: str, item: Any = None) -> None:
        super().__init__(reason)
        self.item = item


def begin(item: Any) -> None:
    """Says in a job of several items which is next.

    Its time starts anew, and a death is put down to it. Anywhere but in a worker this
    does nothing.
    """
    connection = _to_parent.get()
    if connection is not None:
        connection.send((_ITEM, item))


class WorkerProcess:
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


def work(connection: Connection, prepare: Callable[[], None] | None) -> None:
    """What a worker process does: one job after the other."""
    follow_parent()
    # A job may have processes of its own, which follow this one in turn.
    multiprocessing.current_process().daemon = False
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
