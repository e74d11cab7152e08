"""MP4 files with the habits of other software."""

import struct

import numpy as np
import pytest
from mutagen.mp4 import MP4, MP4Cover
from readers import read
from songs import decode, make_song

from resemul.configs.file_tags import FileTagsConfig, TagFormatConfig


@pytest.fixture(scope="module")
def moov_first(tmp_path_factory):
    """A song whose audio moves when its tags grow."""
    path = make_song(tmp_path_factory.mktemp("m") / "a.m4a", movflags="faststart")
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    return data


@pytest.fixture
def path(tmp_path):
    return tmp_path / "song.m4a"


def atom(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def data_atom(text: bytes, kind: int = 1) -> bytes:
    return atom(b"data", struct.pack(">II", kind, 0) + text)


def put_into_list(data: bytes, *atoms: bytes) -> bytes:
    """A file whose `moov` is last, with more atoms in its list."""
    added = b"".join(atoms)
    place = data.index(b"ilst") - 4
    size = struct.unpack(">I", data[place : place + 4])[0]
    new = bytearray(data[: place + size] + added + data[place + size :])
    for name in (b"moov", b"udta", b"meta", b"ilst"):
        start = data.index(name) - 4
        old = struct.unpack(">I", data[start : start + 4])[0]
        new[start : start + 4] = struct.pack(">I", old + len(added))
    return bytes(new)


def check_round_trip(path, written, undone):
    before, sound = path.read_bytes(), decode(path)
    run, [outcome] = written(path)
    assert (outcome.state, outcome.message) == ("written", "")
    np.testing.assert_array_equal(decode(path), sound)
    assert read(path, "mood") == ["Mellow", "Sad"]
    after = path.read_bytes()
    undone(run)
    assert path.read_bytes() == before
    return after


def test_the_tables_of_audio_in_front_follow_it(moov_first, path, written, undone):
    path.write_bytes(moov_first)
    after = check_round_trip(path, written, undone)
    # One table, one piece of audio: where it is says so.
    place = after.index(b"stco") + 12
    [offset] = struct.unpack(">I", after[place : place + 4])
    assert offset == after.index(b"mdat") + 4


def test_tables_of_64_bits_follow_too(moov_first, path, written, undone):
    data = moov_first
    start = data.index(b"stco") - 4
    [size] = struct.unpack(">I", data[start : start + 4])
    [count] = struct.unpack(">I", data[start + 12 : start + 16])
    more = 4 * count
    old = struct.unpack(f">{count}I", data[start + 16 : start + size])
    new = [offset + more for offset in old]
    table = atom(b"co64", struct.pack(f">II{count}Q", 0, count, *new))
    changed = bytearray(data[:start] + table + data[start + size :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        place = data.index(name) - 4
        [length] = struct.unpack(">I", data[place : place + 4])
        changed[place : place + 4] = struct.pack(">I", length + more)
    path.write_bytes(changed)
    check_round_trip(path, written, undone)


def test_a_free_atom_behind_the_list_is_used_up_first(
    moov_first, path, written, undone
):
    path.write_bytes(moov_first)
    MP4(path).save(padding=lambda info: 3_000)
    inode, size = path.stat().st_ino, path.stat().st_size
    after = check_round_trip(path, written, undone)
    assert (path.stat().st_ino, len(after)) == (inode, size)


def test_a_song_without_a_list_gets_one(moov_first, song, path, written, undone):
    for data in (moov_first, song("m4a", "other").read_bytes()):
        path.write_bytes(data)
        place = data.index(b"udta")
        # "udta" is what is looked for; under another name it is no list.
        path.write_bytes(data[:place] + b"skip" + data[place + 4 :])
        check_round_trip(path, written, undone)


def test_a_list_without_metadata_gets_some(song, path, written, undone):
    data = song("m4a", "other").read_bytes()
    place = data.index(b"ilst")
    path.write_bytes(data[:place] + b"skip" + data[place + 4 :])
    check_round_trip(path, written, undone)


def test_a_genre_of_the_old_table_is_a_genre(song, path, written, undone):
    data = song("m4a", "other").read_bytes()
    path.write_bytes(put_into_list(data, atom(b"gnre", data_atom(b"\0\x12", 0))))
    check_round_trip(path, written, undone)
    written(path)
    assert read(path, "genre") == ["Rock"]


def test_an_atom_for_each_value_is_read_and_becomes_one(song, path, planned, written):
    data = song("m4a", "other").read_bytes()
    genres = [atom(b"\xa9gen", data_atom(name)) for name in (b"Polka", b"Waltz")]
    path.write_bytes(put_into_list(data, *genres))
    config = FileTagsConfig()
    assert "genre" not in [
        c.field for c in planned(path, config=config).songs[0].changes
    ]
    from resemul.configs.file_tags import Field

    merge = FileTagsConfig((Field("genre", "merge"),))
    written(path, config=merge)
    assert read(path, "genre") == ["Polka", "Waltz", "Rock"]
    assert path.read_bytes().count(b"\xa9gen") == 1


def test_a_name_keeps_its_spelling(song, path, written):
    mood = atom(
        b"----",
        atom(b"mean", bytes(4) + b"com.apple.iTunes")
        + atom(b"name", bytes(4) + b"Mood")
        + data_atom(b"Calm"),
    )
    path.write_bytes(put_into_list(song("m4a", "other").read_bytes(), mood))
    written(path)
    found = MP4(path)
    assert found["----:com.apple.iTunes:Mood"] == [b"Calm", b"Mellow", b"Sad"]
    assert "----:com.apple.iTunes:MOOD" not in found


def test_values_can_be_one_text(song, planned, written):
    path = song("m4a")
    config = FileTagsConfig(formats=TagFormatConfig(mp4_single_value=True))
    written(path, config=config)
    assert read(path, "genre") == ["Rock; Indie Rock"]
    assert planned(path, config=config).songs == []


def test_other_items_keep_their_bytes(song, path, written):
    odd = [
        # Another order of the parts, a language, an unknown name, two covers.
        atom(b"trkn", data_atom(bytes([0, 0, 0, 3, 0, 9]), 0)),
        atom(b"\xa9cmt", atom(b"data", struct.pack(">IHH", 1, 7, 9) + b"c")),
        atom(b"xxxx", b"anything"),
        atom(b"covr", data_atom(b"one", 13) + data_atom(b"two", 14)),
    ]
    data = put_into_list(song("m4a", "other").read_bytes(), *odd)
    path.write_bytes(data)
    written(path)
    assert b"".join(odd) in path.read_bytes()


def test_a_cover_of_20_mb_stays(moov_first, path, written, undone, data_folder):
    path.write_bytes(moov_first)
    found = MP4(path)
    found["covr"] = [MP4Cover(np.random.default_rng(0).bytes(20 << 20))]
    found.save(padding=lambda info: 0)
    check_round_trip(path, written, undone)
    assert (data_folder / "journal.sqlite3").stat().st_size < 100_000


def test_a_fragmented_file_without_room_is_refused(tmp_path, written):
    path = make_song(tmp_path / "a.m4a", movflags="frag_keyframe+empty_moov")
    before = path.read_bytes()
    assert b"moof" in before
    _, [outcome] = written(path)
    assert outcome.state == "failed"
    assert "fragmented" in outcome.message
    assert path.read_bytes() == before
