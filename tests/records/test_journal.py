import os
from contextlib import suppress

import pytest

from resemul.errors import DatasetError
from resemul.records.journal import open_journal


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.mp3"
    path.write_bytes(b"x")
    return path


def stop_after(path, song, finding, about="a"):
    """A pass that notes one finding and is stopped."""
    with suppress(KeyboardInterrupt), open_journal(path, about) as journal:
        journal.note(song, finding)
        raise KeyboardInterrupt


def test_a_pass_goes_on_where_it_was_stopped(tmp_path, song):
    path = tmp_path / "folder/journal"
    stop_after(path, song, [10, None])
    with open_journal(path, "a") as journal:
        assert journal.find(song) == (True, [10, None])
        assert journal.find(tmp_path / "other.mp3") == (False, None)
    assert list(path.parent.iterdir()) == []


def test_a_file_that_has_changed_is_looked_at_again(tmp_path, song):
    stop_after(tmp_path / "journal", song, 1)
    os.utime(song, ns=(0, 0))
    with open_journal(tmp_path / "journal", "a") as journal:
        assert journal.find(song) == (False, None)


def test_a_pass_with_other_options_begins_anew(tmp_path, song):
    stop_after(tmp_path / "journal", song, 1)
    with open_journal(tmp_path / "journal", "b") as journal:
        assert journal.find(song) == (False, None)


def test_a_line_that_was_cut_off_is_passed_over(tmp_path, song):
    stop_after(tmp_path / "journal", song, 1)
    with (tmp_path / "journal").open("a") as file:
        file.write('["/x", 1')
    stop_after(tmp_path / "journal", tmp_path / "gone.mp3", 2)
    with open_journal(tmp_path / "journal", "a") as journal:
        assert journal.find(song) == (True, 1)
        assert journal.find(tmp_path / "gone.mp3") == (True, 2)


def test_names_that_are_not_unicode_are_kept(tmp_path):
    song = tmp_path / os.fsdecode(b"caf\xe9\n.mp3")
    song.write_bytes(b"x")
    stop_after(tmp_path / "journal", song, 1)
    with open_journal(tmp_path / "journal", "a") as journal:
        assert journal.find(song) == (True, 1)


def test_where_nothing_can_be_written_the_pass_runs(tmp_path, song):
    (tmp_path / "file").touch()
    with open_journal(tmp_path / "file/journal", "a") as journal:
        journal.note(song, 1)
        assert journal.find(song) == (False, None)


def test_one_pass_at_a_time(tmp_path):
    with (
        open_journal(tmp_path / "journal", "a"),
        pytest.raises(DatasetError, match="another process is at the same pass"),
        open_journal(tmp_path / "journal", "a"),
    ):
        pass
