import os

import numpy as np
import pytest

from resemul.audio.encode import encode_mp3
from resemul.curation.scan import (
    AudioFile,
    Skipped,
    file_columns,
    file_row,
    sample_rate_of,
    scan_audio,
    scan_previews,
)
from resemul.errors import DatasetError


@pytest.fixture(scope="module")
def mp3():
    tone = 0.1 * np.sin(np.arange(8_000) / 8).astype("float32")
    return encode_mp3(tone, 16_000, 32_000)


@pytest.fixture
def folder(tmp_path, mp3):
    files = {
        "2/0/20.clip.mp3": mp3,
        "1/1/11.clip.mp3": b"",
        "1/0/10.clip.mp3": mp3,
        "1/0/12.clip.mp3": b"no audio at all" * 20,
        "1/0/cover.jpg": b"x",
        "1/0/song.mp3": mp3,
        "1/0/1234567890.mp3": mp3,
        "1/0/13.clip.MP3": mp3,
        "#odd, name/x/30.clip.mp3": mp3,
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def test_previews_come_in_order_and_broken_ones_stay(folder, mp3):
    found = list(scan_previews(folder))
    files = [one for one in found if isinstance(one, AudioFile)]
    assert [one.track_7digitalid for one in files] == [30, 10, 12, 11, 20]
    assert [one.size for one in files] == [len(mp3), len(mp3), 300, 0, len(mp3)]
    assert [one.channels for one in files] == [1, 1, 0, 0, 1]
    assert files[1].seconds == pytest.approx(0.6, abs=0.1)
    assert files[2].seconds is files[3].seconds is None


def test_other_names_are_left_out_by_name(folder):
    skipped = [one for one in scan_previews(folder) if isinstance(one, Skipped)]
    assert [one.path.name for one in skipped] == ["1234567890.mp3", "song.mp3"]
    assert "7digital id" in skipped[0].reason


def test_any_audio_is_found_by_its_suffix(folder):
    names = [one.path.name for one in scan_audio(folder)]
    assert "13.clip.MP3" in names
    assert "song.mp3" in names
    assert "cover.jpg" not in names


def test_rows_are_relative_unless_asked_otherwise(folder):
    *_, last = [one for one in scan_previews(folder) if isinstance(one, AudioFile)]
    row = file_row(last, folder)
    assert list(row) == file_columns(previews=True)
    assert row["file_path"] == "2/0/20.clip.mp3"
    row = file_row(last, folder, absolute=True)
    assert row["file_path"] == (folder / "2/0/20.clip.mp3").as_posix()


def test_a_missing_length_is_an_empty_cell(folder):
    found = {getattr(o, "track_7digitalid", None): o for o in scan_previews(folder)}
    row = file_row(found[11], folder)
    assert (row["file_size"], row["channels"], row["clip_length"]) == ("0", "0", "")


def test_columns_can_be_left_out():
    assert file_columns(previews=False) == [
        *("file_path", "file_size", "channels", "clip_length")
    ]
    columns = file_columns(previews=True, size=False, channels=False, length=False)
    assert columns == ["track_7digitalid", "file_path"]


def test_headers_are_not_read_unless_needed(folder):
    found = scan_previews(folder, read_headers=False)
    assert {one.seconds for one in found if isinstance(one, AudioFile)} == {None}


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="is no folder"):
        list(scan_previews(tmp_path / "file"))
    with pytest.raises(DatasetError, match="does not exist"):
        list(scan_audio(tmp_path / "no"))


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX only")
def test_names_that_are_no_text_are_left_out(tmp_path, mp3):
    name = os.fsencode(tmp_path) + b"/\xff.mp3"
    with open(name, "wb") as file:  # noqa: PTH123
        file.write(mp3)
    [found] = scan_audio(tmp_path)
    assert isinstance(found, Skipped)
    assert found.reason == "its name is not UTF-8"


def test_the_rate_is_that_of_the_header(folder):
    assert sample_rate_of(folder / "2/0/20.clip.mp3") == 16_000
    assert sample_rate_of(folder / "1/1/11.clip.mp3") is None
    assert sample_rate_of(folder / "no.mp3") is None
