"""APEv2 at the end of WavPack, Monkey's Audio and Musepack files (hydrogenaud.io)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO

from resemul.configs.file_tags import TagFormatConfig
from resemul.tagging.file_tags.formats.tag import (
    EVIDENCE_NAME,
    Item,
    SongTag,
    damaged,
    read_at,
    replace_items,
    set_number,
)
from resemul.tagging.file_tags.splices import Splice

if TYPE_CHECKING:
    import mutagen

_NAMES = {"genre": "Genre", "mood": "Mood", "evidence": EVIDENCE_NAME}
_MARK = b"APETAGEX"
_FRAME_BYTES = 32
_ID3V1_BYTES = 128
_HAS_HEADER, _IS_HEADER = 1 << 31, 1 << 29
_VERSION = 2000
# Bits of an item's flags that say what it holds; 0 is text.
_KIND = 0b110


class ApeTag(SongTag):
    """The APEv2 tag of a file; `codec` names what the file holds."""

    def __init__(
        self, file: BinaryIO, size: int, options: TagFormatConfig, codec: str
    ) -> None:
        super().__init__()
        self.names = dict(_NAMES)
        self._codec = codec
        end = size
        if size >= _ID3V1_BYTES and read_at(file, size - _ID3V1_BYTES, 3) == b"TAG":
            end -= _ID3V1_BYTES
        self._end = end
        footer = read_at(file, end - _FRAME_BYTES, _FRAME_BYTES)
        self._is_new = not footer.startswith(_MARK)
        self.label = f"{codec}, new APEv2" if self._is_new else f"{codec}, APEv2"
        self.audio = (0, end)
        self._items: list[Item] = []
        if not self._is_new:
            self._read(file, footer)

    def _read(self, file: BinaryIO, footer: bytes) -> None:
        version, self._size, self._count, flags = (
            int.from_bytes(footer[start : start + 4], "little")
            for start in range(8, 24, 4)
        )
        if version != _VERSION:
            raise damaged(f"it has an APE tag of version {version}")
        self._footer = self._end - _FRAME_BYTES
        start = self._end - self._size
        if start < _FRAME_BYTES:
            raise damaged("its APEv2 tag is longer than the file")
        self._header = start - _FRAME_BYTES if flags & _HAS_HEADER else None
        self.audio = (0, start if self._header is None else self._header)
        data = read_at(file, start, self._footer - start)
        self._items = list(_parse(data, start, self._count))
        self.others = [item.raw for item in self._items if item.field is None]
        for item in self._items:
            if item.field:
                value = item.raw[8:].partition(b"\0")[2].decode("utf-8", "replace")
                known = self.values[item.field]
                known += [v for v in value.split("\0") if v and v not in known]

    def mutagen_type(self) -> "type[mutagen.FileType]":
        from mutagen.monkeysaudio import MonkeysAudio
        from mutagen.musepack import Musepack
        from mutagen.wavpack import WavPack

        types = {"WavPack": WavPack, "Monkey's Audio": MonkeysAudio}
        return types.get(self._codec, Musepack)

    def edit(self, new: Mapping[str, Sequence[str]]) -> list[Splice]:
        rendered = {
            name: [self._render(name, texts)] if texts else []
            for name, texts in new.items()
        }
        change = replace_items(self._items, rendered)
        if self._is_new:
            size, count = len(change.appended) + _FRAME_BYTES, change.num_added
            tag = (
                _frame(size, count, True) + change.appended + _frame(size, count, False)
            )
            return [Splice(self._end, b"", tag)]
        splices = [*change.splices, Splice(self._footer, b"", change.appended)]
        frames = (
            [self._footer] if self._header is None else [self._header, self._footer]
        )
        for frame in frames:
            splices.append(
                set_number("<I", frame + 12, self._size, self._size + change.growth)
            )
            count = self._count + change.num_added
            splices.append(set_number("<I", frame + 16, self._count, count, "count"))
        return splices

    def _render(self, field: str, texts: Sequence[str]) -> bytes:
        there = [i.raw[8:].partition(b"\0")[0] for i in self._items if i.field == field]
        name = there[0] if there else _NAMES[field].encode()
        value = "\0".join(texts).encode("utf-8")
        return len(value).to_bytes(4, "little") + bytes(4) + name + b"\0" + value


def _parse(data: bytes, offset: int, count: int) -> list[Item]:
    items = []
    position = 0
    known = {name.upper().encode(): field for field, name in _NAMES.items()}
    for _ in range(count):
        name_end = data.find(b"\0", position + 8)
        size = int.from_bytes(data[position : position + 4], "little")
        end = name_end + 1 + size
        if name_end < 0 or end > len(data):
            raise damaged("items of its APEv2 tag are cut off")
        raw = data[position:end]
        is_text = not int.from_bytes(raw[4:8], "little") & _KIND
        field = known.get(raw[8 : name_end - position].upper()) if is_text else None
        items.append(Item(offset + position, raw, field))
        position = end
    if position != len(data):
        raise damaged("its APEv2 tag counts other items than it has")
    return items


def _frame(size: int, count: int, is_header: bool) -> bytes:
    flags = _HAS_HEADER | (_IS_HEADER if is_header else 0)
    numbers = (_VERSION, size, count, flags)
    return _MARK + b"".join(n.to_bytes(4, "little") for n in numbers) + bytes(8)
