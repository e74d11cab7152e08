"""What becomes of jobs whose workers die; the workers are played by a function."""

from pathlib import Path

import numpy as np
import pytest

from resemul.configs import BuildConfig
from resemul.datasets import Track
from resemul.errors import DatasetError
from resemul.records import pool
from resemul.records.manifest import ShardResult
from resemul.records.plan import ShardJob


class Workers:
    """Plays `_run_batch`: a clip that is named "deadly" kills the one worker.

    Each batch is noted as the names of its jobs, and the clips they leave out.
    """

    def __init__(self):
        self.batches = []
        # So often every worker dies before it begins.
        self.failed_starts = 0
        # A clip is only deadly so many times.
        self.deaths_left = 1_000

    def run_batch(self, jobs, folder, state_folder, num_workers):
        self.batches.append([job.file for job in jobs])
        if self.failed_starts:
            self.failed_starts -= 1
            return
        for job in jobs:
            used = [t for t in job.tracks if t.clip_id not in job.crashing_clips]
            for track in used:
                if "deadly" in track.clip_id and self.deaths_left:
                    self.deaths_left -= 1
                    (state_folder / f"{job.file}.clip").write_text(track.clip_id)
                    return
            clips = [(track.clip_id, 1) for track in used]
            yield ShardResult(job.file, job.split, 0, clips, [])


@pytest.fixture
def workers(monkeypatch):
    workers = Workers()
    monkeypatch.setattr(pool, "_run_batch", workers.run_batch)
    return workers


def job(file, *clip_ids):
    tracks = [Track(i, Path(f"{i}.mp3"), "train", np.ones(1)) for i in clip_ids]
    return ShardJob(file, "train", tracks, Path("mp3"), BuildConfig())


def run(tmp_path, *jobs):
    """The clips in each finished shard."""
    results = pool.run_jobs(list(jobs), tmp_path, tmp_path, num_workers=1)
    return {result.file: [clip for clip, _ in result.clips] for result in results}


def test_jobs_run_in_one_batch_if_no_worker_dies(workers, tmp_path):
    clips = run(tmp_path, job("a", "1", "2"), job("b", "3"))
    assert clips == {"a": ["1", "2"], "b": ["3"]}
    assert workers.batches == [["a", "b"]]


def test_a_clip_that_always_kills_is_left_out_and_no_other(workers, tmp_path):
    clips = run(tmp_path, job("a", "1"), job("b", "2", "deadly", "3"), job("c", "4"))
    assert clips == {"a": ["1"], "b": ["2", "3"], "c": ["4"]}
    # After two deaths the job runs alone, so that others get on.
    assert workers.batches[:3] == [["a", "b", "c"], ["b", "c"], ["c"]]
    assert workers.batches[3:] == [["b"]] * 3


def test_two_clips_that_always_kill_are_left_out(workers, tmp_path):
    clips = run(tmp_path, job("a", "deadly 1", "1", "deadly 2"))
    assert clips == {"a": ["1"]}


def test_a_clip_that_kills_but_once_is_kept(workers, tmp_path):
    workers.deaths_left = 1
    assert run(tmp_path, job("a", "deadly")) == {"a": ["deadly"]}


def test_no_clip_is_blamed_for_workers_that_do_not_start(workers, tmp_path):
    workers.failed_starts = 2
    assert run(tmp_path, job("a", "1")) == {"a": ["1"]}


def test_workers_that_never_start_end_the_build(workers, tmp_path):
    workers.failed_starts = 3
    with pytest.raises(DatasetError, match="worker processes die before they begin"):
        run(tmp_path, job("a", "1"))


def test_a_clip_is_not_blamed_for_a_later_worker_that_does_not_start(
    workers, tmp_path, monkeypatch
):
    monkeypatch.setattr(pool, "_MAX_SHARED_DEATHS", 1)
    workers.deaths_left = 2  # one of them alone
    run_batch = workers.run_batch

    def fail_third_start(*args):
        workers.failed_starts = int(len(workers.batches) == 2)
        return run_batch(*args)

    monkeypatch.setattr(pool, "_run_batch", fail_third_start)
    assert run(tmp_path, job("a", "deadly")) == {"a": ["deadly"]}
    assert len(workers.batches) == 4
