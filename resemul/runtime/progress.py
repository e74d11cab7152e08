"""How far a long job is: a line on the terminal, or a log line now and then."""

import logging
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

logger = logging.getLogger(__name__)

# Amounts counted in this unit are written as KB, MB and so on.
BYTES = "B"

# Seconds between two lines: a terminal shows motion, a log file should stay short.
_TERMINAL_INTERVAL_SECONDS = 0.2
_LOG_INTERVAL_SECONDS = 10.0

_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """Counts up to `total` and shows amount, percent, rate and time left.

    On a terminal one line is redrawn; elsewhere a line is logged at most every
    ten seconds, and one at the end. A context manager: leaving it calls `close`.

    Args:
        total: how many units there are to do; None if that is not known.
        unit: name of the units, in the plural ("clips"), or `BYTES`.
        label: what is being done, at the front of the line.
        done: units that an earlier run finished; they do not count for the rate.
        stream: where the line goes; None is the standard error of the moment.
        clock: seconds, increasing.
    """

    def __init__(
        self,
        total: int | None,
        unit: str,
        label: str,
        *,
        done: int = 0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = total
        self.unit = unit
        self.label = label
        self.done = done
        self._done_before = done
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._started = clock()
        self._is_terminal = self._stream.isatty()
        self._interval = (
            _TERMINAL_INTERVAL_SECONDS if self._is_terminal else _LOG_INTERVAL_SECONDS
        )
        self._shown_at = self._started
        self._closed = False

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def advance(self, amount: int = 1) -> None:
        """Adds `amount` finished units; negative if some have to be done again."""
        self.done += amount
        if self._clock() - self._shown_at >= self._interval:
            self._show()

    def close(self) -> None:
        """Shows the last state and ends the line; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._show()
        if self._is_terminal:
            self._stream.write("\n")
            self._stream.flush()

    def describe(self) -> str:
        """The line, such as "build: 50/200 clips (25%), 10.0 clips/s, 0:15 left"."""
        seconds = self._clock() - self._started
        rate = (self.done - self._done_before) / seconds if seconds > 0 else 0.0
        parts = [self._amount()]
        if rate > 0:
            parts.append(f"{self._rate(rate)}/s")
        if self._closed:
            parts.append(f"took {format_seconds(seconds)}")
        elif self.total is not None and rate > 0:
            left = max(self.total - self.done, 0) / rate
            parts.append(f"{format_seconds(left)} left")
        return f"{self.label}: {', '.join(parts)}"

    def _amount(self) -> str:
        if self.unit == BYTES:
            done, unit = format_bytes(self.done), ""
            total = None if self.total is None else format_bytes(self.total)
        else:
            done, unit = str(self.done), f" {self.unit}"
            total = None if self.total is None else str(self.total)
        if total is None:
            return f"{done}{unit}"
        percent = 100 * self.done // self.total if self.total else 100
        return f"{done}/{total}{unit} ({percent}%)"

    def _rate(self, rate: float) -> str:
        if self.unit == BYTES:
            return format_bytes(rate)
        return f"{rate:.1f} {self.unit}"

    def _show(self) -> None:
        self._shown_at = self._clock()
        if self._is_terminal:
            self._stream.write(f"{_CLEAR_LINE}{self.describe()}")
            self._stream.flush()
        else:
            logger.info("%s", self.describe())


def format_bytes(num_bytes: float) -> str:
    """Writes a size in decimal units: "512 B", "1.5 MB", "3.0 GB"."""
    if num_bytes < 1000:
        return f"{num_bytes:.0f} B"
    for unit in ("KB", "MB", "GB"):
        num_bytes /= 1000
        if num_bytes < 1000:
            return f"{num_bytes:.1f} {unit}"
    return f"{num_bytes / 1000:.1f} TB"


def format_seconds(seconds: float) -> str:
    """Writes a duration as "0:05", "12:34" or "1:02:03"."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}"
