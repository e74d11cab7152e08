"""Files decoded ahead, in processes that may hang or die without harm to the rest."""

import contextlib
import multiprocessing
import multiprocessing.connection
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from resemul.audio.source import printable
from resemul.errors import AudioError, WorkerError
from resemul.runtime.worker_process import describe_exit, follow_parent
from resemul.tagging.listening import Heard, Listening, Piece, listen

# Pieces that wait for the model, for each process. They bound the memory, since a
# process that is further ahead waits.
_PIECES_AHEAD = 2

# Bytes that a decoder may allocate. A picture inside a song, or a header that lies,
# can ask for any amount.
_MAX_DECODER_BYTES = 2 * 2**30

_SECONDS_BETWEEN_LOOKS = 0.2

# Processes that are begun for one job before that is given up: the first may have been
# ended from outside.
_START_TRIES = 3


@dataclass(frozen=True)
class DecodeJob:
    """A file to be heard in one way; `number` is the caller's."""

    number: int
    path: str
    listening: Listening


@dataclass(frozen=True)
class Lost:
    """A file that could not be decoded, and why."""

    error: str
    # It was given up because it gave nothing for too long.
    is_timeout: bool = False
    # Its process ended: by the file, or from outside.
    is_death: bool = False


# What comes of a job: pieces, and at last one of the other two.
Decoded = tuple[DecodeJob, Piece | Heard | Lost]


class DecodersAhead:
    """Decodes files in worker processes; iterating gives what comes of each.

    Pieces of one job are in order, those of several may be mixed. A decoder that
    dies, or gives nothing for `timeout` seconds, costs its file only. A context
    manager: leaving it ends the processes.

    Args:
        jobs: taken one by one, as there are processes for them.
        num_workers: processes.
        timeout: in seconds, see above.
        spare: processes that were started already.
        is_wanted: whether a job that is being decoded goes on; asked at each piece.
    """

    def __init__(
        self,
        jobs: Iterable[DecodeJob],
        num_workers: int,
        timeout: float,
        spare: "SpareDecoders | None" = None,
        is_wanted: Callable[[DecodeJob], bool] = lambda job: True,
    ) -> None:
        self._is_wanted = is_wanted
        self._jobs = iter(jobs)
        self._jobs_lock = threading.Lock()
        self._timeout = timeout
        self._spare = spare
        self._stopped = threading.Event()
        self._ready: queue.Queue[Decoded | BaseException | None] = queue.Queue(
            _PIECES_AHEAD * num_workers
        )
        self._threads = [
            threading.Thread(target=self._serve, daemon=True)
            for _ in range(num_workers)
        ]
        self._num_running = num_workers

    def __enter__(self) -> "DecodersAhead":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """Gives nothing more to whoever iterates, who need not wait for a decoder."""
        self._stopped.set()
        with contextlib.suppress(queue.Full):
            self._ready.put_nowait(None)

    @property
    def has_more(self) -> bool:
        """Whether something is there now, without waiting."""
        return not self._ready.empty()

    def __iter__(self) -> Iterator[Decoded]:
        while self._num_running:
            item = self._ready.get()
            if self._stopped.is_set():
                return
            if item is None:
                self._num_running -= 1
            elif isinstance(item, BaseException):
                raise item
            else:
                yield item

    def _serve(self) -> None:
        """Gives one process its jobs, and passes on what it sends."""
        worker: _Worker | None = None
        try:
            for job in iter(self._next_job, None):
                worker = worker or self._start()
                for item in worker.decode(job, self._timeout, self._stopped):
                    self._put((job, item))
                    if isinstance(item, Piece) and not self._is_wanted(job):
                        worker.skip()
                if worker.is_lost:
                    worker.end()
                    worker = None
        except BaseException as error:  # to whoever iterates
            self._put(error)
        finally:
            if worker is not None:
                worker.end()
            self._put(None)

    def _start(self) -> "_Worker":
        for _ in range(_START_TRIES):
            worker = (self._spare and self._spare.take()) or _Worker()
            if worker.await_start():
                return worker
        how = worker.describe_exit()
        raise WorkerError(f"a process that decodes cannot start ({how})")

    def _next_job(self) -> DecodeJob | None:
        with self._jobs_lock:
            return None if self._stopped.is_set() else next(self._jobs, None)

    def _put(self, item: Decoded | BaseException | None) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._ready.put(item, timeout=_SECONDS_BETWEEN_LOOKS)
                return


class SpareDecoders:
    """Processes that start while a program still loads its models.

    A context manager: leaving it ends those that nobody has taken.
    """

    def __init__(self, num_workers: int) -> None:
        self._workers = [_Worker() for _ in range(num_workers)]

    def take(self) -> "_Worker | None":
        """One of them, for good; None if there is none left."""
        with contextlib.suppress(IndexError):
            return self._workers.pop()
        return None

    def await_start(self) -> None:
        """Waits until they have imported what they need."""
        for worker in self._workers:
            worker.await_start()

    def __enter__(self) -> "SpareDecoders":
        return self

    def __exit__(self, *_: object) -> None:
        while worker := self.take():
            worker.end()


class _Worker:
    """One process that decodes."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_decode_jobs, args=(theirs,), daemon=True
        )
        self._process.start()
        theirs.close()
        self.is_lost = False
        self._is_ready = False

    def decode(
        self, job: DecodeJob, timeout: float, stopped: threading.Event
    ) -> Iterator[Piece | Heard | Lost]:
        """Passes on what the process makes of a job; a process that fails is lost."""
        name = printable(job.path)
        try:
            self._connection.send(job)
            while True:
                if not self._wait(timeout, stopped):
                    self.is_lost = True
                    yield Lost(
                        f"{name} was given up: its decoder gave nothing for "
                        f"{timeout:g} s",
                        is_timeout=True,
                    )
                    return
                item = self._connection.recv()
                yield item
                if not isinstance(item, Piece):
                    return
        except (EOFError, OSError):
            self.is_lost = True
            how = self.describe_exit()
            yield Lost(f"{name} ended its decoder ({how})", is_death=True)

    def skip(self) -> None:
        """Asks the process to leave the rest of its file; what is left may be one."""
        with contextlib.suppress(OSError):  # what is read next tells
            self._connection.send(None)

    def end(self) -> None:
        """Ends the process, whatever it does."""
        self._connection.close()
        self._process.kill()
        self._process.join()

    def await_start(self) -> bool:
        """Waits until the process has imported what it needs; whether it lives."""
        if self._is_ready:
            return True
        try:
            self._connection.recv()
        except (EOFError, OSError):
            self._process.join(timeout=5)
            self._connection.close()
            return False
        self._is_ready = True
        return True

    def describe_exit(self) -> str:
        """How the process ended."""
        self._process.join(timeout=5)
        return describe_exit(self._process.exitcode)

    def _wait(self, timeout: float, stopped: threading.Event) -> bool:
        """Waits for a message; whether there is one."""
        waited = 0.0
        while waited < timeout and not stopped.is_set():
            step = min(_SECONDS_BETWEEN_LOOKS, timeout - waited)
            if self._connection.poll(step):
                return True
            waited += step
        return False


def _decode_jobs(connection: "multiprocessing.connection.Connection[Any, Any]") -> None:
    """What a process does: jobs in, pieces out, until nobody listens."""
    follow_parent()
    _limit_memory()
    with contextlib.suppress(EOFError, OSError):
        connection.send(None)  # ready: what it needs is imported
        while True:
            job: DecodeJob | None = connection.recv()
            if job is not None:  # None: to skip what had just ended
                _send_pieces(connection, job)


def _send_pieces(
    connection: "multiprocessing.connection.Connection[Any, Any]", job: DecodeJob
) -> None:
    for item in _decode(job):
        connection.send(item)
        if isinstance(item, Piece) and connection.poll():
            connection.recv()
            connection.send(Lost(f"{printable(job.path)} was not wanted any more"))
            return


def _decode(job: DecodeJob) -> Iterator[Piece | Heard | Lost]:
    try:
        yield from listen(job.path, job.listening)
    except AudioError as error:
        yield Lost(str(error))
    except MemoryError:
        yield Lost(f"{printable(job.path)}: there is not enough memory to decode it")


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (_MAX_DECODER_BYTES, hard))
