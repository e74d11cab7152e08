"""Shard jobs over worker processes, of which any may die at any time."""

import dataclasses
import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from resemul.errors import DatasetError
from resemul.records.manifest import ShardResult
from resemul.records.plan import ShardJob
from resemul.records.write import CURRENT_CLIP_SUFFIX, write_shard
from resemul.runtime.tensorflow import import_tensorflow
from resemul.runtime.workers import worker_pool

logger = logging.getLogger(__name__)

# A job that was running at this many deaths of a worker is run alone from then on.
_MAX_SHARED_DEATHS = 2
# A clip that was being decoded at this many deaths of a lone worker is skipped.
_MAX_LONE_DEATHS = 2
# So often all workers may die before any of them has begun a clip.
_MAX_FAILED_STARTS = 3


def run_jobs(
    jobs: list[ShardJob], folder: Path, state_folder: Path, num_workers: int
) -> Iterator[ShardResult]:
    """Runs the jobs; yields each result as it comes.

    A worker that dies takes no other job with it: what was not finished is run
    again. A clip that kills its worker each time is left out.
    """
    pending = {job.file: job for job in jobs}
    deaths: Counter[str] = Counter()
    num_failed_starts = 0
    while pending:
        batch = [
            job for job in pending.values() if deaths[job.file] < _MAX_SHARED_DEATHS
        ]
        if not batch:
            break
        for result in _run_batch(batch, folder, state_folder, num_workers):
            del pending[result.file]
            yield result
        died = [job for job in batch if _marker(job, state_folder).exists()]
        for job in died:
            logger.warning("a worker process died while it wrote %s", job.file)
            deaths[job.file] += 1
            _marker(job, state_folder).unlink()
        if pending and not died:
            num_failed_starts += 1
            if num_failed_starts == _MAX_FAILED_STARTS:
                raise DatasetError(
                    "worker processes die before they begin; is there enough memory? "
                    "Try fewer workers"
                )
    for job in pending.values():
        yield _run_alone(job, folder, state_folder)


def _run_alone(job: ShardJob, folder: Path, state_folder: Path) -> ShardResult:
    deaths: Counter[str] = Counter()
    while True:
        for result in _run_batch([job], folder, state_folder, 1):
            return result
        marker = _marker(job, state_folder)
        clip_id = marker.read_text() if marker.exists() else ""
        # So that a worker that does not start is not put down to this clip.
        marker.unlink(missing_ok=True)
        deaths[clip_id] += 1
        if deaths[clip_id] >= _MAX_LONE_DEATHS:
            if not clip_id:
                raise DatasetError(f"workers die before they can begin {job.file}")
            logger.warning("clip %s crashes the decoder and is skipped", clip_id)
            job = dataclasses.replace(
                job, crashing_clips=job.crashing_clips | {clip_id}
            )


def _run_batch(
    jobs: list[ShardJob], folder: Path, state_folder: Path, num_workers: int
) -> Iterator[ShardResult]:
    """Yields results until all are there or a worker dies."""
    # Workers run nothing but this, whatever program has started them.
    prepare = partial(import_tensorflow, spare_extras=True)
    with worker_pool(min(num_workers, len(jobs)), prepare) as pool:
        futures: list[Future[ShardResult]] = [
            pool.submit(write_shard, job, folder, state_folder) for job in jobs
        ]
        for future in as_completed(futures):
            try:
                result = future.result()
            except BrokenProcessPool:
                continue
            yield result


def _marker(job: ShardJob, state_folder: Path) -> Path:
    return state_folder / (job.file + CURRENT_CLIP_SUFFIX)
