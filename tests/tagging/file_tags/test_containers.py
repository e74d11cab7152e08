"""What holds for songs in every container."""

import hashlib
import io
import json
from contextlib import suppress

import mutagen
import numpy as np
import pytest
from readers import other_tags, read
from songs import CONTAINERS, decode

from resemul.configs.file_tags import FileTagsConfig
from resemul.errors import FileTagsError
from resemul.tagging.file_tags.formats import open_tag
from resemul.tagging.file_tags.splices import apply_to_bytes, inverted, ordered

every_container = pytest.mark.parametrize("ending", CONTAINERS)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@every_container
def test_other_programs_read_what_was_written(song, written, ending):
    path = song(ending)
    sound = decode(path)
    _, [outcome] = written(path)
    assert (outcome.state, outcome.message) == ("written", "")
    assert read(path, "genre") == ["Rock", "Indie Rock"]
    assert read(path, "mood") == ["Mellow", "Sad"]
    [evidence] = read(path, "evidence")
    assert json.loads(evidence)["models"]["msd-musicnn"]["tags"]["guitar"] == 0.05
    np.testing.assert_array_equal(decode(path), sound)


@every_container
def test_what_is_taken_back_has_its_old_bytes(song, written, undone, ending):
    path = song(ending)
    before = path.read_bytes()
    run, _ = written(path)
    assert path.read_bytes() != before
    [outcome] = undone(run)
    assert outcome.state == "undone"
    assert path.read_bytes() == before


@every_container
def test_a_second_plan_has_nothing_to_change(song, written, planned, ending):
    path = song(ending)
    written(path)
    assert planned(path).songs == []


@every_container
def test_runs_are_taken_back_one_after_the_other(song, written, undone, ending):
    path = song(ending)
    first_state = sha256(path)
    first, _ = written(path)
    second_state = sha256(path)
    second, _ = written(
        path, tags={"happy": 0.5, "jazz": 0.4, **dict.fromkeys("abc", 1)}
    )
    assert read(path, "mood") == ["Happy"]
    assert read(path, "genre") == ["Jazz"]
    [refused] = undone(first)
    assert f"later run {second}" in refused.message
    undone(second)
    assert sha256(path) == second_state
    undone(first)
    assert sha256(path) == first_state


@every_container
def test_what_a_user_wrote_stays(song, written, ending):
    path = song(ending)
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    _write_with_mutagen(file)
    file.save()
    before = other_tags(path)
    written(path)
    assert read(path, "genre") == ["Polka"]
    assert read(path, "mood") == ["Wistful", "Mellow", "Sad"]
    assert other_tags(path) == before
    assert len(before) >= 2


def _write_with_mutagen(file):
    kind = type(file).__name__
    if kind in ("MP3", "WAVE", "AIFF"):
        from mutagen.id3 import COMM, TCON, TIT2, TMOO

        for frame in (
            TIT2(3, text="Ä song"),
            COMM(3, lang="eng", desc="", text="c"),
            TCON(3, text="Polka"),
            TMOO(3, text="Wistful"),
        ):
            file.tags.add(frame)
    elif kind == "MP4":
        file["\xa9nam"], file["\xa9gen"] = ["Ä song"], ["Polka"]
        file["trkn"] = [(3, 9)]
        file["----:com.apple.iTunes:MOOD"] = [b"Wistful"]
    elif kind == "ASF":
        file["Title"], file["WM/TrackNumber"] = ["Ä song"], [3]
        file["WM/Genre"], file["WM/Mood"] = ["Polka"], ["Wistful"]
    else:
        file["title"], file["artist"] = ["Ä song"], ["B", "C"]
        file["genre"], file["mood"] = ["Polka"], ["Wistful"]


@every_container
def test_emptied_fields_are_removed(song, written, ending):
    path = song(ending)
    written(path)
    with path.open("rb") as file:
        tag = open_tag(file, path.stat().st_size, FileTagsConfig().formats)
        assert tag.values["mood"] == ["Mellow", "Sad"]
        splices = ordered(tag.edit({"mood": [], "genre": ["Jazz"]}))
    data = path.read_bytes()
    new = apply_to_bytes(data, splices)
    path.write_bytes(new)
    assert read(path, "mood") == []
    assert read(path, "genre") == ["Jazz"]
    assert apply_to_bytes(new, inverted(splices)) == data


@every_container
@pytest.mark.parametrize("size", [1, 100, 1_000, 3_000, 20_000])
def test_tags_of_any_size_are_read_back(song, ending, size):
    path = song(ending)
    with path.open("rb") as file:
        tag = open_tag(file, path.stat().st_size, FileTagsConfig().formats)
        tag_text = "é" * (size // 2) + "x"
        splices = ordered(tag.edit({"evidence": [tag_text], "mood": ["Ruhig"]}))
        new = apply_to_bytes(path.read_bytes(), splices)
    sound = decode(path)
    path.write_bytes(new)
    assert read(path, "evidence") == [tag_text]
    np.testing.assert_array_equal(decode(path), sound)


@every_container
def test_damaged_files_are_refused_or_read_but_never_crash(song, ending):
    """Every cut, and bytes turned over in the head and the tail."""
    data = song(ending).read_bytes()
    rng = np.random.default_rng(0)
    broken = [data[:cut] for cut in rng.integers(0, len(data), 20)]
    for start in (0, max(0, len(data) - 600)):
        for position in rng.integers(start, min(start + 600, len(data)), 60):
            other = bytearray(data)
            other[position] ^= int(rng.integers(1, 256))
            broken.append(bytes(other))
    for content in broken:
        _try_to_change(content)


def _try_to_change(content):
    file = io.BytesIO(content)
    with suppress(FileTagsError):
        tag = open_tag(file, len(content), FileTagsConfig().formats)
        ordered(tag.edit({"genre": ["Jazz"], "evidence": ["x" * 3_000]}))
