import io
import os

import pytest

from resemul.downloads import JoinedFile


@pytest.fixture
def joined(tmp_path):
    """The bytes 0123456789 in three files, one of them empty."""
    paths = [tmp_path / name for name in "abcd"]
    for path, content in zip(paths, (b"012", b"", b"3456", b"789"), strict=True):
        path.write_bytes(content)
    with JoinedFile(paths) as file:
        yield file


def test_read_crosses_the_seams(joined):
    assert io.BufferedReader(joined).read() == b"0123456789"


@pytest.mark.parametrize("start", range(11))
def test_read_from_any_position(joined, start):
    joined.seek(start)
    assert io.BufferedReader(joined).read(4) == b"0123456789"[start : start + 4]


def test_seek_from_here_and_from_the_end(joined):
    assert joined.seek(-3, os.SEEK_END) == 7
    assert joined.seek(1, os.SEEK_CUR) == 8
    assert joined.read(5) == b"89"
    assert joined.tell() == 10


def test_seek_before_the_start_is_refused(joined):
    with pytest.raises(ValueError, match="-1"):
        joined.seek(-1)


def test_read_behind_the_end_is_empty(joined):
    joined.seek(99)
    assert joined.read(1) == b""
