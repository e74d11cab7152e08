"""ID3 tags with the habits of other software."""

import io
import struct

import numpy as np
import pytest
from mutagen.id3 import APIC, COMM, ID3, PRIV, TCON, TIT2, TXXX
from readers import read
from songs import decode

from resemul.configs.file_tags import Field, FileTagsConfig, TagFormatConfig
from resemul.errors import FileTagsError
from resemul.tagging.file_tags.formats import open_tag
from resemul.tagging.file_tags.formats.id3 import Id3, tag_length
from resemul.tagging.file_tags.splices import apply_to_bytes, ordered

FORMATS = TagFormatConfig()
NEW = {"genre": ["Rock", "Pop"], "mood": ["Sad", "Slow"], "evidence": ['{"a":1}']}


def frame(name: bytes, content: bytes, size: bytes | None = None) -> bytes:
    """A frame of version 2.3, or of 2.4 if it is short."""
    return name + (size or struct.pack(">I", len(content))) + b"\0\0" + content


def tag(frames: bytes, version: int = 4, padding: int = 0, flags: int = 0) -> bytes:
    """A whole tag."""
    body = frames + bytes(padding)
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, flags]) + size + body


def change(data: bytes, new=NEW, formats: TagFormatConfig = FORMATS) -> bytes:
    """The tag with other texts; checks that they are read back, and all else too."""
    before = Id3(data, 0, formats)
    changed = apply_to_bytes(data, ordered(before.edit(new)))
    after = Id3(changed, 0, formats)
    assert tag_length(changed) == len(changed)
    wanted = {name: before.as_read(name, texts) for name, texts in new.items()}
    assert after.values == {**before.values, **wanted}
    assert after.others == before.others
    return changed


def read_with_mutagen(data: bytes) -> ID3:
    return ID3(io.BytesIO(data), translate=False)


TITLE = frame(b"TIT2", b"\x00Song")
ODD_FRAMES = (
    # Zero bytes at the end, UTF-16 of the other byte order, a wrong encoding byte,
    # an unknown frame, one that appears twice, and one without content.
    frame(b"TIT2", b"\x00Song\0\0")
    + frame(b"TPE1", b"\x01\xfe\xff\x00B\x00C")
    + frame(b"TALB", b"\x07?")
    + frame(b"XXXX", b"\xff\xfe\xfd")
    + frame(b"COMM", b"\x00engA\x00one")
    + frame(b"COMM", b"\x00engA\x00two")
    + frame(b"TBPM", b"")
)


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("padding", [0, 7, 300, 5_000])
def test_odd_frames_keep_their_bytes(version, padding):
    data = tag(ODD_FRAMES, version, padding)
    assert ODD_FRAMES in change(data)


def test_a_tag_with_room_keeps_its_size():
    data = tag(TITLE, padding=500)
    assert len(change(data)) == len(data)


def test_a_tag_without_room_gets_some():
    data = tag(TITLE)
    grown = change(data)
    assert len(change(grown, {"mood": ["A", "longer mood"]})) == len(grown)


def test_version_4_has_separate_values():
    found = read_with_mutagen(change(tag(TITLE, 4, 500)))
    assert found["TMOO"].text == ["Sad", "Slow"]
    assert found["TCON"].text == ["Rock", "Pop"]
    assert "TXXX:MOOD" not in found


def test_version_3_stays_and_has_joined_values():
    found = read_with_mutagen(change(tag(TITLE, 3, 500)))
    assert found.version == (2, 3, 0)
    assert found["TXXX:MOOD"].text == ["Sad; Slow"]
    assert found["TCON"].text == ["Rock; Pop"]
    assert "TMOO" not in found


def test_the_separator_can_be_chosen():
    formats = TagFormatConfig(separator=" / ")
    found = read_with_mutagen(change(tag(TITLE, 3, 500), formats=formats))
    assert found["TCON"].text == ["Rock / Pop"]


def test_version_2_stays():
    title = b"TT2" + (5).to_bytes(3, "big") + b"\x00Song"
    changed = change(tag(title, 2, 500))
    assert title in changed
    assert b"TCO" in changed
    assert b"TXX" in changed
    assert ID3(io.BytesIO(changed))["TIT2"].text == ["Song"]
    assert ID3(io.BytesIO(changed))["TXXX:MOOD"].text == ["Sad; Slow"]


def test_other_letters_are_utf16_in_version_3():
    found = read_with_mutagen(change(tag(TITLE, 3, 500), {"mood": ["Грусть", "Ж"]}))
    assert found["TXXX:MOOD"].text == ["Грусть; Ж"]


@pytest.mark.parametrize(
    ("content", "genres"),
    [
        (b"\x00(17)", ["Rock"]),
        (b"\x0017", ["Rock"]),
        (b"\x00(17)(13)", ["Rock", "Pop"]),
        (b"\x00(RX)", ["Remix"]),
        (b"\x00Rock; Pop", ["Rock", "Pop"]),
        (b"\x00AC/DC", ["AC/DC"]),
        (b"\x01\xff\xfeR\x00o\x00", ["Ro"]),
    ],
)
def test_genres_of_version_3_are_read(content, genres):
    assert Id3(tag(frame(b"TCON", content), 3), 0, FORMATS).values["genre"] == genres


def test_a_mood_of_others_in_txxx_is_not_doubled():
    mood = frame(b"TXXX", b"\x03mood\x00Calm")
    data = tag(mood, 4, 500)
    assert Id3(data, 0, FORMATS).values["mood"] == ["Calm"]
    found = read_with_mutagen(change(data, {"mood": ["Calm", "Sad"]}))
    assert [f.text for f in found.getall("TXXX")] == [["Calm; Sad"]]
    assert found.getall("TMOO") == []


def test_two_moods_become_one():
    both = frame(b"TMOO", b"\x03Calm") + frame(b"TXXX", b"\x03MOOD\x00Calm")
    found = read_with_mutagen(change(tag(both, 4, 500), {"mood": ["Sad"]}))
    assert found["TMOO"].text == ["Sad"]
    assert found.getall("TXXX") == []


def test_sizes_as_itunes_wrote_them_stay():
    large = frame(b"PRIV", bytes(range(1, 200)) * 2)
    data = tag(large + TITLE, 4, 500)
    changed = change(data, {"evidence": ["x" * 300]})
    assert changed[10 : 10 + len(large)] == large
    assert read_with_mutagen(changed)["TXXX:RESEMUL"].text == ["x" * 300]


def test_proper_sizes_stay_too():
    content = bytes(range(1, 200)) * 2
    size = bytes(len(content) >> shift & 0x7F for shift in (21, 14, 7, 0))
    data = tag(frame(b"PRIV", content, size) + TITLE, 4, 500)
    changed = change(data, {"evidence": ["x" * 300]})
    assert read_with_mutagen(changed)["TXXX:RESEMUL"].text == ["x" * 300]
    assert read_with_mutagen(changed)["TIT2"].text == ["Song"]


def test_escaped_tags_stay_escaped():
    escaped = frame(b"PRIV", b"a\x00\xff\x00\xe0\xff\x00\x00")
    # Sizes are those before zero bytes were put in.
    raw = b"PRIV" + struct.pack(">I", 6) + b"\0\0" + b"a\x00\xff\x00\xe0\xff\x00\x00"
    data = tag(raw, 3, 500, flags=0x80)
    changed = change(data, {"mood": ["ÿà", "Sad"]})
    assert len(changed) == len(data)
    assert changed[10 : 10 + len(raw)] == raw
    assert len(escaped) == len(raw)
    assert read_with_mutagen(changed)["TXXX:MOOD"].text == ["ÿà; Sad"]


def test_an_extended_header_stays():
    extended = struct.pack(">IHI", 6, 0, 500)
    data = tag(extended + TITLE, 3, 500, flags=0x40)
    assert change(data).startswith(data[:10] + extended + TITLE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tag(TITLE, 5), "no ID3v2.5"),
        (tag(TITLE, 4, flags=0x10), "footer"),
        (tag(TITLE, 2, flags=0x40), "compressed"),
        (
            tag(struct.pack(">IHII", 10, 0x8000, 0, 7) + TITLE, 3, flags=0x40),
            "checksum",
        ),
        (tag(TITLE + b"junk" * 10), "broken"),
        (tag(TITLE + frame(b"TPE1", b"", b"\0\0\x7f\x7f")), "broken"),
    ],
)
def test_what_cannot_be_put_together_again_is_refused(data, message):
    with pytest.raises(FileTagsError, match=message):
        Id3(data, 0, FORMATS)


def test_a_picture_of_20_mb_is_not_kept_in_the_journal(
    song, written, undone, data_folder
):
    path = song("mp3")
    picture = np.random.default_rng(0).bytes(20 << 20)
    found = ID3(path)
    found.add(APIC(encoding=0, mime="image/png", type=3, desc="", data=picture))
    found.add(TCON(encoding=3, text=["Polka"]))
    found.save(path, padding=lambda info: 2_000)
    before = path.read_bytes()
    replace = FileTagsConfig((Field("genre", "replace"), Field("mood", "merge")))
    run, [outcome] = written(path, config=replace)
    assert (outcome.state, outcome.message) == ("written", "")
    assert read(path, "genre") == ["Rock", "Indie Rock"]
    assert ID3(path).getall("APIC")[0].data == picture
    assert (data_folder / "journal.sqlite3").stat().st_size < 100_000
    undone(run)
    assert path.read_bytes() == before


def test_a_small_change_beside_a_large_picture_is_written_in_place(song, written):
    path = song("mp3")
    found = ID3(path)
    picture = bytes(5 << 20)
    found.add(APIC(encoding=0, mime="image/png", type=3, desc="", data=picture))
    found.save(path, padding=lambda info: 2_000)
    inode = path.stat().st_ino
    written(path)
    assert path.stat().st_ino == inode
    assert ID3(path).getall("APIC")[0].data == picture


@pytest.mark.parametrize("version", [3, 4])
def test_songs_tagged_by_mutagen_keep_all_other_frames(song, written, undone, version):
    path = song("mp3")
    found = ID3()
    for other in (
        TIT2(encoding=1, text=["Ü"]),
        COMM(encoding=3, lang="eng", desc="", text=["one"]),
        COMM(encoding=3, lang="eng", desc="x", text=["two"]),
        PRIV(owner="me", data=b"\xff\xe0\x00"),
        TXXX(encoding=3, desc="replaygain_track_gain", text=["-3 dB"]),
    ):
        found.add(other)
    found.save(path, v1=2, v2_version=version)
    before = path.read_bytes()
    old = ID3(path, translate=False)
    run, [outcome] = written(path)
    assert (outcome.state, outcome.message) == ("written", "")
    new = ID3(path, translate=False)
    assert new.version == old.version == (2, version, 0)
    assert {k: new[k] for k in old} == dict(old)
    assert path.read_bytes()[-128:] == before[-128:]
    undone(run)
    assert path.read_bytes() == before


def test_only_an_id3v1_tag_is_copied_before_players_stop_reading_it(
    song, planned, written
):
    path = song("mp3")
    ID3().save(path, v1=0)
    found = ID3()
    found.add(TIT2(encoding=0, text=["Old song"]))
    found.add(TCON(encoding=0, text=["Rock"]))
    found.save(path, v1=2)
    data = path.read_bytes()
    path.write_bytes(data[tag_length(data) :])
    sound = decode(path)
    assert "ID3v1" in planned(path).songs[0].notes[0]
    written(path)
    assert ID3(path, load_v1=False)["TIT2"].text == ["Old song"]
    assert ID3(path, load_v1=False)["TCON"].text == ["Rock"]
    assert path.read_bytes()[-128:] == data[-128:]
    np.testing.assert_array_equal(decode(path), sound)


@pytest.mark.parametrize("version", [3, 4])
def test_new_tags_get_the_version_that_is_asked_for(song, written, version):
    path = song("mp3")
    data = path.read_bytes()
    path.write_bytes(data[tag_length(data) :])
    formats = TagFormatConfig(id3_version=version)
    written(path, config=FileTagsConfig(formats=formats))
    assert ID3(path, translate=False).version == (2, version, 0)
    assert read(path, "mood") == (
        ["Mellow", "Sad"] if version == 4 else ["Mellow; Sad"]
    )


def test_an_ape_tag_behind_an_mp3_stays(song, written):
    from mutagen.apev2 import APEv2

    path = song("mp3")
    ape = APEv2()
    ape["Title"] = "Song"
    ape.save(path)
    tail = path.read_bytes()[-60:]
    written(path)
    assert path.read_bytes()[-60:] == tail
    assert APEv2(path)["Title"] == "Song"


def test_of_two_tags_the_first_is_written(song, planned, written):
    path = song("mp3")
    second = tag(frame(b"TIT2", b"\x00Second"))
    path.write_bytes(tag(TITLE, padding=2_000) + second + path.read_bytes())
    assert planned(path).songs[0].notes == [
        "has two ID3v2 tags; the first one is written"
    ]
    written(path)
    assert second in path.read_bytes()
    assert read(path, "mood") == ["Mellow", "Sad"]


@pytest.mark.parametrize("ending", ["wav", "aiff"])
def test_a_chunk_in_front_of_the_audio_can_grow(song, written, undone, ending):
    path = song(ending)
    data = path.read_bytes()
    number, name = ("<I", b"id3 ") if ending == "wav" else (">I", b"ID3 ")
    content = tag(TITLE, 4) + b"\0"
    chunk = name + struct.pack(number, len(content)) + content + bytes(len(content) % 2)
    total = struct.pack(number, len(data) + len(chunk) - 8)
    path.write_bytes(data[:4] + total + data[8:12] + chunk + data[12:])
    before = path.read_bytes()
    run, [outcome] = written(path)
    assert (outcome.state, outcome.message) == ("written", "")
    assert read(path, "mood") == ["Mellow", "Sad"]
    assert struct.unpack(number, path.read_bytes()[4:8]) == (path.stat().st_size - 8,)
    undone(run)
    assert path.read_bytes() == before


def test_a_wav_of_odd_length_gets_the_byte_it_lacks(song, written, undone):
    path = song("wav")
    data = path.read_bytes()
    # A last chunk of three bytes, without the fourth that pads it.
    chunk = b"abcd" + struct.pack("<I", 3) + b"xyz"
    path.write_bytes(
        data[:4] + struct.pack("<I", len(data) + 11 - 8) + data[8:] + chunk
    )
    before = path.read_bytes()
    run, _ = written(path)
    assert read(path, "mood") == ["Mellow", "Sad"]
    assert struct.unpack("<I", path.read_bytes()[4:8]) == (path.stat().st_size - 8,)
    undone(run)
    assert path.read_bytes() == before


def test_a_wav_whose_header_is_wrong_is_refused(song):
    data = bytearray(song("wav").read_bytes())
    data[4:8] = b"\xff\xff\xff\xff"
    with pytest.raises(FileTagsError, match="longer than it is"):
        open_tag(io.BytesIO(data), len(data), FORMATS)
