"""Shares of a work, by hand and from Slurm."""

import pytest

from resemul.errors import ConfigError
from resemul.runtime.tasks import (
    WHOLE,
    Share,
    Task,
    describe_missing,
    parse_task,
    task_of_slurm,
)


def slurm(**values):
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}


def test_tasks_divide_the_work_and_none_is_done_twice():
    picked = [list(Task(number, 3).pick("abcdefgh")) for number in (1, 2, 3)]
    assert picked == [["a", "d", "g"], ["b", "e", "h"], ["c", "f"]]


def test_more_tasks_than_work_leave_some_without_any():
    assert list(Task(3, 3).pick("ab")) == []


def test_a_share_is_all_a_task_or_only_the_end():
    assert list(WHOLE.pick("abc")) == ["a", "b", "c"]
    assert list(Share(Task(2, 2)).pick("abc")) == ["b"]
    assert list(Share(is_finish=True).pick("abc")) == []


def test_a_task_is_read_as_it_is_written():
    assert parse_task("3/20") == Task(3, 20)
    assert str(Task(3, 20)) == "3/20"


@pytest.mark.parametrize("text", ["3", "3/", "0/20", "21/20", "-1/20", "1/0", "a/b"])
def test_what_is_no_task_is_refused(text):
    with pytest.raises(ConfigError, match=r"3/20|1/20"):
        parse_task(text)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"ID": 1, "MIN": 1, "COUNT": 20}, Task(1, 20)),
        ({"ID": 0, "MIN": 0, "COUNT": 20}, Task(1, 20)),
        ({"ID": 19, "MIN": 0, "COUNT": 20}, Task(20, 20)),
        ({"ID": 15, "MIN": 5, "STEP": 5, "COUNT": 4}, Task(3, 4)),
        ({"ID": 3, "COUNT": 4}, Task(3, 4)),
    ],
)
def test_slurm_says_which_task_wherever_its_numbers_begin(values, expected):
    assert task_of_slurm(slurm(**values)) == expected


def test_without_an_array_there_is_no_task():
    assert task_of_slurm({"SLURM_JOB_ID": "7"}) is None


@pytest.mark.parametrize(
    "values",
    [
        {"ID": 7, "MIN": 3, "COUNT": 2},  # --array=3,7
        {"ID": 2, "MIN": 3, "COUNT": 2},
        {"ID": "x", "COUNT": 2},
        {"ID": 1, "COUNT": 2, "STEP": 0},
    ],
)
def test_an_array_with_gaps_has_to_be_told(values):
    with pytest.raises(ConfigError, match="--task I/N"):
        task_of_slurm(slurm(**values))


def test_missing_work_is_put_down_to_its_tasks():
    said = describe_missing([2, 22, 39], [5, 20])
    assert said.endswith(": --task 3/20, --task 20/20")
    assert "without --finish" in describe_missing([0], [])
    assert describe_missing(range(40), [30]).endswith("--task 10/30 and 20 more")
