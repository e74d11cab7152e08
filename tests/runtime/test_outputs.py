import os

import pytest

from resemul.errors import ConfigError
from resemul.runtime.outputs import output, require_writable


def test_a_file_that_can_be_written_gets_its_folder_and_is_not_there_yet(tmp_path):
    require_writable(tmp_path / "new" / "table.csv")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_file_that_is_there_is_left_as_it_is(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    require_writable(path)
    assert path.read_text() == "old"


def test_folders_and_places_below_files_are_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a folder; give the name of a file"):
        require_writable(tmp_path)
    with pytest.raises(ConfigError, match="file is no folder"):
        require_writable(tmp_path / "file" / "table.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written: Permission denied"):
        require_writable(tmp_path / "table.csv")


def write_on_a_full_disk(path):
    with output(path) as file:
        file.write("half")
        raise OSError(28, "No space left on device")


def test_what_cannot_be_written_whole_leaves_what_was_there(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(ConfigError, match="cannot be written: No space left on"):
        write_on_a_full_disk(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]
