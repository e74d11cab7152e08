"""Trainings of two and three processes, which find each other on this machine."""

import csv
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from resemul.checkpoints.card import read_card

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
OPTIONS = [
    *("--model", "small_network:small_network", "--num-lr-decays", "1"),
    *("--batch-size", "7", "--steps-per-epoch", "40", "--epochs", "3"),
    *("--shuffle-buffer", "100", "--sync-batch-norm"),
]
TIMEOUT_SECONDS = 300


def _free_ports(count):
    """Ports that follow each other; the first is above 12,000, as Slurm's are here."""
    for first in range(23_000, 32_000, count):
        sockets = [socket.socket() for _ in range(count)]
        try:
            for number, opened in enumerate(sockets):
                opened.bind(("127.0.0.1", first + number))
            return [first + number for number in range(count)]
        except OSError:
            continue
        finally:
            for opened in sockets:
                opened.close()
    raise AssertionError("no free ports")


def _by_tf_config(ports, index):
    addresses = [f"127.0.0.1:{port}" for port in ports]
    task = {"type": "worker", "index": index}
    return {"TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task})}


def _by_slurm(ports, index):
    return {
        "SLURM_JOB_ID": str(ports[0] - 12_000),
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_STEP_TASKS_PER_NODE": str(len(ports)),
        "SLURM_PROCID": str(index),
    }


def _start(data_dir, train_dirs, *options, variables=_by_tf_config, last=()):
    """Starts a process per folder; the last one with options of its own, too."""
    ports = _free_ports(len(train_dirs))
    path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    processes = []
    for index, train_dir in enumerate(train_dirs):
        command = [sys.executable, "-m", "resemul", "train"]
        command += ["--data-dir", str(data_dir), "--train-dir", str(train_dir)]
        command += [*OPTIONS, *options]
        if len(train_dirs) > 1:
            command += ["--strategy", "multi-worker"]
        if index == len(train_dirs) - 1:
            command += last
        environ = {**os.environ, "PYTHONPATH": path, **variables(ports, index)}
        processes.append(
            subprocess.Popen(
                command,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return processes


def _finish(processes):
    """Exit status, output and messages of each."""
    try:
        told = [process.communicate(timeout=TIMEOUT_SECONDS) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(p.returncode, *texts) for p, texts in zip(processes, told, strict=True)]


def _rows(train_dir):
    path = train_dir / "0" / "training.csv"
    return list(csv.DictReader(path.open())) if path.exists() else []


def _kinds_of_files(train_dir):
    """Names without the numbers that differ: of times, hosts and losses."""
    paths = [path.relative_to(train_dir) for path in train_dir.rglob("*.*")]
    return sorted(f"{path.parent}/{path.name[:9]}*{path.suffix}" for path in paths)


def _losses(train_dir):
    return np.array(
        [[float(row["loss"]), float(row["val_loss"])] for row in _rows(train_dir)]
    )


@pytest.fixture(scope="module")
def data_dir(_tiny_records_master):
    return _tiny_records_master


@pytest.fixture(scope="module")
def alone(tmp_path_factory, data_dir):
    """The folder of a run by one process."""
    train_dir = tmp_path_factory.mktemp("alone") / "log"
    [(status, _, messages)] = _finish(_start(data_dir, [train_dir]))
    assert status == 0, messages
    return train_dir


@pytest.mark.parametrize(("count", "variables"), [(2, _by_tf_config), (3, _by_slurm)])
def test_run_of_several_processes_is_that_of_one(
    tmp_path, data_dir, alone, count, variables
):
    train_dirs = [tmp_path / str(index) for index in range(count)]
    results = _finish(_start(data_dir, train_dirs, variables=variables))
    assert [status for status, _, _ in results] == [0] * count, results
    assert len(_losses(alone)) == 3
    np.testing.assert_allclose(_losses(train_dirs[0]), _losses(alone), atol=1e-4)
    # The first one writes, and says what came of it.
    first, *others = results
    assert f"best model: {train_dirs[0] / 'best.keras'}" in first[1]
    assert [output for _, output, _ in others] == [""] * (count - 1)
    assert not any(train_dir.exists() for train_dir in train_dirs[1:])
    assert _kinds_of_files(train_dirs[0]) == _kinds_of_files(alone)
    card, expected = (
        read_card(train_dirs[0] / "best.keras"),
        read_card(alone / "best.keras"),
    )
    assert card.training == expected.training


def test_run_whose_processes_were_killed_goes_on_and_ends_as_one_that_was_not(
    tmp_path, data_dir, alone
):
    train_dirs = [tmp_path / "log", tmp_path / "unused"]
    for victim, num_epochs in ((1, 1), (0, 2)):
        processes = _start(data_dir, train_dirs)
        while len(_rows(train_dirs[0])) < num_epochs:
            assert not any(process.poll() for process in processes)
            time.sleep(0.02)
        processes[victim].kill()
        killed_at = time.monotonic()
        status, _, messages = _finish(processes)[1 - victim]
        assert time.monotonic() - killed_at < 60
        assert status == 1
        assert "another process of this training is gone" in messages
        assert "Traceback" not in messages
    results = _finish(_start(data_dir, train_dirs))
    assert [status for status, _, _ in results] == [0, 0], results
    assert "goes on at stage 0, epoch 2" in results[0][2]
    np.testing.assert_allclose(_losses(train_dirs[0]), _losses(alone), atol=1e-4)


def test_processes_with_other_options_stop_before_the_first_step(tmp_path, data_dir):
    train_dirs = [tmp_path / "first", tmp_path / "second"]
    first, second = _finish(_start(data_dir, train_dirs, last=["--lr", "0.5"]))
    assert (first[0], second[0]) == (1, 1)
    assert "another process was started with other options" in first[2]
    assert "than the first (lr 0.01 -> 0.5)" in second[2]
    assert not (train_dirs[0] / "0").exists()


def test_losses_on_two_devices_are_those_on_one(data_dir):
    path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    done = subprocess.run(
        [sys.executable, HERE / "replica_program.py", data_dir],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("count") == 2
    each_its_own = found.pop("each_its_own")
    for name, (one, two) in found.items():
        tolerance = 0.02 if name == "bfloat16" else 1e-4
        np.testing.assert_allclose(two, one, atol=tolerance, err_msg=name)
    # Other statistics, by default, but the same training.
    difference = np.abs(np.subtract(each_its_own, found["sgd"][0]))
    assert 1e-4 < difference.max() < 0.5
