"""Requests for tags, from their files on the disk to their results."""

import asyncio
import contextlib
import secrets
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resemul.configs.tagging import ShowConfig
from resemul.server.problems import Problem
from resemul.server.wishes import Wishes
from resemul.server.work import CANCELLED, DONE, Work

# Results that are kept at most, however many are asked for in a short time.
_MAX_KEPT = 1000


@dataclass(eq=False)
class Job:
    """The files of one request, and how its client wants to see their tags.

    Made in the event loop that will wait for it, before its works begin.
    """

    works: list[Work]
    folder: Path
    show: ShowConfig
    wishes: Wishes
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    ended: float | None = None

    def __post_init__(self) -> None:
        self._over = asyncio.Event()
        loop = asyncio.get_running_loop()

        def tell() -> None:
            if self.is_over:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._over.set)

        for work in self.works:
            work.when_over = tell

    @property
    def is_over(self) -> bool:
        """Whether every file is done, has failed or was cancelled."""
        return all(work.is_over.is_set() for work in self.works)

    @property
    def state(self) -> str:
        """That of its files together."""
        states = {work.state for work in self.works}
        if not self.is_over:
            return "waiting" if states == {"waiting"} else "working"
        return CANCELLED if states == {CANCELLED} else DONE

    def status(self) -> dict[str, Any]:
        """What `GET /jobs/{id}` says, without results."""
        return {
            "id": self.id,
            "state": self.state,
            "files": [
                {
                    "name": work.name,
                    "state": work.state,
                    "seconds_heard": round(work.seconds_heard, 1),
                    "error": work.problem.detail if work.problem else None,
                }
                for work in self.works
            ],
        }

    def cancel(self) -> None:
        """Ends what is not over."""
        for work in self.works:
            work.end(CANCELLED, Problem(409, "The job was cancelled."))

    async def wait(self, seconds: float) -> bool:
        """Waits until it is over, at most so long; returns whether it is."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
        return self.is_over


class Jobs:
    """The jobs that can be asked for; a job's files go when it is over."""

    def __init__(self, keep_seconds: float) -> None:
        self._keep_seconds = keep_seconds
        self._jobs: dict[str, Job] = {}

    def add(self, job: Job) -> None:
        """Lets a job be found by its id."""
        self._jobs[job.id] = job

    def find(self, job_id: str) -> Job:
        """The job of this id.

        Raises:
            Problem: there is none.
        """
        if job_id not in self._jobs:
            raise Problem(404, "There is no such job, or its result was not kept.")
        return self._jobs[job_id]

    def remove(self, job: Job) -> None:
        """Forgets a job and its files."""
        job.cancel()
        self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    def sweep(self) -> None:
        """Removes the files of jobs that are over, and jobs that are old."""
        now = time.monotonic()
        for job in list(self._jobs.values()):
            if job.is_over and job.ended is None:
                job.ended = now
                shutil.rmtree(job.folder, ignore_errors=True)
            if job.ended is not None and now - job.ended > self._keep_seconds:
                self.remove(job)
        ended = [job for job in list(self._jobs.values()) if job.ended is not None]
        for job in ended[: max(0, len(ended) - _MAX_KEPT)]:
            self.remove(job)
