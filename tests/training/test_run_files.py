"""One process at a time trains in a folder."""

import multiprocessing

import pytest

from resemul.errors import TrainingError
from resemul.training.files import only_run_in


def hold(folder, is_held, may_end):
    with only_run_in(folder):
        is_held.set()
        may_end.wait(60)


def test_second_process_in_the_same_folder_is_refused(tmp_path):
    context = multiprocessing.get_context("fork")
    is_held, may_end = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path / "log", is_held, may_end))
    other.start()
    assert is_held.wait(60)
    message = "another process trains in .*log; wait for it, or use another --train-dir"
    with pytest.raises(TrainingError, match=message), only_run_in(tmp_path / "log"):
        pass
    may_end.set()
    other.join()
    with only_run_in(tmp_path / "log"):
        pass


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(TrainingError, match="file/log cannot be written to: Not a dir"),
        only_run_in(tmp_path / "file" / "log"),
    ):
        pass
