"""Ogg: Vorbis, Opus and FLAC; comments are the second packet (RFC 3533, 5334, 7845).

Pages are mutagen's. They are filled as evenly as before, so that their number stays
the same wherever possible: otherwise every later page has to be numbered anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from resemul.configs.file_tags import TagFormatConfig
from resemul.errors import FileTagsError
from resemul.tagging.file_tags.formats.flac import block_header
from resemul.tagging.file_tags.formats.tag import (
    PADDING,
    SongTag,
    damaged,
)
from resemul.tagging.file_tags.formats.vorbis import NAMES, VorbisComments
from resemul.tagging.file_tags.splices import Splice, apply_to_bytes, trimmed

if TYPE_CHECKING:
    import mutagen
    from mutagen.ogg import OggPage

_MAX_SEGMENTS = 255
_SEGMENT_BYTES = 255
_MAX_HEADER_PAGES = 2_000


@dataclass(frozen=True)
class _Codec:
    """How a codec's first packet begins, and what stands around its comments."""

    label: str
    first: bytes
    before: bytes
    after: bytes = b""
    can_pad: bool = True


_CODECS = (
    _Codec("Ogg Vorbis", b"\x01vorbis", b"\x03vorbis", b"\x01"),
    _Codec("Opus", b"OpusHead", b"OpusTags"),
    _Codec("FLAC in Ogg", b"\x7fFLAC", b"\x04\x00\x00\x00", can_pad=False),
)


class OggTag(SongTag):
    """The comments of an Ogg file.

    Raises:
        FileTagsError: it holds another codec, or is broken.
    """

    def __init__(self, file: BinaryIO, size: int, options: TagFormatConfig) -> None:
        super().__init__()
        self._file = file
        self.names = dict(NAMES)
        self._codec, self._pages = _read_headers(file)
        self.label = self._codec.label
        self._start = _offset(self._pages[0])
        self._end = _offset(self._pages[-1]) + self._pages[-1].size
        self.audio = (self._end, size)
        from mutagen.ogg import OggPage

        self._comments_packet, *self._rest = OggPage.to_packets(
            self._pages, strict=True
        )
        before = len(self._codec.before)
        if not self._codec.can_pad:
            # A FLAC block with its size; the bit that marks the last one may be set.
            kind = self._comments_packet[0] & 0x7F
            if kind != self._codec.before[0]:
                raise damaged("its comments are not where they belong")
        elif not self._comments_packet.startswith(self._codec.before):
            raise damaged("its comments are not where they belong")
        body = self._comments_packet[before:]
        self._comments = VorbisComments(body)
        self.values = self._comments.values
        self._tail = body[self._comments.end :]
        self.others = [*self._comments.others, self._kept_tail(), *self._rest]

    def _kept_tail(self) -> bytes:
        """What follows the comments and is not padding."""
        stripped = self._tail[len(self._codec.after) :].strip(b"\0")
        return self._tail if stripped else self._tail[: len(self._codec.after)]

    def mutagen_type(self) -> "type[mutagen.FileType]":
        from mutagen.oggflac import OggFLAC
        from mutagen.oggopus import OggOpus
        from mutagen.oggvorbis import OggVorbis

        types = (OggVorbis, OggOpus, OggFLAC)
        return types[_CODECS.index(self._codec)]

    def edit(self, new: Mapping[str, Sequence[str]]) -> list[Splice]:
        change = self._comments.edit(new)
        body = self._comments_packet[len(self._codec.before) :][: self._comments.end]
        inner = sorted(change.splices, key=lambda splice: splice.offset)
        comments = apply_to_bytes(body, inner) + change.appended
        packet = self._pack(comments)
        return self._replace_pages([packet, *self._rest])

    def _pack(self, comments: bytes) -> bytes:
        tail = self._kept_tail()
        if not self._codec.can_pad:
            is_last = bool(self._comments_packet[0] & 0x80)
            return block_header(4, len(comments) + len(tail), is_last) + comments + tail
        packet = self._codec.before + comments + tail
        if len(tail) > len(self._codec.after):
            return packet
        if len(packet) <= len(self._comments_packet):
            return packet.ljust(len(self._comments_packet), b"\0")
        return packet + bytes(PADDING)

    def _replace_pages(self, packets: list[bytes]) -> list[Splice]:
        pages = paginate(packets, self._pages)
        if len(pages) == len(self._pages):
            return [
                trimmed(Splice(_offset(old), old.write(), page.write()))
                for old, page in zip(self._pages, pages, strict=True)
            ]
        if self._end - self._start != sum(page.size for page in self._pages):
            raise FileTagsError(
                "its comments need another page, and its streams are interleaved"
            )
        old = b"".join(page.write() for page in self._pages)
        new = b"".join(page.write() for page in pages)
        moved = len(pages) - len(self._pages)
        return [Splice(self._start, old, new), *self._renumber(moved)]

    def _renumber(self, moved: int) -> Iterator[Splice]:
        """Number and checksum of every later page, eight bytes each."""
        self._file.seek(self._end)
        for page in _iterate_pages(self._file):
            if page.serial != self._pages[0].serial:
                continue
            old = page.write()
            page.sequence += moved
            yield Splice(_offset(page) + 18, old[18:26], page.write()[18:26])


def paginate(
    packets: Sequence[bytes], old_pages: Sequence["OggPage"]
) -> "list[OggPage]":
    """Packets in pages: as many as there were, if they can hold them."""
    from mutagen.ogg import OggPage

    segments = [part for packet in packets for part in _segments(packet)]
    num_pages = max(len(old_pages), -(-len(segments) // _MAX_SEGMENTS))
    num_pages = min(num_pages, len(segments))
    pages = []
    for number in range(num_pages):
        first = number * len(segments) // num_pages
        end = (number + 1) * len(segments) // num_pages
        page = OggPage()
        page.serial = old_pages[0].serial
        page.sequence = old_pages[0].sequence + number
        page.continued = first > 0 and not segments[first - 1][1]
        _fill(page, segments[first:end])
        pages.append(page)
    return pages


def _segments(packet: bytes) -> Iterator[tuple[bytes, bool]]:
    """Pieces of at most 255 bytes, and whether one ends the packet."""
    for start in range(0, len(packet) + 1, _SEGMENT_BYTES):
        piece = packet[start : start + _SEGMENT_BYTES]
        yield piece, len(piece) < _SEGMENT_BYTES


def _fill(page: "OggPage", segments: Sequence[tuple[bytes, bool]]) -> None:
    begins = True
    for piece, ends in segments:
        if begins:
            page.packets.append(piece)
        else:
            page.packets[-1] += piece
        begins = ends
    page.complete = segments[-1][1]
    # Header packets have granule position 0; -1 says that no packet ends here.
    page.position = 0 if any(ends for _, ends in segments) else -1


def _offset(page: "OggPage") -> int:
    """Where a page that was read stands in its file."""
    assert page.offset is not None
    return int(page.offset)


def _read_headers(file: BinaryIO) -> "tuple[_Codec, list[OggPage]]":
    """The codec, and the pages from that of the comments to one that is complete."""
    codec, serial = None, None
    found: list[OggPage] = []
    file.seek(0)
    for number, page in enumerate(_iterate_pages(file)):
        if number > _MAX_HEADER_PAGES:
            break
        first = page.packets[0] if page.packets else b""
        if codec is None and page.first:
            codec = next((c for c in _CODECS if first.startswith(c.first)), None)
            serial = page.serial
        elif codec is not None and page.serial == serial:
            found.append(page)
            if page.complete:
                return codec, found
    if codec is None:
        raise FileTagsError(
            "is Ogg with neither Vorbis, Opus nor FLAC; its tags cannot be written"
        )
    raise damaged("its comments are cut off")


def _iterate_pages(file: BinaryIO) -> "Iterator[OggPage]":
    from mutagen.ogg import OggPage
    from mutagen.ogg import error as OggError

    while True:
        try:
            yield OggPage(file)
        except EOFError:
            return
        except OggError as error:
            raise damaged(f"an Ogg page is broken ({error})") from None
