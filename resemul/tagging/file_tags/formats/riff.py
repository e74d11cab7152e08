"""WAV and AIFF: an ID3v2 tag in a chunk of its own, at the end if it is new."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from resemul.configs.file_tags import TagFormatConfig
from resemul.tagging.file_tags.formats.id3 import (
    HEADER_BYTES,
    Id3,
    new_id3,
    tag_length,
)
from resemul.tagging.file_tags.formats.tag import (
    SongTag,
    damaged,
    read_at,
    set_number,
)
from resemul.tagging.file_tags.splices import Splice, apply_to_bytes, growth

if TYPE_CHECKING:
    import mutagen

_START = 12


@dataclass(frozen=True)
class _Chunk:
    name: bytes
    offset: int
    size: int

    @property
    def content(self) -> int:
        return self.offset + 8

    @property
    def end(self) -> int:
        """Without the byte that pads to an even length."""
        return self.content + self.size


class ChunkedTag(SongTag):
    """The tag of a WAV or AIFF file.

    Args:
        number: of sizes, "<I" in RIFF and ">I" in AIFF.
        audio_chunk: the chunk that holds the samples.
        new_chunk: what a new chunk for the tag is called.
    """

    def __init__(
        self,
        file: BinaryIO,
        size: int,
        options: TagFormatConfig,
        number: str,
        audio_chunk: bytes,
        new_chunk: bytes,
    ) -> None:
        super().__init__()
        self._number, self._new_chunk = number, new_chunk
        [self._total] = struct.unpack(number, read_at(file, 4, 4))
        self._end = _START - 4 + self._total
        # Some writers do not count the last padding byte, or leave it out.
        if self._end > size + 1:
            raise damaged("its header says that it is longer than it is")
        self._end = min(self._end, size)
        chunks = list(_walk(file, self._end, number))
        self.audio = _find_audio(chunks, audio_chunk)
        found = [c for c in chunks if c.name.upper() == b"ID3 "]
        self._chunk = found[0] if found else None
        self._id3 = self._read(file, options)
        self.values, self.names = self._id3.values, self._id3.names
        self.others = self._id3.others
        if len(found) > 1:
            self.notes.append("has two ID3 chunks; the first one is written")

    def _read(self, file: BinaryIO, options: TagFormatConfig) -> Id3:
        kind = "WAV" if self._number == "<I" else "AIFF"
        if self._chunk is None:
            id3 = Id3(new_id3(b"", options), 0, options)
            self.label = f"{kind}, new {id3.label}"
            return id3
        length = tag_length(read_at(file, self._chunk.content, HEADER_BYTES))
        if not 0 < length <= self._chunk.size:
            raise damaged("its ID3 chunk holds no whole tag")
        data = read_at(file, self._chunk.content, length)
        id3 = Id3(data, self._chunk.content, options)
        self.label = f"{kind}, {id3.label}"
        return id3

    def as_read(self, field_name: str, values: Sequence[str]) -> list[str]:
        return self._id3.as_read(field_name, values)

    def mutagen_type(self) -> "type[mutagen.FileType]":
        from mutagen.aiff import AIFF
        from mutagen.wave import WAVE

        return WAVE if self._number == "<I" else AIFF

    def edit(self, new: Mapping[str, Sequence[str]]) -> list[Splice]:
        splices = self._id3.edit(new, even_growth=True)
        if self._chunk is None:
            ordered = sorted(splices, key=lambda splice: splice.offset)
            return self._append_chunk(apply_to_bytes(self._id3.data, ordered))
        size, grown = self._chunk.size, growth(splices)
        at = self._chunk.offset + 4
        splices.append(set_number(self._number, at, size, size + grown))
        total = self._total + grown
        return [*splices, set_number(self._number, 4, self._total, total)]

    def _append_chunk(self, tag: bytes) -> list[Splice]:
        missing_padding = bytes(self._end % 2)
        size = set_number(self._number, 0, 0, len(tag)).new
        chunk = missing_padding + self._new_chunk + size + tag
        total = self._end + len(chunk) - 8
        return [
            set_number(self._number, 4, self._total, total),
            Splice(self._end, b"", chunk),
        ]


def _walk(file: BinaryIO, end: int, number: str) -> Iterator[_Chunk]:
    position = _START
    while position + 8 <= end:
        header = read_at(file, position, 8)
        [size] = struct.unpack(number, header[4:])
        chunk = _Chunk(header[:4], position, size)
        if chunk.end > end:
            raise damaged(f"its chunk {header[:4]!r} says that it is longer than it is")
        yield chunk
        position = chunk.end + size % 2


def _find_audio(chunks: Sequence[_Chunk], name: bytes) -> tuple[int, int]:
    for chunk in chunks:
        if chunk.name == name:
            return chunk.content, chunk.end
    raise damaged(f"it has no chunk {name.decode()!r}")
