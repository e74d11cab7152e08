"""How far a long job is: a bar on the terminal, or a log line now and then."""

import io
import logging
import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

logger = logging.getLogger(__name__)

# Amounts counted in this unit are written as kB, MB and so on.
BYTES = "B"

# A log file should stay short.
_LOG_INTERVAL_SECONDS = 10.0
_LINE = (
    "{desc}: {n_fmt}/{total_fmt}{unit} ({percentage:.0f}%), {rate_noinv_fmt}{postfix}"
)
_LINE_WITHOUT_TOTAL = "{desc}: {n_fmt}{unit}, {rate_noinv_fmt}{postfix}"
_BAR = (
    "{l_bar}{bar}| {n_fmt}/{total_fmt}{unit} [{elapsed}<{remaining}, {rate_noinv_fmt}"
    "{postfix}]"
)


class _Bar(tqdm):
    monitor_interval = 0  # no thread


class Progress:
    """Counts up to `total` and shows amount, percent, rate and time left.

    On a terminal (standard error) it is a bar; elsewhere a line is logged at most every
    ten seconds, and one at the end. A context manager: leaving it calls `close`.

    Args:
        total: how many units there are to do; None if that is not known.
        unit: name of the units, in the plural ("clips"), or `BYTES`.
        label: what is being done, at the front of the line.
        done: units that an earlier run finished; they do not count for the rate.
    """

    def __init__(
        self, total: int | None, unit: str, label: str, *, done: int = 0
    ) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._logged_at = time.monotonic()
        self._bar = _Bar(
            total=total,
            initial=done,
            desc=label,
            unit=unit if unit == BYTES else f" {unit}",
            unit_scale=unit == BYTES,
            smoothing=0,  # so that the time left does not jump
            dynamic_ncols=True,
            bar_format=_BAR if total else None,
            file=None if self._is_terminal else io.StringIO(),
            mininterval=0.2 if self._is_terminal else sys.maxsize,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def done(self) -> int:
        """Units that are finished."""
        return self._bar.n

    def advance(self, amount: int = 1) -> None:
        """Adds `amount` finished units; negative if some have to be done again."""
        self._bar.update(amount)
        if not self._is_terminal and self._is_due():
            self._log(", {remaining} left" if self._bar.total else "")

    def note(self, text: str) -> None:
        """Says something more from now on, at the end of the line."""
        self._bar.set_postfix_str(text, refresh=False)

    def close(self) -> None:
        """Shows the last state and ends the line; a second call does nothing."""
        if self._bar.disable:
            return
        if not self._is_terminal:
            self._log(", took {elapsed}")
        self._bar.close()

    def _is_due(self) -> bool:
        return time.monotonic() - self._logged_at >= _LOG_INTERVAL_SECONDS

    def _log(self, ending: str) -> None:
        self._logged_at = time.monotonic()
        state = self._bar.format_dict
        line = _LINE if state["total"] is not None else _LINE_WITHOUT_TOTAL
        text = tqdm.format_meter(**{**state, "bar_format": line + ending})
        logger.info("%s", " ".join(text.split()))  # tqdm fills numbers up


def format_bytes(num_bytes: float) -> str:
    """Writes a size in decimal units: "512 B", "1.5 MB", "3.0 GB"."""
    if num_bytes < 1000:
        return f"{num_bytes:.0f} B"
    for unit in ("KB", "MB", "GB"):
        num_bytes /= 1000
        if num_bytes < 1000:
            return f"{num_bytes:.1f} {unit}"
    return f"{num_bytes / 1000:.1f} TB"
