"""Builds on a Dask scheduler with workers over TCP, some of which are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 240


def start(*command, **options):
    """A program with a process group of its own, so that it can be killed whole."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, command)],
        env=environment,
        start_new_session=True,
        stderr=subprocess.PIPE if options.get("heard") else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def kill(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(holds):
    end = time.monotonic() + LIMIT_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path):
    """The scheduler's file, the scheduler, and four workers with nannies."""
    file = tmp_path / "scheduler.json"
    started = [
        start(
            *("distributed.cli.dask_scheduler", "--scheduler-file", file),
            *("--port", "0", "--no-dashboard", "--host", "127.0.0.1"),
        )
    ]
    wait_until(lambda: file.exists() and file.read_text().strip().endswith("}"))
    assert json.loads(file.read_text())["address"].startswith("tcp://")
    worker = ("distributed.cli.dask_worker", "--scheduler-file", file)
    options = ("--nthreads", "1", "--no-dashboard", "--death-timeout", "20")
    started += [start(*worker, *options) for _ in range(4)]
    yield file, started[0], started[1:]
    for process in started:
        kill(process)


def build(data_dir, folder, *options):
    small = ("--clip-seconds", "6", "--num-audios-per-shard", "2")
    where = ("--data-dir", data_dir, "--records-dir", folder)
    return start("resemul", "build", *where, *small, *options, heard=True)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def num_shards(folder):
    return len(list(folder.glob("*.tfrecord")))


def test_workers_killed_in_a_build_cost_nothing(cluster, tiny_dataset, tmp_path):
    file, _, workers = cluster
    one, many = tmp_path / "one", tmp_path / "many"
    assert build(tiny_dataset, one, "--num-workers", "1").wait(LIMIT_SECONDS) == 0
    running = build(tiny_dataset, many, "--dask", file)
    wait_until(lambda: num_shards(many) >= 1)
    for worker in workers[:2]:
        kill(worker)
    said = running.communicate(timeout=LIMIT_SECONDS)[1]
    assert running.returncode == 0, said
    assert contents(many) == contents(one)


def test_a_scheduler_killed_in_a_build_is_told_and_what_was_done_is_kept(
    cluster, tiny_dataset, tmp_path
):
    file, scheduler, workers = cluster
    one, many = tmp_path / "one", tmp_path / "many"
    running = build(tiny_dataset, many, "--dask", file)
    wait_until(lambda: num_shards(many) >= 1)
    kill(scheduler)
    said = running.communicate(timeout=LIMIT_SECONDS)[1]
    assert running.returncode == 1
    assert "the Dask scheduler at" in said.splitlines()[-1]
    assert "the same command goes on from there" in said.splitlines()[-1]
    for worker in workers:
        kill(worker)
    assert build(tiny_dataset, many).wait(LIMIT_SECONDS) == 0
    assert build(tiny_dataset, one).wait(LIMIT_SECONDS) == 0
    assert contents(many) == contents(one)
