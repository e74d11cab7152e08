"""FLAC: metadata blocks before the audio (RFC 9639), at times behind an ID3 tag."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from resemul.configs.file_tags import TagFormatConfig
from resemul.errors import FileTagsError
from resemul.tagging.file_tags.formats.id3 import HEADER_BYTES, tag_length
from resemul.tagging.file_tags.formats.tag import (
    PADDING,
    SongTag,
    damaged,
    read_at,
)
from resemul.tagging.file_tags.formats.vorbis import EMPTY, NAMES, VorbisComments
from resemul.tagging.file_tags.splices import Splice, apply_to_bytes, growth

if TYPE_CHECKING:
    import mutagen

_PADDING_BLOCK, _COMMENT_BLOCK = 1, 4
_LAST = 0x80
_MAX_BLOCK_BYTES = (1 << 24) - 1


@dataclass(frozen=True)
class _Block:
    kind: int
    is_last: bool
    offset: int
    size: int

    @property
    def content(self) -> int:
        return self.offset + 4

    @property
    def end(self) -> int:
        return self.content + self.size

    def header(self, size: int, is_last: bool | None = None) -> bytes:
        return block_header(
            self.kind, size, self.is_last if is_last is None else is_last
        )


def block_header(kind: int, size: int, is_last: bool) -> bytes:
    """The four bytes in front of a block.

    Raises:
        FileTagsError: the block would be too long.
    """
    if size > _MAX_BLOCK_BYTES:
        raise FileTagsError("the new tag would not fit: a FLAC block holds 16 MB")
    return bytes([kind | (_LAST if is_last else 0)]) + size.to_bytes(3, "big")


class FlacTag(SongTag):
    """The comments of a FLAC file."""

    label = "FLAC"

    def __init__(self, file: BinaryIO, size: int, options: TagFormatConfig) -> None:
        super().__init__()
        self._file = file
        file.seek(0)
        start = tag_length(file.read(HEADER_BYTES))
        if start:
            self.notes.append("begins with an ID3 tag, which is kept as it is")
        if read_at(file, start, 4) != b"fLaC":
            raise damaged("it does not begin as FLAC files do")
        self._blocks = _walk(file, start + 4)
        self.audio = (self._blocks[-1].end, size)
        self.names = dict(NAMES)
        found = [b for b in self._blocks if b.kind == _COMMENT_BLOCK]
        self._comment_block = found[0] if found else None
        data = EMPTY
        if self._comment_block is not None:
            block = self._comment_block
            data = read_at(file, block.content, block.size)
        self._comments = VorbisComments(data)
        self.values = self._comments.values
        rest = [
            b for b in self._blocks if b.kind != _PADDING_BLOCK and b not in found[:1]
        ]
        self.others = self._comments.others + [
            read_at(file, b.content, b.size) for b in rest
        ]
        if len(found) > 1:
            self.notes.append("has two blocks of comments; the first one is written")

    def mutagen_type(self) -> "type[mutagen.FileType]":
        from mutagen.flac import FLAC

        return FLAC

    def edit(self, new: Mapping[str, Sequence[str]]) -> list[Splice]:
        change = self._comments.edit(new)
        if self._comment_block is None:
            return self._insert_comments(change.splices, change.appended)
        block = self._comment_block
        splices = [
            Splice(block.content + s.offset, s.old, s.new) for s in change.splices
        ]
        splices.append(Splice(block.content + self._comments.end, b"", change.appended))
        size = block.size + change.growth
        return splices + self._make_room(block, size, change.growth)

    def _make_room(self, block: _Block, size: int, grown: int) -> list[Splice]:
        """Header of the comments, and padding that takes up what they grew by."""
        paddings = [b for b in self._blocks if b.kind == _PADDING_BLOCK]
        fitting = [b for b in paddings if b.size >= grown]
        if fitting:
            padding = fitting[-1]
            header = _splice_header(block, size)
            return [header, *self._resize(padding, padding.size - grown)]
        if paddings:
            header = _splice_header(block, size)
            return [header, *self._resize(paddings[-1], paddings[-1].size + PADDING)]
        padding_block = block_header(_PADDING_BLOCK, PADDING, block.is_last) + bytes(
            PADDING
        )
        header = Splice(
            block.offset, block.header(block.size), block.header(size, False)
        )
        return [header, Splice(block.end, b"", padding_block)]

    def _insert_comments(self, inner: list[Splice], appended: bytes) -> list[Splice]:
        info = self._blocks[0]
        data = apply_to_bytes(EMPTY, sorted(inner, key=lambda s: s.offset)) + appended
        new = block_header(_COMMENT_BLOCK, len(data), info.is_last) + data
        header = Splice(
            info.offset, info.header(info.size), info.header(info.size, False)
        )
        fitting = [
            b for b in self._blocks if b.kind == _PADDING_BLOCK and b.size >= len(new)
        ]
        splices = [header, Splice(info.end, b"", new)]
        if fitting:
            splices += self._resize(fitting[-1], fitting[-1].size - growth(splices))
        return splices

    def _resize(self, padding: _Block, size: int) -> list[Splice]:
        grown = size - padding.size
        header = _splice_header(padding, size)
        taken = read_at(self._file, padding.content, max(-grown, 0))
        return [header, Splice(padding.content, taken, bytes(max(grown, 0)))]


def _splice_header(block: _Block, size: int) -> Splice:
    return Splice(block.offset, block.header(block.size), block.header(size))


def _walk(file: BinaryIO, position: int) -> list[_Block]:
    blocks = []
    while True:
        header = read_at(file, position, 4)
        size = int.from_bytes(header[1:], "big")
        block = _Block(header[0] & ~_LAST, bool(header[0] & _LAST), position, size)
        blocks.append(block)
        position = block.end
        if block.is_last:
            return blocks
