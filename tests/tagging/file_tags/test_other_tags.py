"""FLAC, Ogg, APEv2 and ASF files with the habits of other software."""

import base64
import io

import mutagen
import numpy as np
import pytest
from mutagen.apev2 import APEv2
from mutagen.flac import FLAC, Picture
from mutagen.id3 import ID3, TIT2
from mutagen.ogg import OggPage
from readers import read
from songs import decode

from resemul.configs.file_tags import Field, FileTagsConfig, TagFormatConfig
from resemul.errors import FileTagsError
from resemul.tagging.file_tags.formats import open_tag
from resemul.tagging.file_tags.formats.vorbis import EMPTY, VorbisComments

FORMATS = TagFormatConfig()


def check_round_trip(path, written, undone, **kwargs):
    """Writes a song and takes it back; what it was while it was written."""
    before, sound = path.read_bytes(), decode(path)
    run, [outcome] = written(path, **kwargs)
    assert (outcome.state, outcome.message) == ("written", "")
    np.testing.assert_array_equal(decode(path), sound)
    after = path.read_bytes()
    undone(run)
    assert path.read_bytes() == before
    path.write_bytes(after)
    return after


def block(kind: int, content: bytes, is_last: bool = False) -> bytes:
    return bytes([kind | 128 * is_last]) + len(content).to_bytes(3, "big") + content


def flac_blocks(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Blocks and audio of a FLAC file."""
    position, blocks, is_last = 4, [], False
    while not is_last:
        kind, size = data[position], int.from_bytes(data[position + 1 : position + 4])
        is_last = bool(kind & 128)
        blocks.append((kind & 127, data[position + 4 : position + 4 + size]))
        position += 4 + size
    return blocks, data[position:]


def flac_of(blocks, audio) -> bytes:
    parts = [
        block(kind, content, number == len(blocks) - 1)
        for number, (kind, content) in enumerate(blocks)
    ]
    return b"fLaC" + b"".join(parts) + audio


@pytest.mark.parametrize("others", [[], [(2, b"app1data")], [(1, bytes(9))]])
@pytest.mark.parametrize("comments_at", [None, 0, 1])
@pytest.mark.parametrize("padding", [None, 10, 2_000])
def test_flac_blocks_in_any_order(song, written, undone, others, comments_at, padding):
    path = song("flac")
    [info, *_], audio = flac_blocks(path.read_bytes())
    blocks = list(others)
    if comments_at is not None:
        blocks.insert(comments_at, (4, EMPTY))
    if padding is not None:
        blocks.append((1, b"not zero" + bytes(padding)))
    path.write_bytes(flac_of([info, *blocks], audio))
    after = check_round_trip(path, written, undone)
    assert FLAC(io.BytesIO(after))["mood"] == ["Mellow", "Sad"]
    kept = [b for b in flac_blocks(after)[0] if b[0] not in (1, 4)]
    assert kept == [info, *[b for b in others if b[0] == 2]]


def test_flac_padding_is_used_up_in_place(song, written):
    path = song("flac")
    inode, size = path.stat().st_ino, path.stat().st_size
    written(path)
    assert (path.stat().st_ino, path.stat().st_size) == (inode, size)


def test_an_id3_tag_in_front_of_flac_is_kept(song, planned, written, undone):
    path = song("flac")
    tag = io.BytesIO()
    found = ID3()
    found.add(TIT2(encoding=3, text=["Song"]))
    found.save(tag)
    path.write_bytes(tag.getvalue() + path.read_bytes())
    assert "ID3 tag" in planned(path).songs[0].notes[0]
    after = check_round_trip(path, written, undone)
    assert after.startswith(tag.getvalue())
    assert FLAC(io.BytesIO(after))["mood"] == ["Mellow", "Sad"]


def test_two_blocks_of_comments_are_both_kept(song, planned, written, undone):
    path = song("flac")
    blocks, audio = flac_blocks(path.read_bytes())
    path.write_bytes(flac_of([*blocks, (4, EMPTY)], audio))
    assert "two blocks" in planned(path).songs[0].notes[0]
    after = check_round_trip(path, written, undone)
    assert flac_blocks(after)[0][-1] == (4, EMPTY)
    assert b"MOOD=Mellow" in after


def test_a_flac_picture_of_16_mb_stays(song, written, undone, data_folder):
    path = song("flac")
    picture = Picture()
    picture.data = np.random.default_rng(0).bytes((1 << 24) - 100)
    found = FLAC(path)
    found["genre"] = ["Polka"]
    found.add_picture(picture)
    found.save()
    replace = FileTagsConfig((Field("genre", "replace"),))
    after = check_round_trip(path, written, undone, config=replace)
    assert FLAC(io.BytesIO(after)).pictures[0].data == picture.data
    assert (data_folder / "journal.sqlite3").stat().st_size < 100_000


def comments(*items: bytes) -> bytes:
    packed = b"".join(len(i).to_bytes(4, "little") + i for i in items)
    return (
        (3).to_bytes(4, "little") + b"enc" + len(items).to_bytes(4, "little") + packed
    )


def test_comments_in_any_encoding_keep_their_bytes(song, written):
    path = song("flac")
    [info, *_], audio = flac_blocks(path.read_bytes())
    odd = [b"ARTIST=Bj\xf6rk", b"no equals sign", b"ARTIST=again", b"=", b""]
    path.write_bytes(flac_of([info, (4, comments(*odd))], audio))
    written(path)
    [found] = [c for kind, c in flac_blocks(path.read_bytes())[0] if kind == 4]
    assert VorbisComments(found).others[1:] == VorbisComments(comments(*odd)).others[1:]


def test_comments_keep_the_spelling_of_their_names(song, written):
    path = song("flac")
    [info, *_], audio = flac_blocks(path.read_bytes())
    path.write_bytes(flac_of([info, (4, comments(b"Mood=Calm"))], audio))
    written(path)
    data = path.read_bytes()
    assert b"Mood=Calm" in data
    assert b"Mood=Sad" in data
    assert b"MOOD" not in data


@pytest.mark.parametrize("data", [b"", b"\xff\xff\xff\xff", EMPTY[:-4] + b"\2\0\0\0"])
def test_comments_that_are_cut_off_are_refused(data):
    with pytest.raises(FileTagsError, match="cut off"):
        VorbisComments(data)


def pages_of(data: bytes) -> list[OggPage]:
    file = io.BytesIO(data)
    pages = []
    while file.tell() < len(data):
        pages.append(OggPage(file))
    return pages


@pytest.mark.parametrize("ending", ["ogg", "opus", "oga"])
def test_ogg_pages_keep_their_numbers_if_they_can(song, written, undone, ending):
    path = song(ending)
    before = pages_of(path.read_bytes())
    after = pages_of(check_round_trip(path, written, undone))
    assert len(after) == len(before)
    assert [p.write() for p in after[2:]] == [p.write() for p in before[2:]]


@pytest.mark.parametrize("ending", ["ogg", "opus", "oga"])
def test_ogg_pages_are_numbered_anew_if_they_must(song, written, undone, ending):
    path = song(ending)
    tags = {"rock": 0.5, **{f"{'x' * 999}{n}": 0.1 for n in range(150)}}
    before = pages_of(path.read_bytes())
    after = pages_of(check_round_trip(path, written, undone, tags=tags))
    assert len(after) > len(before)
    assert [p.sequence for p in after] == list(range(len(after)))
    assert after[-1].packets == before[-1].packets
    assert read(path, "genre") == ["Rock"]


@pytest.mark.parametrize("ending", ["ogg", "opus"])
def test_padding_of_ogg_comments_is_used_up_in_place(song, written, undone, ending):
    path = song(ending)
    mutagen.File(path).save(padding=lambda info: 2_000)
    inode, size = path.stat().st_ino, path.stat().st_size
    after = check_round_trip(path, written, undone)
    assert (path.stat().st_ino, len(after)) == (inode, size)


def test_what_follows_opus_comments_and_is_no_padding_stays(song, written, undone):
    path = song("opus")
    found = mutagen.File(path)
    found.tags._pad_data = b"\x01kept data"
    found.save()
    after = check_round_trip(path, written, undone)
    assert b"\x01kept data" in after


def test_a_picture_in_ogg_comments_stays(song, written, undone):
    path = song("ogg")
    picture = base64.b64encode(np.random.default_rng(0).bytes(300_000)).decode()
    found = mutagen.File(path)
    found["metadata_block_picture"] = [picture]
    found.save()
    after = check_round_trip(path, written, undone)
    assert mutagen.File(io.BytesIO(after))["metadata_block_picture"] == [picture]


def test_other_codecs_in_ogg_are_refused():
    page = OggPage()
    page.first = True
    page.packets = [b"Speex   1.2"]
    data = page.write()
    with pytest.raises(FileTagsError, match="neither Vorbis, Opus nor FLAC"):
        open_tag(io.BytesIO(data), len(data), FORMATS)


@pytest.mark.parametrize("v1", [b"", b"TAG" + bytes(125)])
def test_an_ape_tag_is_put_before_id3v1(song, written, undone, v1):
    path = song("wv")
    APEv2(path).delete(path)
    path.write_bytes(path.read_bytes() + v1)
    after = check_round_trip(path, written, undone)
    assert after.endswith(v1)
    assert read(path, "mood") == ["Mellow", "Sad"]


def test_ape_items_keep_their_bytes_and_spelling(song, written, undone):
    path = song("wv")
    found = APEv2(path)
    found["Cover Art (Front)"] = mutagen.apev2.APEBinaryValue(b"a.png\0\xff\xfe")
    found["Link"] = mutagen.apev2.APEExtValue("http://example.org")
    found["MOOD"] = "Calm"
    found.save()
    after = check_round_trip(path, written, undone)
    tags = APEv2(io.BytesIO(after))
    assert tags["Cover Art (Front)"].value == b"a.png\0\xff\xfe"
    assert str(tags["Link"]) == "http://example.org"
    assert list(tags["mood"]) == ["Calm", "Mellow", "Sad"]
    assert b"MOOD\0" in after


def test_an_ape_tag_without_a_header_stays_without(song, written, undone):
    path = song("wv")
    data = path.read_bytes()
    start = data.rindex(b"APETAGEX", 0, len(data) - 32)
    footer = bytearray(data[-32:])
    footer[20:24] = bytes(4)
    path.write_bytes(data[:start] + data[start + 32 : -32] + footer)
    after = check_round_trip(path, written, undone)
    assert after.count(b"APETAGEX") == 1
    assert read(path, "mood") == ["Mellow", "Sad"]


def test_wma_says_its_new_size(song, written, undone):
    path = song("wma")
    after = check_round_trip(path, written, undone)
    place = after.index(bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365")) + 40
    assert int.from_bytes(after[place : place + 8], "little") == len(after)


def test_padding_of_wma_is_used_up_in_place(song, written, undone):
    path = song("wma")
    mutagen.File(path).save(padding=lambda info: 4_000)
    inode, size = path.stat().st_ino, path.stat().st_size
    after = check_round_trip(path, written, undone)
    assert (path.stat().st_ino, len(after)) == (inode, size)


def test_wma_attributes_of_other_kinds_stay(song, written, undone):
    from mutagen.asf import ASFBoolAttribute, ASFByteArrayAttribute, ASFDWordAttribute

    path = song("wma")
    found = mutagen.File(path)
    found["WM/IsCompilation"] = [ASFBoolAttribute(True)]
    found["WM/Picture"] = [ASFByteArrayAttribute(data=b"\0\1\2")]
    found["Year"] = [ASFDWordAttribute(1999)]
    found["Title"] = ["Song"]
    found.save()
    before = dict(mutagen.File(path).tags)
    after = mutagen.File(io.BytesIO(check_round_trip(path, written, undone))).tags
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"\x1a\x45\xdf\xa3", "Matroska"),
        (b"\xff\xf1\x50\x80", "ADTS"),
        (b"RF64....WAVE", "RF64"),
        (b"just text", "no format"),
        (b"", "no format"),
    ],
)
def test_other_formats_are_refused_by_name(head, message):
    with pytest.raises(FileTagsError, match=message):
        open_tag(io.BytesIO(head), len(head), FORMATS)


def test_a_name_does_not_say_what_a_file_is(song, written, tmp_path):
    path = tmp_path / "song.mp3"
    song("flac").rename(path)
    written(path)
    assert FLAC(path)["mood"] == ["Mellow", "Sad"]
