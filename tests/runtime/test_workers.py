"""Jobs over worker processes, some of which die; jobs are functions of this file."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

from resemul.errors import ConfigError, WorkerError
from resemul.runtime.processes import Workers
from resemul.runtime.worker_process import WorkerDied, begin
from resemul.runtime.workers import run_jobs

HANG_SECONDS = 600


def work(job):
    """Does what the job's name says."""
    name, folder = job
    if name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith("hang"):
        (folder / "hanging").touch()
        time.sleep(HANG_SECONDS)
    if name.startswith("once") and not (folder / name).exists():
        (folder / name).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("refuse"):
        raise ConfigError("no such decoder")
    return name.upper()


def work_through_items(items):
    for item in items:
        begin(item)
        time.sleep(HANG_SECONDS if item == "hang" else 0.3)
    return len(items)


def raise_odd_error(job):
    class Odd(Exception):
        pass

    raise Odd(job)


def hang_aloud(job):
    os.write(1, b"at work\n")
    time.sleep(HANG_SECONDS)


def die():
    os._exit(3)


def run(names, folder, **options):
    """Result or error of each job by its name."""
    jobs = [(name, folder) for name in names]
    options = {"num_workers": 2, **options}
    return {
        done.job[0]: done.error or done.result
        for done in run_jobs(jobs, work, **options)
    }


def test_jobs_that_crash_or_hang_cost_themselves_alone(tmp_path, caplog):
    results = run(
        ["a", "crash", "b", "hang", "once", *"cdefgh"], tmp_path, timeout_seconds=2
    )
    assert results == {
        "crash": "its process died (SIGSEGV)",
        "hang": "it took longer than 2 s",
        "once": "ONCE",
        **{name: name.upper() for name in "abcdefgh"},
    }
    assert len(caplog.messages) == 3
    assert "SIGKILL: out of memory?" in caplog.text


def test_an_item_is_blamed_and_each_has_its_own_time():
    jobs = [("a", "b", "c", "d"), ("e", "hang", "f")]
    results = {
        done.job[0]: (done.result, done.error, done.item)
        for done in run_jobs(
            jobs, work_through_items, num_workers=2, timeout_seconds=0.8
        )
    }
    # The first takes 1.2 s in all.
    assert results["a"] == (4, None, None)
    assert results["e"] == (None, "it took longer than 0.8 s", "hang")


def test_what_a_job_raises_is_raised_here_with_its_trace(tmp_path):
    with pytest.raises(ConfigError, match="no such decoder") as error:
        run(["refuse"], tmp_path)
    assert "in work" in error.value.__notes__[0]


def test_an_error_that_cannot_be_sent_is_told_in_words():
    with pytest.raises(RuntimeError, match="Odd: 7"):
        list(run_jobs([7], raise_odd_error, num_workers=1))


def test_a_job_that_cannot_be_sent_is_an_error():
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        list(run_jobs([lambda: 0], work, num_workers=1))


def test_workers_that_do_not_start_are_told(tmp_path):
    with pytest.raises(WorkerError, match=r"at their start \(exit status 3\)"):
        run(["a"], tmp_path, prepare=die)


def test_no_jobs_need_no_process(tmp_path):
    assert run([], tmp_path, prepare=die) == {}


def test_jobs_are_taken_when_there_is_room_for_them(tmp_path):
    taken = []

    def jobs():
        for number in range(100):
            taken.append(number)
            yield (str(number), tmp_path)

    running = run_jobs(jobs(), work, num_workers=1)
    assert next(running).result is not None
    assert len(taken) < 10
    running.close()


class Here:
    """Runs jobs from this process; those named `dead` have no luck."""

    num_workers = 2

    def submit(self, function, job):
        future = Future()
        if job[0] == "dead":
            future.set_exception(WorkerDied("its machine is gone"))
        else:
            try:
                future.set_result(function(job))
            except WorkerDied as error:
                future.set_exception(error)
        return future


def test_another_executor_may_run_the_jobs_each_in_a_process_apart(tmp_path):
    results = run(["a", "dead", "crash", "once"], tmp_path, executor=Here())
    assert results == {
        "a": "A",
        "dead": "its machine is gone",
        "crash": "its process died (SIGSEGV)",
        "once": "ONCE",
    }


def test_closing_ends_a_worker_in_the_middle_of_a_job(tmp_path):
    with Workers(1) as workers:
        hanging = workers.submit(work, ("hang", tmp_path))
        waiting = workers.submit(work, ("a", tmp_path))
        while not (tmp_path / "hanging").exists():
            time.sleep(0.01)
    assert waiting.cancelled()
    assert isinstance(hanging.exception(timeout=10), WorkerDied)


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(tmp_path, signal_number):
    script = tmp_path / "program.py"
    script.write_text(
        "from resemul.runtime.workers import run_jobs\n"
        "from tests.runtime.test_workers import hang_aloud\n"
        "if __name__ == '__main__':\n"
        "    list(run_jobs([0], hang_aloud, num_workers=1))\n"
    )
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdout.readline() == b"at work\n"
    process.send_signal(signal_number)
    # The pipe closes when the last process that could write to it has ended.
    assert process.communicate(timeout=30)[0] == b""
