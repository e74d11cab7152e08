"""A build whose shards are written by tasks: late, twice, in any order, or not."""

import pytest

from resemul.configs import BuildConfig, DatasetConfig
from resemul.datasets import load_annotations
from resemul.errors import DatasetError
from resemul.records import shards
from resemul.records.shards import finish_shards, write_shards, write_share
from resemul.records.write import write_shard
from resemul.runtime.tasks import Task

CONFIG = BuildConfig(num_audios_per_shard=3, clip_seconds=6.0)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Shards are written by this process, which is faster than starting others."""

    def run_shard_jobs(jobs, folder, state_folder, **options):
        for job in jobs:
            yield write_shard(job, folder, state_folder)

    monkeypatch.setattr(shards, "run_shard_jobs", run_shard_jobs)


@pytest.fixture
def annotations(tiny_dataset):
    return load_annotations(DatasetConfig(data_dir=tiny_dataset))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_tasks_in_any_order_write_the_bytes_of_one_run(annotations, tmp_path):
    write_shards(annotations, tmp_path / "one", CONFIG)
    folder = tmp_path / "many"
    for task in (Task(3, 3), Task(1, 3), Task(1, 3)):
        assert write_share(annotations, folder, CONFIG, task) is None
    with pytest.raises(DatasetError, match=r"shards are missing .*: --task 2/3$"):
        finish_shards(annotations, folder, CONFIG)
    assert write_share(annotations, folder, CONFIG, Task(2, 3)) is not None
    assert contents(folder) == contents(tmp_path / "one")
    # Late ones find that it is finished.
    assert write_share(annotations, folder, CONFIG, Task(1, 3)) is not None
    assert finish_shards(annotations, folder, CONFIG) is not None
    assert contents(folder) == contents(tmp_path / "one")


def test_a_task_with_other_options_is_refused(annotations, tmp_path):
    write_share(annotations, tmp_path, CONFIG, Task(1, 3))
    other = BuildConfig(num_audios_per_shard=2, clip_seconds=6.0)
    with pytest.raises(DatasetError, match="other options"):
        write_share(annotations, tmp_path, other, Task(2, 3))


def test_other_counts_of_tasks_find_what_is_done(annotations, tmp_path):
    write_share(annotations, tmp_path, CONFIG, Task(1, 3))
    write_share(annotations, tmp_path, CONFIG, Task(1, 2))
    assert write_share(annotations, tmp_path, CONFIG, Task(2, 2)) is not None


def test_a_whole_run_ends_what_tasks_have_begun(annotations, tmp_path):
    write_share(annotations, tmp_path / "many", CONFIG, Task(1, 3))
    write_shards(annotations, tmp_path / "many", CONFIG)
    write_shards(annotations, tmp_path / "one", CONFIG)
    assert contents(tmp_path / "many") == contents(tmp_path / "one")
