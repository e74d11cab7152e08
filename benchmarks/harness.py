"""Times variants of one job in turn, each in a process of its own.

What disturbs the machine for a while then disturbs all variants alike, and the peak
memory of a process is that of its variant.
"""

import math
import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

# Runs the job once. Jobs that time a part of themselves return its seconds, or its
# seconds and its processor seconds.
Job = Callable[[], tuple[float, float] | float | None]


@dataclass(frozen=True)
class Variant:
    """One way to do a job. `setup(*args)` runs in the variant's process."""

    name: str
    setup: Callable[..., Job]
    args: tuple[Any, ...] = ()
    # Rows are compared with the variant that is marked so.
    is_reference: bool = False


@dataclass
class Measurement:
    """Seconds per run, and the peak resident memory of the process in bytes."""

    name: str
    seconds: list[float] = field(default_factory=list)
    # Processor time of the variant's process: what a busy machine hides least.
    cpu_seconds: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    is_reference: bool = False
    # Why there are no numbers.
    problem: str = ""

    @property
    def median(self) -> float:
        """Median seconds; NaN without a run."""
        return statistics.median(self.seconds) if self.seconds else math.nan

    @property
    def cpu_median(self) -> float:
        """Median processor seconds; NaN without a run."""
        return statistics.median(self.cpu_seconds) if self.cpu_seconds else math.nan

    @property
    def spread(self) -> tuple[float, float]:
        """Fastest and slowest run, in seconds."""
        if not self.seconds:
            return math.nan, math.nan
        return min(self.seconds), max(self.seconds)


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._started, self._cpu_started = time.perf_counter(), _cpu_seconds()

    def read(self) -> tuple[float, float]:
        """Seconds since then, and processor seconds of this process and its workers."""
        seconds = time.perf_counter() - self._started
        return seconds, _cpu_seconds() - self._cpu_started


def measure(variants: Sequence[Variant], rounds: int) -> list[Measurement]:
    """Runs every variant once per round, in turn; one run before is not counted."""
    workers = [_Worker(variant) for variant in variants]
    try:
        for worker in workers:  # one after the other, so that set-ups do not compete
            worker.start()
        for number in range(rounds + 1):
            for worker in workers:
                worker.run(count=number > 0)
    finally:
        for worker in workers:
            worker.stop()
    return [worker.measurement for worker in workers]


class _Worker:
    def __init__(self, variant: Variant) -> None:
        self._variant = variant
        self.measurement = Measurement(variant.name, is_reference=variant.is_reference)

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._variant))
        self._process.start()
        theirs.close()
        self._receive()

    def run(self, count: bool) -> None:
        if self.measurement.problem:
            return
        self._pipe.send("run")
        answer = self._receive()
        if answer is not None and count:
            self.measurement.seconds.append(answer[0])
            self.measurement.cpu_seconds.append(answer[1])

    def stop(self) -> None:
        if not hasattr(self, "_process"):
            return
        if not self.measurement.problem:
            self._pipe.send("stop")
            answer = self._receive()
            if answer is not None:
                self.measurement.peak_bytes = answer
        self._process.join(10)
        self._process.kill()

    def _receive(self) -> Any:
        # What a process that was aborted has forked, such as the compilers of PyTorch,
        # goes on and keeps the pipe open; so the process is looked at, too.
        while not self._pipe.poll(1) and self._process.is_alive():
            pass
        try:
            answer = self._pipe.recv() if self._pipe.poll() else _DIED
        except EOFError:
            answer = _DIED
        if isinstance(answer, str):
            self.measurement.problem = answer
            return None
        return answer


def _serve(pipe: Connection, variant: Variant) -> None:
    try:
        job = variant.setup(*variant.args)
        pipe.send(())
        while pipe.recv() == "run":
            watch = Stopwatch()
            timed = job()
            seconds, cpu_seconds = watch.read()
            if isinstance(timed, tuple):
                seconds, cpu_seconds = timed
            elif timed is not None:
                seconds = timed
            pipe.send((seconds, cpu_seconds))
        pipe.send(_peak_bytes())
    except (EOFError, BrokenPipeError):
        return  # whoever measured has gone
    except ImportError as error:
        pipe.send(f"not installed ({error.name})")
    except Exception as error:
        # On one line, as it goes into a table.
        reason = " ".join(str(error).split())[:200]
        pipe.send(f"failed: {type(error).__name__}: {reason}")


def _cpu_seconds() -> float:
    """Of this process, its children that have ended, and its worker processes."""
    usages = [resource.getrusage(who) for who in _WHO]
    ended = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    return ended + sum(
        _cpu_seconds_of(child.pid) for child in multiprocessing.active_children()
    )


def _cpu_seconds_of(pid: int | None) -> float:
    """Of a process that runs; 0 where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    # After the name, which is in parentheses and may hold anything: state, parent, ...
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _peak_bytes() -> int:
    """Of this process, or of its largest child if that is larger."""
    return max(resource.getrusage(who).ru_maxrss for who in _WHO) * 1024


_DIED = "failed: its process died"
_WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
