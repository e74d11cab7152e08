"""Can every annotated file be used? Asked before hours of building and training."""

import csv
import logging
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from resemul.audio import load_waveform
from resemul.configs import BuildConfig
from resemul.datasets import Annotations
from resemul.datasets.mtt import KNOWN_EMPTY_FILES
from resemul.errors import AudioError, DatasetError, ResemulError
from resemul.runtime.progress import Progress
from resemul.runtime.workers import worker_pool

logger = logging.getLogger(__name__)

MISSING = "missing"
UNREADABLE = "unreadable"
SHORT = "short"
# Empty in the published archive too: nothing that the user could repair.
KNOWN_EMPTY = "known-empty"
STATUSES = (MISSING, UNREADABLE, SHORT, KNOWN_EMPTY)

# Files handed to a pool at a time. If a worker dies, what was not finished of them
# is looked at again, one by one.
_BATCH_FILES = 200

Loader = Callable[[Path, int, float | None, str], np.ndarray]


@dataclass(frozen=True)
class Finding:
    """One file that cannot be used, and why.

    `seconds` is what could be decoded, at most the length that is asked for; None
    if nothing was.
    """

    clip_id: str
    path: str
    status: str
    reason: str
    seconds: float | None = None


@dataclass(frozen=True)
class Verification:
    """What came out, in the order of the annotations."""

    num_files: int
    findings: list[Finding]

    @property
    def num_unknown(self) -> int:
        """How many files have something wrong that is not known of the data set."""
        return sum(finding.status != KNOWN_EMPTY for finding in self.findings)

    def summary(self) -> str:
        """One line, such as "200 files: 198 good, 2 missing"."""
        counts = Counter(finding.status for finding in self.findings)
        parts = [f"{self.num_files - len(self.findings)} good"]
        parts += [f"{counts[status]} {status}" for status in STATUSES if counts[status]]
        return f"{self.num_files} files: {', '.join(parts)}"


@dataclass(frozen=True)
class _Job:
    clip_id: str
    path: Path
    is_known_empty: bool


def verify_audio(
    annotations: Annotations,
    config: BuildConfig,
    *,
    decode: bool = True,
    num_workers: int = 1,
    load: Loader = load_waveform,
) -> Verification:
    """Looks at the audio file of every track.

    Args:
        annotations: the tracks.
        config: what to build of them; a file must hold a clip's worth of segments.
        decode: decode each file; else only ask whether it is there and not empty.
        num_workers: processes that decode; each may die without taking others along.
        load: decodes one file; an importable function.

    Raises:
        DatasetError: worker processes cannot be started.
    """
    jobs = [
        _Job(
            clip_id=track.clip_id,
            path=annotations.audio_dir / track.path,
            is_known_empty=track.path.as_posix() in KNOWN_EMPTY_FILES,
        )
        for track in annotations.tracks
    ]
    check = partial(_check_audio, config=config, load=load) if decode else _check_file
    findings: dict[str, Finding] = {}
    results = _run(check, jobs, num_workers) if decode else map(check, jobs)
    with Progress(len(jobs), "files", "verify") as progress:
        for finding in results:
            progress.advance()
            if finding is not None:
                findings[finding.clip_id] = finding
    in_order = [findings[job.clip_id] for job in jobs if job.clip_id in findings]
    return Verification(len(jobs), in_order)


def write_findings(findings: Sequence[Finding], file: IO[str]) -> None:
    """Writes the findings as CSV: a header, then one line for each."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(field.name for field in fields(Finding))
    writer.writerows(astuple(finding) for finding in findings)


def _check_file(job: _Job) -> Finding | None:
    """Looks at what the file system tells."""
    try:
        size = job.path.stat().st_size
    except FileNotFoundError:
        return _finding(job, MISSING, "does not exist")
    except OSError as error:
        return _finding(job, UNREADABLE, error.strerror or str(error))
    if not job.path.is_file():
        return _finding(job, UNREADABLE, "is not a file")
    if size == 0 and job.is_known_empty:
        return _finding(job, KNOWN_EMPTY, "is empty in the published archive too")
    if size == 0:
        return _finding(job, UNREADABLE, "is empty (0 bytes)")
    return None


def _check_audio(job: _Job, config: BuildConfig, load: Loader) -> Finding | None:
    """Decodes the file as far as the records need it; runs in a worker."""
    finding = _check_file(job)
    if finding is not None:
        return finding
    try:
        waveform = load(
            job.path, config.sample_rate, config.clip_seconds, config.decoder
        )
    except AudioError as error:
        return _finding(job, UNREADABLE, str(error).removeprefix(f"{job.path} "))
    except (ImportError, ResemulError):
        raise  # no decoder at all: that is not about this file
    except Exception as error:
        # One odd file must not end the look at thousands; the list names the error.
        return _finding(job, UNREADABLE, f"{type(error).__name__}: {error}")
    num_segments = len(waveform) // config.num_samples
    if num_segments >= config.segments_per_clip:
        return None
    return Finding(
        clip_id=job.clip_id,
        path=str(job.path),
        status=SHORT,
        reason=f"holds {num_segments} of {config.segments_per_clip} whole segments",
        seconds=round(len(waveform) / config.sample_rate, 3),
    )


def _finding(job: _Job, status: str, reason: str) -> Finding:
    return Finding(job.clip_id, str(job.path), status, reason)


def _run(
    check: Callable[[_Job], Finding | None], jobs: list[_Job], num_workers: int
) -> Iterator[Finding | None]:
    """Yields one result for each job, in any order."""
    position = 0
    while position < len(jobs):
        with worker_pool(num_workers) as pool:
            while position < len(jobs):
                batch = jobs[position : position + _BATCH_FILES]
                position += len(batch)
                unfinished = yield from _run_batch(pool, check, batch)
                if unfinished:
                    break
            else:
                return
        # Somebody in there kills workers: with one file at a time we see who.
        yield from _run_one_by_one(check, unfinished)


def _run_batch(
    pool: ProcessPoolExecutor,
    check: Callable[[_Job], Finding | None],
    batch: list[_Job],
) -> Generator[Finding | None, None, list[_Job]]:
    """Yields results; returns the jobs that were lost because a worker died."""
    futures: dict[Future[Finding | None], _Job] = {}
    unfinished: list[_Job] = []
    for job in batch:
        try:
            futures[pool.submit(check, job)] = job
        except BrokenProcessPool:
            unfinished.append(job)
    for future in as_completed(futures):
        try:
            finding = future.result()
        except BrokenProcessPool:
            unfinished.append(futures[future])
            continue
        yield finding
    return unfinished


def _run_one_by_one(
    check: Callable[[_Job], Finding | None], jobs: list[_Job]
) -> Iterator[Finding | None]:
    position = 0
    while position < len(jobs):
        with worker_pool(1) as pool:
            _require_running(pool)
            for job in jobs[position:]:
                position += 1
                try:
                    finding = pool.submit(check, job).result()
                except BrokenProcessPool:
                    logger.warning("%s crashes the decoder", job.path)
                    yield _finding(job, UNREADABLE, "crashes the decoder's process")
                    break
                yield finding


def _require_running(pool: ProcessPoolExecutor) -> None:
    """Tells a process that a file kills from one that never starts."""
    try:
        pool.submit(os.getpid).result()
    except BrokenProcessPool as error:
        raise DatasetError(
            "no audio file was decoded, because worker processes die at their start; "
            "is there enough memory? try --num-workers 1"
        ) from error
