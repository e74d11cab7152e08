"""Signals that ask a program to end, treated like Ctrl-C."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# SIGTERM: kill, a batch system, a shutdown; SIGHUP: the terminal was closed.
_NAMES = ("SIGTERM", "SIGHUP")


class Stopped(KeyboardInterrupt):
    """The program was asked to end; `exit_status` is what it ends with."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_status = 128 + number


@contextmanager
def signals_stop() -> Iterator[None]:
    """Raises `Stopped` in the block when such a signal comes.

    A signal that is ignored (by `nohup`, say) stays so. Only the main thread can
    receive them; in others this does nothing.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in _NAMES:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)
