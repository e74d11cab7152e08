"""A file that is to be tagged: what its client, its job and the engine know of it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from resemul.server.problems import Problem
from resemul.tagging.gathered import Gathered
from resemul.tagging.results import TagResult

WAITING, WORKING, DONE, FAILED, CANCELLED = (
    "waiting",
    "working",
    "done",
    "failed",
    "cancelled",
)


@dataclass(eq=False)
class Work:
    """A file to be tagged by some models, and how far that is.

    Changed by the engine's thread; others read it, and may end it at any moment.
    """

    name: str
    path: Path
    models: tuple[str, ...]
    hop: float | None = None
    with_embeddings: bool = False
    state: str = WAITING
    created: float = field(default_factory=time.monotonic)
    # Seconds of sound that went through the models so far.
    seconds_heard: float = 0.0
    results: list[TagResult] = field(default_factory=list)
    problem: Problem | None = None
    is_over: threading.Event = field(default_factory=threading.Event)
    # By model. Whoever works on it takes the dictionary once: the end takes it away.
    gathered: dict[str, Gathered] = field(default_factory=dict)
    # Ways of hearing the file that are not at its end.
    num_open: int = 0
    # Called once, when it is over, by whichever thread ends it.
    when_over: Callable[[], None] = lambda: None
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def end(self, state: str, problem: Problem | None = None) -> None:
        """Says how it ended; only the first to say so is heard."""
        with self._lock:
            if self.is_over.is_set():
                return
            self.state, self.problem = state, problem
            self.gathered = {}
            self.is_over.set()
            # It leads back to the job of the work: a circle that would be kept a while.
            when_over, self.when_over = self.when_over, _do_nothing
        when_over()


def _do_nothing() -> None:
    pass
