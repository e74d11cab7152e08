"""MP3: an ID3v2 tag at the head; ID3v1 and APEv2 at the tail are left alone."""

from collections.abc import Mapping, Sequence
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
)
from resemul.tagging.file_tags.splices import Splice, apply_to_bytes

if TYPE_CHECKING:
    import mutagen

_ID3V1_BYTES = 128


class MpegTag(SongTag):
    """The tag of an MP3 file."""

    def __init__(self, file: BinaryIO, size: int, options: TagFormatConfig) -> None:
        super().__init__()
        file.seek(0)
        length = tag_length(file.read(HEADER_BYTES))
        if length > size:
            raise damaged("its ID3 tag is longer than the file")
        self._is_new = not length
        data = read_at(file, 0, length)
        if self._is_new:
            data = new_id3(_read_v1(file, size), options)
        self._id3 = Id3(data, 0, options)
        self.label = f"MP3, {self._id3.label}"
        self.values, self.names = self._id3.values, self._id3.names
        self.others = self._id3.others
        self.audio = (length, size)
        if self._is_new:
            self.label = f"MP3, new {self._id3.label}"
        if self._is_new and self.others:
            self.notes.append(
                "has only an ID3v1 tag, whose texts are copied into the new ID3v2 tag: "
                "players read that one instead"
            )
        file.seek(length)
        if length and tag_length(file.read(HEADER_BYTES)):
            self.notes.append("has two ID3v2 tags; the first one is written")

    def as_read(self, field_name: str, values: Sequence[str]) -> list[str]:
        return self._id3.as_read(field_name, values)

    def mutagen_type(self) -> "type[mutagen.FileType]":
        from mutagen.mp3 import MP3

        return MP3

    def edit(self, new: Mapping[str, Sequence[str]]) -> list[Splice]:
        splices = self._id3.edit(new)
        if not self._is_new:
            return splices
        ordered = sorted(splices, key=lambda splice: splice.offset)
        return [Splice(0, b"", apply_to_bytes(self._id3.data, ordered))]


def _read_v1(file: BinaryIO, size: int) -> bytes:
    if size < _ID3V1_BYTES:
        return b""
    tail = read_at(file, size - _ID3V1_BYTES, _ID3V1_BYTES)
    return tail if tail.startswith(b"TAG") else b""
