"""What becomes of shards whose workers die; the workers are played by a function."""

from pathlib import Path

import numpy as np
import pytest

from resemul.configs import BuildConfig
from resemul.datasets import Track
from resemul.errors import DatasetError
from resemul.records import pool
from resemul.records.manifest import ShardResult
from resemul.records.plan import ShardJob
from resemul.runtime.workers import Done


@pytest.fixture
def rounds(monkeypatch):
    """Plays `run_jobs`, for which clips called "deadly" are so; notes the jobs."""
    rounds = []

    def run_jobs(jobs, function, **options):
        rounds.append([job.file for job in jobs])
        for job in jobs:
            used = [t.clip_id for t in job.tracks if t.clip_id not in job.bad_clips]
            deadly = [clip_id for clip_id in used if "deadly" in clip_id]
            if deadly:
                yield Done(job, error="its process died (SIGSEGV)", item=deadly[0])
            elif "lost" in used:
                yield Done(job, error="its process died (SIGKILL)")
            else:
                clips = [(clip_id, 1) for clip_id in used]
                yield Done(job, ShardResult(job.file, job.split, 0, clips, []))

    monkeypatch.setattr(pool, "run_jobs", run_jobs)
    return rounds


def job(file, *clip_ids):
    tracks = [Track(i, Path(f"{i}.mp3"), "train", np.ones(1)) for i in clip_ids]
    return ShardJob(file, "train", tracks, Path("mp3"), BuildConfig())


def run(tmp_path, *jobs):
    """The clips in each finished shard."""
    results = pool.run_shard_jobs(list(jobs), tmp_path, tmp_path, num_workers=1)
    return {result.file: [clip for clip, _ in result.clips] for result in results}


def test_jobs_run_in_one_round_if_no_worker_dies(rounds, tmp_path):
    clips = run(tmp_path, job("a", "1", "2"), job("b", "3"))
    assert clips == {"a": ["1", "2"], "b": ["3"]}
    assert rounds == [["a", "b"]]


def test_clips_that_end_their_worker_are_left_out_and_no_other(rounds, tmp_path):
    clips = run(
        tmp_path,
        job("a", "1"),
        job("b", "2", "deadly 1", "3", "deadly 2"),
        job("c", "deadly 3"),
    )
    assert clips == {"a": ["1"], "b": ["2", "3"], "c": []}
    assert rounds == [["a", "b", "c"], ["b", "c"], ["b"]]


def test_a_death_between_clips_ends_the_build(rounds, tmp_path):
    with pytest.raises(DatasetError, match="a cannot be written: its process died"):
        run(tmp_path, job("a", "lost"))
