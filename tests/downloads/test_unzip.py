import io
import zipfile
from collections import namedtuple
from pathlib import PurePosixPath

import pytest

from resemul.downloads import space, unzip
from resemul.errors import DownloadError


def make_zip(entries, compression=zipfile.ZIP_STORED):
    """An archive in memory; entries are (name or ZipInfo, bytes)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
    return buffer


def test_unzip_writes_the_files_and_returns_their_sizes(tmp_path):
    archive = make_zip([("0/", b""), ("0/a.mp3", b"aaa"), ("f/b.mp3", b"")])
    assert unzip(archive, "x.zip", tmp_path) == {"0/a.mp3": 3, "f/b.mp3": 0}
    assert (tmp_path / "0/a.mp3").read_bytes() == b"aaa"
    assert (tmp_path / "f/b.mp3").read_bytes() == b""
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


def test_unzip_places_entries_and_leaves_some_out(tmp_path):
    archive = make_zip([("mp3/0/a.mp3", b"a"), ("readme", b"r")])
    unzip(
        archive,
        "x.zip",
        tmp_path,
        place=lambda entry: PurePosixPath("b") if entry.suffix else None,
    )
    assert [path.name for path in tmp_path.rglob("*")] == ["b"]


@pytest.mark.parametrize("entry", ["../evil.mp3", "0/../../evil.mp3", "/tmp/evil.mp3"])
def test_unzip_refuses_paths_that_lead_out_and_writes_nothing(tmp_path, entry):
    archive = make_zip([("0/good.mp3", b"good"), (entry, b"evil")])
    with pytest.raises(DownloadError, match="leads out of the folder") as caught:
        unzip(archive, "x.zip", tmp_path / "inner" / "mp3")
    assert repr(entry) in str(caught.value)
    assert list(tmp_path.rglob("*")) == []


def test_unzip_refuses_two_entries_for_one_place(tmp_path):
    archive = make_zip([("0/a.mp3", b"a"), ("./0/a.mp3", b"b")])
    with pytest.raises(DownloadError, match=r"'\./0/a\.mp3' .*place of another"):
        unzip(archive, "x.zip", tmp_path)


def test_unzip_asks_for_disk_space_first(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: usage(9, 0, 9))
    with pytest.raises(DownloadError, match=r"unpack x\.zip: 10 B needed, 9 B free"):
        unzip(make_zip([("0/a.mp3", b"a" * 10)]), "x.zip", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unzip_again_writes_only_what_is_missing_or_of_wrong_size(
    tmp_path, monkeypatch
):
    archive = make_zip([(f"0/{name}.mp3", b"new") for name in "abc"])
    (tmp_path / "0").mkdir()
    (tmp_path / "0/a.mp3").write_bytes(b"old")
    (tmp_path / "0/b.mp3").write_bytes(b"half a file")
    # Room for two files of three bytes: the third is not counted either.
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: usage(6, 0, 6))
    assert len(unzip(archive, "x.zip", tmp_path)) == 3
    contents = [(tmp_path / f"0/{name}.mp3").read_bytes() for name in "abc"]
    assert contents == [b"old", b"new", b"new"]


def test_unzip_of_a_broken_entry_names_it_and_keeps_no_half_file(tmp_path):
    data = make_zip([("0/a.mp3", b"content")]).getvalue()
    broken = data.replace(b"content", b"CONTENT", 1)
    with pytest.raises(DownloadError, match=r"no whole zip archive \(.*0/a\.mp3"):
        unzip(io.BytesIO(broken), "x.zip", tmp_path)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_unzip_of_another_kind_of_file_says_so(tmp_path):
    with pytest.raises(DownloadError, match=r"x\.zip is no whole zip archive"):
        unzip(io.BytesIO(b"<html>sorry</html>"), "x.zip", tmp_path)
