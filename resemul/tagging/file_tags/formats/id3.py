"""ID3v2 tags, changed frame by frame: what is not ours keeps its bytes.

Versions 2.2 to 2.4 (https://id3.org). mutagen would write 2.2 and 2.3 anew as 2.4 and
texts in its own way, so frames are copied here; mutagen reads what is in ours.
"""

import io
import re
from collections.abc import Mapping, Sequence

from resemul.configs.file_tags import TagFormatConfig
from resemul.tagging.file_tags.formats.id3_text import (
    encode_texts,
    escape,
    frame_texts,
    from_synchsafe,
    genre_names,
    to_synchsafe,
    unescape,
)
from resemul.tagging.file_tags.formats.tag import (
    EVIDENCE_NAME,
    PADDING,
    Item,
    damaged,
    replace_items,
)
from resemul.tagging.file_tags.splices import Splice, apply_to_bytes, trimmed

HEADER_BYTES = 10
_FRAME_NAME = {
    2: re.compile(rb"[A-Z0-9]{3}"),
    3: re.compile(rb"[A-Z0-9]{3}[A-Z0-9 \0]"),
}
_FRAME_NAME[4] = _FRAME_NAME[3]
# Per version: frame header bytes, genre, mood, and the frame of a user's own texts.
_LAYOUT = {
    2: (6, b"TCO", None, b"TXX"),
    3: (10, b"TCON", None, b"TXXX"),
    4: (10, b"TCON", b"TMOO", b"TXXX"),
}
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10


def tag_length(header: bytes) -> int:
    """Bytes of the ID3v2 tag that begins here, with its header; 0 if none does."""
    if len(header) < HEADER_BYTES or header[:3] != b"ID3" or header[3] == 0xFF:
        return 0
    footer = HEADER_BYTES if header[3] == 4 and header[5] & _FOOTER else 0
    return HEADER_BYTES + from_synchsafe(header[6:10]) + footer


class Id3:
    """A parsed ID3v2 tag.

    Args:
        data: the whole tag.
        offset: where it stands in the file.

    Raises:
        FileTagsError: it cannot be taken apart and put together again.
    """

    def __init__(self, data: bytes, offset: int, options: TagFormatConfig) -> None:
        self.data, self.offset, self.options = data, offset, options
        self.version = data[3]
        if self.version not in _LAYOUT:
            raise damaged(f"there is no ID3v2.{self.version}")
        self.label = f"ID3v2.{self.version}"
        flags = data[5]
        if flags & _FOOTER and self.version == 4:
            raise damaged("its ID3 tag has a footer")
        if flags & _EXTENDED and self.version == 2:
            raise damaged("its ID3v2.2 tag is compressed")
        body = data[HEADER_BYTES:]
        # Before 2.4 the tag is escaped as a whole, afterwards each frame for itself.
        self._escaped = bool(flags & _UNSYNCHRONISED) and self.version < 4
        self._body = unescape(body) if self._escaped else body
        start = self._skip_extended_header() if flags & _EXTENDED else 0
        self._header_bytes, self._genre, self._mood, self._own = _LAYOUT[self.version]
        self.frames, self._end = self._walk(start)
        self.values = self._read_values()
        self.names = self._names()

    @property
    def others(self) -> list[bytes]:
        """The frames that are none of our fields."""
        return [frame.raw for frame in self.frames if frame.field is None]

    def as_read(self, field: str, values: Sequence[str]) -> list[str]:
        """How values of a field will be read."""
        if field == "evidence":
            return list(values)
        texts = list(values)
        if self.version < 4 or self._is_own_text(field):
            texts = [self.options.separator.join(values)]
        if field == "genre":
            texts = genre_names(texts)
        if self.version < 4 or self._is_own_text(field):
            texts = [part for text in texts for part in self._split(text)]
        return list(dict.fromkeys(texts))

    def edit(
        self, new: Mapping[str, Sequence[str]], even_growth: bool = False
    ) -> list[Splice]:
        """The splices, in the file, that give fields their new texts.

        Args:
            even_growth: for a tag in a chunk that is padded to an even length.
        """
        rendered = {
            name: [self.render(name, texts)] if texts else []
            for name, texts in new.items()
        }
        change = replace_items(self.frames, rendered)
        room = len(self._body) - self._end
        if self._escaped:
            return self._edit_escaped(change.splices, change.appended)
        at = HEADER_BYTES + self.offset
        splices = [Splice(at + s.offset, s.old, s.new) for s in change.splices]
        padding = self._body[self._end :]
        if change.growth <= room:
            used = change.growth
            taken, filled = padding[: max(used, 0)], bytes(max(-used, 0))
            splices.append(Splice(at + self._end, taken, change.appended + filled))
            return splices
        size = self._end + change.growth + PADDING
        size += (size - len(self._body)) % 2 if even_growth else 0
        filled = bytes(size - self._end - change.growth)
        splices.append(Splice(at + self._end, padding, change.appended + filled))
        splices.append(Splice(self.offset + 6, self.data[6:10], to_synchsafe(size)))
        return splices

    def _edit_escaped(self, inner: list[Splice], appended: bytes) -> list[Splice]:
        inner = sorted(inner, key=lambda splice: splice.offset)
        inner.append(Splice(self._end, self._body[self._end :], appended))
        escaped = escape(apply_to_bytes(self._body, inner))
        room = len(self.data) - HEADER_BYTES
        size = room if len(escaped) <= room else len(escaped) + PADDING
        size += (size - room) % 2
        header = self.data[:6] + to_synchsafe(size)
        new = header + escaped.ljust(size, b"\0")
        return [trimmed(Splice(self.offset, self.data, new))]

    def render(self, field: str, values: Sequence[str]) -> bytes:
        """The frame that holds the values of a field."""
        description = None
        name = self._genre
        if field == "mood" and not self._is_own_text(field):
            assert self._mood is not None
            name = self._mood
        elif field != "genre":
            name = self._own
            description = EVIDENCE_NAME if field == "evidence" else "MOOD"
        several = self.version == 4 and description is None
        text = ("\0" if several else self.options.separator).join(values)
        parts = [text] if description is None else [description, text]
        content = encode_texts(parts, self.version)
        return name + self._frame_size(len(content)) + content

    def _frame_size(self, size: int) -> bytes:
        if self.version == 2:
            return size.to_bytes(3, "big")
        number = size.to_bytes(4, "big") if self._plain_sizes else to_synchsafe(size)
        return number + b"\0\0"

    def _is_own_text(self, field: str) -> bool:
        """Whether the mood is, or has to be, a `TXXX` frame in this tag."""
        if field == "genre":
            return False
        if self._mood is None:
            return True
        kinds = {f.raw[:4] for f in self.frames if f.field == "mood"}
        return kinds == {self._own}

    def _names(self) -> dict[str, str]:
        own = self._own.decode()
        mood = f"{own}:MOOD"
        if self._mood is not None and not self._is_own_text("mood"):
            mood = self._mood.decode()
        return {
            "genre": self._genre.decode(),
            "mood": mood,
            "evidence": f"{own}:{EVIDENCE_NAME}",
        }

    def _skip_extended_header(self) -> int:
        size = self._body[:4]
        if self.version == 4:
            has_checksum = self._body[5:6] and self._body[5] & 0x20
            length = from_synchsafe(size)
        else:
            has_checksum = self._body[4:5] and self._body[4] & 0x80
            length = int.from_bytes(size, "big") + 4
        if has_checksum:
            raise damaged("its ID3 tag has a checksum")
        return length

    def _walk(self, start: int) -> tuple[list[Item], int]:
        """Frames, and where they end.

        iTunes wrote sizes of 2.4 as those of 2.3; what adds up is right.
        """
        for plain_sizes in (False, True) if self.version == 4 else (True,):
            self._plain_sizes = plain_sizes
            frames, end = self._walk_frames(start)
            if not self._body[end:].strip(b"\0"):
                return frames, end
        raise damaged("frames of its ID3 tag are broken")

    def _walk_frames(self, start: int) -> tuple[list[Item], int]:
        frames = []
        body, position = self._body, start
        while position + self._header_bytes <= len(body):
            name = body[position : position + (3 if self.version == 2 else 4)]
            if not _FRAME_NAME[self.version].fullmatch(name):
                break
            number = body[position + len(name) : position + 2 * len(name)]
            size = (
                int.from_bytes(number, "big")
                if self._plain_sizes
                else from_synchsafe(number)
            )
            end = position + self._header_bytes + size
            if end > len(body):
                break
            raw = body[position:end]
            frames.append(Item(position, raw, self._field_of(raw)))
            position = end
        return frames, position

    def _field_of(self, raw: bytes) -> str | None:
        if raw.startswith(self._genre):
            return "genre"
        if raw.startswith(b"TMOO") and self.version > 2:
            return "mood"
        if raw.startswith(self._own):
            texts = frame_texts(raw, self.version)
            description = texts[0].casefold() if texts else ""
            if description in ("mood", EVIDENCE_NAME.casefold()):
                return "mood" if description == "mood" else "evidence"
        return None

    def _read_values(self) -> dict[str, list[str]]:
        values: dict[str, list[str]] = {"genre": [], "mood": [], "evidence": []}
        for frame in self.frames:
            if frame.field is None:
                continue
            texts = frame_texts(frame.raw, self.version)
            if frame.raw.startswith(self._own):
                texts = texts[1:]
            if frame.field == "genre":
                texts = genre_names(texts)
            if frame.field != "evidence" and (
                self.version < 4 or frame.raw.startswith(self._own)
            ):
                texts = [part for text in texts for part in self._split(text)]
            known = values[frame.field]
            known += [text for text in texts if text and text not in known]
        return values

    def _split(self, text: str) -> list[str]:
        parts = text.replace(self.options.separator, "\0").replace(";", "\0")
        return [part.strip() for part in parts.split("\0") if part.strip()]


def new_id3(frames_of_v1: bytes, options: TagFormatConfig) -> bytes:
    """An ID3v2 tag with what an ID3v1 tag (128 bytes; may be none) says, no padding."""
    from mutagen.id3 import ID3, ParseID3v1

    version = options.id3_version
    tag = ID3()
    found = ParseID3v1(frames_of_v1) if frames_of_v1 else None
    for frame in (found or {}).values():
        tag.add(frame)
    if not found:
        return b"ID3" + bytes([version, 0, 0]) + to_synchsafe(0)
    if version == 3:
        tag.update_to_v23()
    file = io.BytesIO()
    tag.save(file, v1=0, v2_version=version, padding=lambda info: 0)
    return file.getvalue()
