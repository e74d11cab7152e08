"""WMA: attributes in the header of an ASF file (Microsoft's specification of ASF).

Ours go to the Extended Content Description, where players look for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO
from uuid import UUID

from resemul.configs.file_tags import TagFormatConfig
from resemul.errors import FileTagsError
from resemul.tagging.file_tags.formats.tag import (
    EVIDENCE_NAME,
    PADDING,
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

HEADER_GUID = UUID("75B22630-668E-11CF-A6D9-00AA0062CE6C").bytes_le
_ATTRIBUTES = UUID("D2D0A440-E307-11D2-97F0-00A0C95EA850").bytes_le
_PADDING_OBJECT = UUID("1806D474-CADF-4509-A4BA-9AABCB96AAE8").bytes_le
_FILE_PROPERTIES = UUID("8CABDCA1-A947-11CF-8EE4-00C00C205365").bytes_le
_NAMES = {"genre": "WM/Genre", "mood": "WM/Mood", "evidence": EVIDENCE_NAME}
# GUID, size, number of objects, two reserved bytes.
_HEADER_BYTES = 30
_OBJECT_BYTES = 24
_MAX_VALUE_BYTES = (1 << 16) - 1
_TEXT = 0


@dataclass(frozen=True)
class _Object:
    guid: bytes
    offset: int
    size: int


class AsfTag(SongTag):
    """The attributes of a WMA file."""

    label = "WMA"

    def __init__(self, file: BinaryIO, size: int, options: TagFormatConfig) -> None:
        super().__init__()
        self.names = dict(_NAMES)
        header = read_at(file, 0, _HEADER_BYTES)
        self._size = int.from_bytes(header[16:24], "little")
        self._count = int.from_bytes(header[24:28], "little")
        if not _HEADER_BYTES <= self._size <= size:
            raise damaged("its ASF header is longer than the file")
        self._data = read_at(file, 0, self._size)
        self._file_size = size
        self.audio = (self._size, size)
        self._objects = _walk(self._data, self._count)
        self._attributes = self._find(_ATTRIBUTES)
        self._items: list[Item] = []
        self._item_count = 0
        if self._attributes is not None:
            self._read(self._attributes)
        self.others = [
            self._data[o.offset : o.offset + o.size]
            for o in self._objects
            if o.guid not in (_ATTRIBUTES, _PADDING_OBJECT, _FILE_PROPERTIES)
        ]
        self.others += [item.raw for item in self._items if item.field is None]

    def _find(self, guid: bytes) -> _Object | None:
        return next((o for o in self._objects if o.guid == guid), None)

    def _read(self, attributes: _Object) -> None:
        start = attributes.offset + _OBJECT_BYTES
        data = self._data[start : attributes.offset + attributes.size]
        self._item_count = int.from_bytes(data[:2], "little")
        self._items = _parse(data, start, self._item_count)
        for item in self._items:
            if item.field:
                _, value = _name_and_value(item.raw)
                text = value.decode("utf-16-le", "replace").rstrip("\0")
                if text and text not in self.values[item.field]:
                    self.values[item.field].append(text)

    def mutagen_type(self) -> "type[mutagen.FileType]":
        from mutagen.asf import ASF

        return ASF

    def edit(self, new: Mapping[str, Sequence[str]]) -> list[Splice]:
        rendered = {
            name: [_render(_NAMES[name], text) for text in texts]
            for name, texts in new.items()
        }
        change = replace_items(self._items, rendered)
        count = self._item_count + change.num_added
        splices = list(change.splices)
        grown, num_objects = change.growth, self._count
        if self._attributes is None:
            body = count.to_bytes(2, "little") + change.appended
            new_object = _object(_ATTRIBUTES, body)
            splices.append(Splice(self._size, b"", new_object))
            grown, num_objects = len(new_object), num_objects + 1
        else:
            a = self._attributes
            splices += [
                set_number("<Q", a.offset + 16, a.size, a.size + grown),
                set_number("<H", a.offset + 24, self._item_count, count, "count"),
                Splice(a.offset + a.size, b"", change.appended),
            ]
        return self._make_room(splices, grown, num_objects)

    def _make_room(
        self, splices: list[Splice], grown: int, num_objects: int
    ) -> list[Splice]:
        """Takes from the padding what the attributes grew by, or adds some."""
        padding = self._find(_PADDING_OBJECT)
        if padding is not None and padding.size - grown >= _OBJECT_BYTES:
            size = padding.size - grown
            start = padding.offset + _OBJECT_BYTES
            taken = self._data[start : start + max(grown, 0)]
            splices.append(set_number("<Q", padding.offset + 16, padding.size, size))
            splices.append(Splice(start, taken, bytes(max(-grown, 0))))
            grown = 0
        else:
            added = _object(_PADDING_OBJECT, bytes(PADDING))
            # Behind new attributes, which stand at the same place.
            at_end = [s for s in splices if s.offset == self._size and not s.old]
            rest = [s for s in splices if s not in at_end]
            end = b"".join(s.new for s in at_end) + added
            splices = [*rest, Splice(self._size, b"", end)]
            grown += len(added)
            num_objects += 1
        splices.append(set_number("<Q", 16, self._size, self._size + grown))
        splices.append(set_number("<I", 24, self._count, num_objects, "count"))
        return splices + self._resize_file(grown)

    def _resize_file(self, grown: int) -> list[Splice]:
        """The file's size in its own properties, if it was right before."""
        properties = self._find(_FILE_PROPERTIES)
        if properties is None:
            return []
        at = properties.offset + 40
        size = int.from_bytes(self._data[at : at + 8], "little")
        if size != self._file_size:
            return []
        return [set_number("<Q", at, size, size + grown)]


def _walk(data: bytes, count: int) -> list[_Object]:
    objects = []
    position = _HEADER_BYTES
    for _ in range(count):
        head = data[position : position + _OBJECT_BYTES]
        size = int.from_bytes(head[16:24], "little")
        if len(head) < _OBJECT_BYTES or size < _OBJECT_BYTES:
            raise damaged("objects of its ASF header are broken")
        objects.append(_Object(head[:16], position, size))
        position += size
    if position != len(data):
        raise damaged("its ASF header counts other objects than it has")
    return objects


def _parse(data: bytes, offset: int, count: int) -> list[Item]:
    known = {name.casefold(): field for field, name in _NAMES.items()}
    items = []
    position = 2
    for _ in range(count):
        name_bytes = int.from_bytes(data[position : position + 2], "little")
        value = position + 2 + name_bytes
        end = value + 4 + int.from_bytes(data[value + 2 : value + 4], "little")
        if end > len(data):
            raise damaged("its attributes are cut off")
        raw = data[position:end]
        is_text = int.from_bytes(data[value : value + 2], "little") == _TEXT
        name, _ = _name_and_value(raw)
        field = known.get(name.casefold()) if is_text else None
        items.append(Item(offset + position, raw, field))
        position = end
    return items


def _name_and_value(raw: bytes) -> tuple[str, bytes]:
    end = 2 + int.from_bytes(raw[:2], "little")
    name = raw[2:end].decode("utf-16-le", "replace").rstrip("\0")
    return name, raw[end + 4 :]


def _render(name: str, text: str) -> bytes:
    encoded = [(part + "\0").encode("utf-16-le") for part in (name, text)]
    if len(encoded[1]) > _MAX_VALUE_BYTES:
        raise FileTagsError("the new tag would not fit: a WMA attribute holds 64 KB")
    sizes = [len(part).to_bytes(2, "little") for part in encoded]
    return sizes[0] + encoded[0] + _TEXT.to_bytes(2, "little") + sizes[1] + encoded[1]


def _object(guid: bytes, body: bytes) -> bytes:
    return guid + (_OBJECT_BYTES + len(body)).to_bytes(8, "little") + body
