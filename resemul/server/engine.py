"""Files of many clients through the same models: one line, full batches.

Processes decode ahead; one thread runs the models on whatever is there, so that
segments of several clients share a batch and a lone file does not wait for others.
"""

import itertools
import logging
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from resemul.errors import WeightsError
from resemul.server.metrics import Metrics
from resemul.server.problems import Problem
from resemul.server.work import CANCELLED, DONE, FAILED, WAITING, WORKING, Work
from resemul.tagging.decoding import DecodeJob, DecodersAhead, Lost
from resemul.tagging.gathered import Gathered
from resemul.tagging.listening import Heard, Listening, Piece
from resemul.tagging.tagger import Tagger

logger = logging.getLogger(__name__)

# Lossy formats add a little to the length of a file.
_SPARE_SECONDS = 1.0


@dataclass(eq=False)
class _Open:
    """A job of a work that is with the decoders, and the models that wait for it."""

    work: Work
    names: list[str]
    # Whether it is with them again, since its decoder was ended the first time.
    is_repeated: bool = False


@dataclass(frozen=True, eq=False)
class _Entry:
    """What was decoded of a file for some models, and waits for them."""

    job: DecodeJob
    work: Work
    names: list[str]
    item: Any


class Engine:
    """Tags files of a bounded line, through models that are loaded once.

    Args:
        taggers: by the name that clients use.
        num_workers: processes that decode.
        capacity: files that may wait or be at work.
        timeout: seconds after which a decoder that gives nothing is given up, and a
            file that has not begun.
        max_seconds: of sound in a file.
        metrics: what is counted.
    """

    def __init__(
        self,
        taggers: Mapping[str, Tagger],
        *,
        num_workers: int,
        capacity: int,
        timeout: float,
        max_seconds: float,
        metrics: Metrics,
    ) -> None:
        self.taggers = dict(taggers)
        self._capacity = capacity
        self._timeout = timeout
        self._max_seconds = max_seconds
        self._metrics = metrics
        metrics.queue.set_function(lambda: len(self._unfinished()))
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[DecodeJob | None] = queue.SimpleQueue()
        self._open: dict[tuple[int, Listening], _Open] = {}
        self._waiting: list[_Entry] = []
        self._decoders = DecodersAhead(
            self._feed(), num_workers, timeout, is_wanted=self._is_wanted
        )
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self.is_running = False

    def start(self) -> None:
        """Runs each model once, so that the first client does not wait for that."""
        for tagger in self.taggers.values():
            tagger.predict(np.zeros((1, tagger.card.num_samples), "float32"))
        self.is_running = True
        self._thread.start()

    def stop(self) -> None:
        """Ends at once; what is not done is cancelled."""
        self._end_all(CANCELLED, "The service is stopping.")
        self._jobs.put(None)
        self._decoders.stop()
        if self._thread.is_alive():
            self._thread.join()

    def submit(self, works: list[Work]) -> None:
        """Puts files in the line, all of them or none.

        Raises:
            Problem: there is no room (429), or the service does not run (503).
        """
        with self._lock:
            self.require_room(len(works))
            for work in works:
                self._enqueue(next(self._numbers), work)

    def require_room(self, num_files: int = 1) -> None:
        """Refuses what would be refused by `submit` at this moment.

        Raises:
            Problem: there is no room (429), or the service does not run (503).
        """
        if not self.is_running:
            raise Problem(503, "The service is not ready.", {"retry-after": "5"})
        num_unfinished = len(self._unfinished())
        if num_unfinished + num_files > self._capacity:
            raise Problem(
                429,
                f"{num_unfinished} files are waiting or at work, and "
                f"{self._capacity} may; try again later.",
                {"retry-after": str(1 + num_unfinished // 4)},
            )

    def sweep(self) -> None:
        """Gives up what has waited too long to begin."""
        now = time.monotonic()
        for work in self._unfinished():
            if work.state == WAITING and now - work.created > self._timeout:
                work.end(FAILED, Problem(504, "The file waited too long to begin."))

    def _unfinished(self) -> list[Work]:
        works = {id(job.work): job.work for job in list(self._open.values())}
        return [work for work in works.values() if not work.is_over.is_set()]

    def _end_all(self, state: str, detail: str) -> None:
        self.is_running = False
        for work in self._unfinished():
            work.end(state, Problem(503, detail))

    def _enqueue(self, number: int, work: Work) -> None:
        names_of: dict[Listening, list[str]] = {}
        for name in work.models:
            tagger = self.taggers[name]
            listening = replace(
                tagger.listening,
                with_envelope=True,
                max_seconds=self._max_seconds + _SPARE_SECONDS,
            )
            if work.hop is not None:
                hop = max(1, round(work.hop * listening.audio.sample_rate))
                listening = replace(listening, hop=hop)
            names_of.setdefault(listening, []).append(name)
            work.gathered[name] = Gathered()
        work.num_open = len(names_of)
        for listening, names in names_of.items():
            self._open[number, listening] = _Open(work, names)
            self._jobs.put(DecodeJob(number, str(work.path), listening))

    def _feed(self) -> Iterator[DecodeJob]:
        """Jobs as they come, until the service stops."""
        for job in iter(self._jobs.get, None):
            if not self._open[job.number, job.listening].work.is_over.is_set():
                yield job
            else:
                self._close(job)

    def _is_wanted(self, job: DecodeJob) -> bool:
        opened = self._open.get((job.number, job.listening))
        return opened is not None and not opened.work.is_over.is_set()

    def _run(self) -> None:
        with self._decoders as decoders:
            try:
                for job, item in decoders:
                    self._take(job, item)
                    if not decoders.has_more or self._num_waiting() >= 64:
                        self._predict()
                    if not self.is_running:
                        return
            except Exception:
                logger.exception("the engine has stopped")
                self._end_all(FAILED, "The service has failed.")
            finally:
                self._jobs.put(None)  # what waits for the next job goes home

    def _num_waiting(self) -> int:
        return sum(len(e.item.samples) for e in self._waiting if _is_piece(e))

    def _take(self, job: DecodeJob, item: Piece | Heard | Lost) -> None:
        opened = self._open[job.number, job.listening]
        work = opened.work
        if work.is_over.is_set():
            if not isinstance(item, Piece):
                self._close(job)
            return
        work.state = WORKING
        if isinstance(item, Lost) and item.is_death and not opened.is_repeated:
            self._repeat(job, opened)
            return
        self._waiting.append(_Entry(job, work, opened.names, item))

    def _repeat(self, job: DecodeJob, opened: _Open) -> None:
        """Begins anew: what ended the decoder may have come from outside."""
        logger.warning("a decoder was ended; its file is tried again")
        opened.is_repeated = True
        waiting = [entry for entry in self._waiting if entry.job is not job]
        self._waiting = waiting
        gathered = opened.work.gathered
        gathered.update({name: Gathered() for name in opened.names})
        self._jobs.put(job)

    def _predict(self) -> None:
        """Empties the line: one batch for each way of hearing and model."""
        waiting, self._waiting = self._waiting, []
        pieces_of: dict[tuple[Listening, str], list[_Entry]] = {}
        for entry in filter(_is_piece, waiting):
            for name in entry.names:
                pieces_of.setdefault((entry.job.listening, name), []).append(entry)
        for (_, name), entries in pieces_of.items():
            self._predict_model(self.taggers[name], name, entries)
        for entry in waiting:
            if isinstance(entry.item, Piece):
                entry.work.seconds_heard = float(entry.item.ends[-1])
            else:
                self._finish(entry, entry.item)
                self._close(entry.job)

    def _predict_model(self, tagger: Tagger, name: str, entries: list[_Entry]) -> None:
        samples = np.concatenate([entry.item.samples for entry in entries])
        self._metrics.batch_size.observe(len(samples))
        scores = tagger.predict(samples)
        start = 0
        for entry in entries:
            place = slice(start, start + len(entry.item.samples))
            start = place.stop
            embeddings = _embed(tagger, entry)
            gathered = entry.work.gathered.get(name)
            if gathered is not None:  # it may have ended meanwhile
                gathered.add(entry.item, scores[place], embeddings)

    def _finish(self, entry: _Entry, item: Heard | Lost) -> None:
        work, gathered = entry.work, entry.work.gathered
        if work.is_over.is_set():
            return
        if isinstance(item, Lost):
            status = 504 if item.is_timeout else 422
            detail = item.error.replace(str(work.path), work.name)
            work.end(FAILED, Problem(status, detail))
            return
        if item.seconds > self._max_seconds + 0.9 * _SPARE_SECONDS:
            detail = f"{work.name} is longer than {self._max_seconds:g} seconds."
            work.end(FAILED, Problem(422, detail))
            return
        for name in entry.names:
            result = self.taggers[name].result(work.name, item, gathered[name])
            work.results.append(result.replace(model=name))
        work.num_open -= 1
        if not work.num_open:
            work.results.sort(key=lambda result: work.models.index(result.model))
            self._metrics.audio_seconds.inc(item.seconds)
            work.end(DONE)

    def _close(self, job: DecodeJob) -> None:
        """Forgets a job; its work is known as long as one of its jobs is."""
        del self._open[job.number, job.listening]


def _embed(tagger: Tagger, entry: _Entry) -> np.ndarray | None:
    """The embeddings of a piece, if they are wanted; without them the file fails."""
    if not entry.work.with_embeddings:
        return None
    try:
        return tagger.embed_segments(entry.item.samples)
    except WeightsError as error:
        entry.work.end(FAILED, Problem(422, f"{error}."))
        return None


def _is_piece(entry: _Entry) -> bool:
    return isinstance(entry.item, Piece)
