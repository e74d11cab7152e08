"""Jobs on a Dask cluster of this process; what real schedulers do is in tests/cli."""

import os
import sys
from pathlib import Path

import pytest

from resemul.errors import ConfigError, WorkerError
from resemul.runtime.apart import Apart
from resemul.runtime.dask import open_dask
from resemul.runtime.workers import run_jobs
from tests.runtime.test_workers import work, work_through_items


@pytest.fixture(scope="module")
def executor():
    pytest.importorskip("distributed")
    with open_dask("local:2") as executor:
        yield executor


def where_it_runs(job):
    return str(Path.cwd()), os.getpid()


def raise_config_error(job):
    raise ConfigError(f"no such decoder: {job}")


def test_jobs_that_crash_or_hang_cost_themselves_alone(executor, tmp_path):
    jobs = [(name, tmp_path) for name in ["a", "crash", "hang", "once", *"bcd"]]
    found = {
        done.job[0]: done.error or done.result
        for done in run_jobs(
            jobs, work, num_workers=1, timeout_seconds=2, executor=executor
        )
    }
    assert found == {
        "crash": "its process died (SIGSEGV)",
        "hang": "it took longer than 2 s",
        "once": "ONCE",
        **{name: name.upper() for name in "abcd"},
    }


def test_an_item_is_blamed(executor):
    jobs = [("a", "b"), ("c", "hang", "d")]
    found = {
        done.job[0]: (done.result, done.item)
        for done in run_jobs(
            jobs,
            work_through_items,
            num_workers=1,
            timeout_seconds=0.8,
            executor=executor,
        )
    }
    assert found == {"a": (2, None), "c": (None, "hang")}


def test_jobs_run_beside_the_worker_where_the_client_is(
    executor, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    found = [
        done.result
        for done in run_jobs([1, 2], where_it_runs, num_workers=1, executor=executor)
    ]
    assert {folder for folder, _ in found} == {str(tmp_path)}
    assert os.getpid() not in {process for _, process in found}


def test_what_a_job_raises_is_raised_here(executor):
    with pytest.raises(ConfigError, match="no such decoder: 7"):
        list(run_jobs([7], raise_config_error, num_workers=1, executor=executor))


@pytest.mark.parametrize(
    ("differs", "message"),
    [
        ({"folder": "/nowhere"}, "does not have the folder /nowhere"),
        ({"version": "0.0.1"}, "the command is of 0.0.1; install the same"),
    ],
)
def test_a_machine_that_differs_is_told(executor, differs, message):
    with pytest.raises(WorkerError, match=message):
        executor.submit(Apart(where_it_runs, **differs), 1).result()


def test_a_scheduler_that_is_not_there_is_told(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("resemul.runtime.dask._CONNECT_SECONDS", 0.2)
    with (
        pytest.raises(WorkerError, match="no Dask scheduler answers at tcp://"),
        open_dask("tcp://127.0.0.1:9"),
    ):
        pass


@pytest.mark.parametrize("address", ["gone.json", "local:0", "local:x", "local:"])
def test_what_is_no_address_is_refused(address):
    pytest.importorskip("distributed")
    with pytest.raises(ConfigError, match=f"--dask {address}"), open_dask(address):
        pass


def test_without_dask_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(ConfigError, match=r"pip install 'resemul\[dask\]'"),
        open_dask("local:2"),
    ):
        pass
