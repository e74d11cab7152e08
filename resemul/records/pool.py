"""Shard jobs over worker processes; a clip that ends its process is left out."""

import dataclasses
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from resemul.errors import DatasetError
from resemul.records.manifest import ShardResult
from resemul.records.plan import ShardJob
from resemul.runtime.workers import Executor, run_jobs

logger = logging.getLogger(__name__)


def write_shard(job: ShardJob, folder: Path, state_folder: Path) -> ShardResult:
    """`write.write_shard`; who hands out the jobs does without TensorFlow."""
    from resemul.records import write

    return write.write_shard(job, folder, state_folder)


def run_shard_jobs(
    jobs: list[ShardJob],
    folder: Path,
    state_folder: Path,
    num_workers: int = 1,
    timeout_seconds: float | None = None,
    executor: Executor | None = None,
) -> Iterator[ShardResult]:
    """Writes the shards; yields each result as it comes.

    A worker that dies takes no other shard with it. The clip at which a shard ends its
    worker twice, or takes longer than `timeout_seconds`, is left out.
    """
    write = partial(write_shard, folder=folder, state_folder=state_folder)
    while jobs:
        again = []
        for done in run_jobs(
            jobs,
            write,
            num_workers=num_workers,
            timeout_seconds=timeout_seconds,
            executor=executor,
        ):
            if done.result is not None:
                yield done.result
            elif done.item is None:
                raise DatasetError(f"{done.job.file} cannot be written: {done.error}")
            else:
                logger.warning("clip %s is skipped: %s", done.item, done.error)
                bad_clips = {**done.job.bad_clips, done.item: str(done.error)}
                again.append(dataclasses.replace(done.job, bad_clips=bad_clips))
        jobs = again
