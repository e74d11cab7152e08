import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resemul.tagging.file_tags.splices import (
    IN_PLACE_LIMIT,
    Splice,
    SplicedFile,
    apply_to_bytes,
    fit_in_place,
    inverted,
    ordered,
    pack,
    trimmed,
    unpack,
)

DATA = b"0123456789"


@st.composite
def changes(draw):
    """Any bytes and splices of them."""
    data = draw(st.binary(max_size=60))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    splices = [
        Splice(start, data[start:end], draw(st.binary(max_size=10)))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    return data, ordered(splices)


@given(changes())
def test_the_inverse_leads_back(change):
    data, splices = change
    new = apply_to_bytes(data, splices)
    assert apply_to_bytes(new, inverted(splices)) == data


@given(changes())
def test_packed_splices_are_read_back(change):
    _, splices = change
    assert unpack(pack(splices)) == splices


@given(changes(), st.integers(1, 7))
def test_a_view_reads_the_same_in_pieces_of_any_size(change, size):
    data, splices = change
    view = io.BufferedReader(SplicedFile(io.BytesIO(data), len(data), splices), size)
    pieces = iter(lambda: view.read(size), b"")
    assert b"".join(pieces) == apply_to_bytes(data, splices)


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_a_trimmed_splice_changes_the_same(old, new):
    short = trimmed(Splice(0, old, new))
    assert apply_to_bytes(old, [short]) == new
    assert not (short.old and short.new) or (
        short.old[0] != short.new[0] and short.old[-1] != short.new[-1]
    )


def test_splices_that_overlap_are_refused():
    with pytest.raises(ValueError, match="overlap"):
        ordered([Splice(0, b"012", b"x"), Splice(2, b"23", b"y")])


def test_a_view_is_read_anywhere():
    raw = SplicedFile(io.BytesIO(DATA), 10, [Splice(2, b"23", b"abc")])
    view = io.BufferedReader(raw)
    view.seek(-3, io.SEEK_END)
    assert (raw.size, view.read()) == (11, b"789")
    view.seek(3)
    assert view.read(4) == b"bc45"


def fitted(*splices, audio=(0, 0)):
    return fit_in_place(list(splices), io.BytesIO(DATA), len(DATA), audio)


def test_what_keeps_its_length_fits_in_place():
    splices = [Splice(1, b"1", b"x"), Splice(5, b"5", b"y")]
    assert fitted(*splices, audio=(2, 5)) == splices


def test_what_moves_and_moves_back_is_one_span():
    grows, shrinks = Splice(1, b"1", b"xx"), Splice(5, b"56", b"y")
    assert fitted(grows, shrinks) == [Splice(1, b"123456", b"xx234y")]


def test_audio_is_not_moved_in_place():
    grows, shrinks = Splice(1, b"1", b"xx"), Splice(5, b"56", b"y")
    assert fitted(grows, shrinks, audio=(3, 4)) is None


def test_what_follows_the_audio_may_grow_in_place():
    assert fitted(Splice(8, b"", b"x"), audio=(0, 8)) == [Splice(8, b"89", b"x89")]


def test_what_precedes_the_audio_may_not():
    assert fitted(Splice(1, b"", b"x"), audio=(2, 9)) is None


def test_a_large_picture_is_not_moved_in_place():
    size = IN_PLACE_LIMIT + 2
    splices = [Splice(0, b"0", b"xx"), Splice(size - 2, b"00", b"x")]
    file = io.BytesIO(b"0" * size)
    assert fit_in_place(splices, file, size, (size, size)) is None
