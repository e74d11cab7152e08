"""Files found: folders, loops, patterns, lists; and told apart by fingerprints."""

import io
import logging
import os
from pathlib import Path

import pytest

from resemul.errors import AudioError
from resemul.tagging.library import find_audio, fingerprint, read_list


@pytest.fixture
def music(tmp_path):
    for name in (
        "b.mp3",
        "A.FLAC",
        "cover.jpg",
        ".hidden.mp3",
        "._b.mp3",
        "sub/c.wv",
        ".trash/d.mp3",
        "folder.mp3/e.ogg",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def names(found, root):
    return [os.path.relpath(path, root) for path in found]


def test_a_folder_gives_its_visible_audio_files(music):
    found = names(find_audio([str(music)]), music)
    assert found == ["A.FLAC", "b.mp3", "folder.mp3/e.ogg", "sub/c.wv"]


def test_a_loop_of_links_is_walked_once(music):
    (music / "sub" / "up").symlink_to(music)
    (music / "again").symlink_to(music / "sub")
    found = names(find_audio([str(music)]), music)
    assert len(found) == 4
    assert sum(name.endswith("c.wv") for name in found) == 1


def test_each_file_comes_once_in_the_order_of_the_paths(music):
    given = [str(music / "b.mp3"), str(music), str(music / "b.mp3")]
    assert names(find_audio(given), music)[:2] == ["b.mp3", "A.FLAC"]
    assert len(find_audio(given)) == 4


def test_a_file_that_is_named_is_taken_whatever_it_is(music):
    given = [str(music / "cover.jpg"), str(music / "gone.mp3")]
    assert find_audio(given) == given


def test_patterns_are_looked_up(music):
    assert names(find_audio([f"{music}/*.mp3"]), music) == [
        "b.mp3",
        "folder.mp3/e.ogg",
    ]
    assert names(find_audio([f"{music}/**/*.wv"]), music) == ["sub/c.wv"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(music):
    (music / "[1].mp3").write_bytes(b"x")
    assert find_audio([f"{music}/[1].mp3"]) == [f"{music}/[1].mp3"]


def test_an_empty_folder_is_named_and_stops_nothing(music, caplog):
    (music / "empty").mkdir()
    with caplog.at_level(logging.WARNING):
        found = find_audio([str(music / "empty"), str(music / "b.mp3")])
    assert names(found, music) == ["b.mp3"]
    assert "empty holds no audio file" in caplog.text


def test_nothing_at_all_says_what_was_looked_for(music):
    (music / "empty").mkdir()
    with pytest.raises(AudioError, match=r"empty; looked for \.3gp, \.aac"):
        find_audio([str(music / "empty")])


def test_a_folder_that_may_not_be_read_is_a_path_that_will_fail(music, monkeypatch):
    real = os.scandir

    def refuse(path):
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert "sub" in names(find_audio([str(music)]), music)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a.mp3\nb c.mp3\r\n\n", ["a.mp3", "b c.mp3"]),
        (b"a\nb.mp3\0c.mp3\0", ["a\nb.mp3", "c.mp3"]),
        (b"caf\xe9.mp3\n", ["caf\udce9.mp3"]),
    ],
)
def test_lists_are_lines_or_ended_by_zeros(content, expected):
    assert read_list(io.BytesIO(content)) == expected


def test_a_fingerprint_changes_with_the_file_and_the_parameters(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(b"1")
    marks = [fingerprint(str(path), {"hop": 1}), fingerprint(str(path), {"hop": 2})]
    os.utime(path, ns=(0, 1))
    marks.append(fingerprint(str(path), {"hop": 1}))
    path.write_bytes(b"22")
    os.utime(path, ns=(0, 1))
    marks.append(fingerprint(str(path), {"hop": 1}))
    assert len(set(marks)) == 4
    assert marks[3] == fingerprint(str(path), {"hop": 1})
    assert fingerprint(str(tmp_path / "gone"), {}) is None


def test_a_relative_path_is_the_same_file(tmp_path, monkeypatch):
    (tmp_path / "a.mp3").write_bytes(b"1")
    monkeypatch.chdir(tmp_path)
    assert fingerprint("a.mp3", {}) == fingerprint(str(Path.cwd() / "a.mp3"), {})


def test_nothing_that_exists_is_an_error_at_once(tmp_path):
    with pytest.raises(AudioError, match=r"gone\.mp3 does not exist"):
        find_audio([str(tmp_path / "gone.mp3"), str(tmp_path / "gone-too.mp3")])
