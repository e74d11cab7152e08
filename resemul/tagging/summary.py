"""What a run over many files came to."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from resemul.tagging.results import FAILED, SHORT, SILENT, TAGGED, TagResult


class Summary:
    """Counts files, and how fast they went."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._counts: Counter[str] = Counter()
        self._num_skipped = 0
        self._seconds = 0.0

    @property
    def num_failed(self) -> int:
        """Files that could not be tagged."""
        return self._counts[FAILED]

    def add(self, results: Sequence[TagResult], is_known: bool) -> None:
        """Counts a file by its results; one that is known was not done again."""
        # Of models at other rates one may fail where another does not.
        statuses = [result.status for result in results]
        worst = max(statuses, key=(TAGGED, SHORT, SILENT, FAILED).index)
        self._counts[worst] += 1
        if is_known:
            self._num_skipped += 1
        else:
            self._seconds += max(result.seconds for result in results)

    def describe_hours(self) -> str:
        """Hours of audio in a minute, so far."""
        return f"{self._seconds / 3600 / self._minutes():.1f} hours of audio/min"

    def describe(self, share_heard: float = 1.0) -> str:
        """The last line of a run."""
        counts = [
            f"{self._counts[status]:,} {status}"
            for status in (TAGGED, SHORT, SILENT, FAILED)
            if self._counts[status] or status in (TAGGED, FAILED)
        ]
        line = ", ".join(counts)
        if self._num_skipped:
            line += f" ({self._num_skipped:,} of them by an earlier run)"
        if self._seconds:
            num_done = sum(self._counts.values()) - self._num_skipped
            rate = num_done / self._minutes()
            line += f"; {rate:,.0f} files/min, {self.describe_hours()}"
        if share_heard < 0.99:
            line += f"; {share_heard:.0%} of each file was heard"
        return line

    def _minutes(self) -> float:
        return max(self._clock() - self._started, 1e-6) / 60
