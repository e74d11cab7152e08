"""MP4: atoms under moov/udta/meta/ilst (ISO 14496-12, QuickTime's metadata).

If the list has to grow and the audio moves, the tables that say where its pieces are
(stco, co64) move with it.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from resemul.configs.file_tags import TagFormatConfig
from resemul.errors import FileTagsError
from resemul.tagging.file_tags.formats.tag import (
    EVIDENCE_NAME,
    PADDING,
    Item,
    ItemEdit,
    SongTag,
    damaged,
    read_at,
    replace_items,
    set_number,
)
from resemul.tagging.file_tags.splices import Splice

if TYPE_CHECKING:
    import mutagen

_MEAN = "com.apple.iTunes"
_NAMES = {
    "genre": "©gen",
    "mood": f"----:{_MEAN}:MOOD",
    "evidence": f"----:{_MEAN}:{EVIDENCE_NAME}",
}
_FREEFORM = {"MOOD": "mood", EVIDENCE_NAME: "evidence"}
_GENRE, _GENRE_NUMBER = b"\xa9gen", b"gnre"
_TEXT, _TEXT_UTF16 = 1, 2
# What holds other atoms on the way to the tables of offsets.
_TABLE_PATH = (b"trak", b"mdia", b"minf", b"stbl")
_TABLES = {b"stco": "I", b"co64": "Q"}
_METADATA_HANDLER = b"mdir"


@dataclass(frozen=True)
class _Atom:
    name: bytes
    offset: int
    size: int
    header: int = 8

    @property
    def content(self) -> int:
        return self.offset + self.header

    @property
    def end(self) -> int:
        return self.offset + self.size


class Mp4Tag(SongTag):
    """The list of metadata of an MP4 file."""

    label = "MP4"

    def __init__(self, file: BinaryIO, size: int, options: TagFormatConfig) -> None:
        super().__init__()
        self.names = dict(_NAMES)
        self._file, self._options = file, options
        self._top = list(_walk(file, 0, size))
        self._moov = _need(self._top, b"moov")
        audio = [atom for atom in self._top if atom.name == b"mdat"]
        if not audio:
            raise damaged("it holds no audio")
        self.audio = (audio[0].offset, audio[-1].end)
        # The atoms from moov down that are there, and what the last one holds.
        self._path = [self._moov]
        self._inside = self._children(self._moov)
        for name in (b"udta", b"meta", b"ilst"):
            found = next((a for a in self._inside if a.name == name), None)
            if found is None:
                break
            self._siblings = self._inside
            self._path.append(found)
            self._inside = self._children(found)
        self._check_handler()
        self._items: list[Item] = []
        if self._path[-1].name == b"ilst":
            self._items = [self._item(atom) for atom in self._inside]
        self.others = [item.raw for item in self._items if item.field is None]
        for item in self._items:
            if item.field:
                known = self.values[item.field]
                texts = self._texts(item)
                known += [t for t in texts if t and t not in known]

    def _children(self, atom: _Atom) -> list[_Atom]:
        start = atom.content
        if atom.name == b"meta":
            # Four bytes of version and flags, which QuickTime leaves out.
            name = read_at(self._file, start + 4, 4) if atom.size >= 16 else b""
            start += 0 if name == b"hdlr" else 4
        return list(_walk(self._file, start, atom.end))

    def _check_handler(self) -> None:
        meta = next((a for a in self._path if a.name == b"meta"), None)
        if meta is None:
            return
        handler = next((a for a in self._children(meta) if a.name == b"hdlr"), None)
        if handler is not None:
            kind = read_at(self._file, handler.content + 8, 4)
            if kind != _METADATA_HANDLER:
                raise FileTagsError(
                    f"keeps its metadata as {kind.decode('latin-1')!r}, which is not "
                    "what players of MP4 read"
                )

    def _item(self, atom: _Atom) -> Item:
        raw = read_at(self._file, atom.offset, atom.size)
        field = None
        if atom.name in (_GENRE, _GENRE_NUMBER):
            field = "genre"
        elif atom.name == b"----":
            parts = dict(_parts(raw))
            mean = parts.get(b"mean", b"")[4:].decode("utf-8", "replace")
            name = parts.get(b"name", b"")[4:].decode("utf-8", "replace")
            if mean.casefold() == _MEAN.casefold():
                field = _FREEFORM.get(name.upper())
        return Item(atom.offset, raw, field)

    def _texts(self, item: Item) -> list[str]:
        contents = [content for name, content in _parts(item.raw) if name == b"data"]
        if item.raw[4:8] == _GENRE_NUMBER:
            return [text for content in contents for text in _genre(content[8:])]
        texts = [
            content[8:].decode(
                "utf-16-be" if content[3:4] == bytes([_TEXT_UTF16]) else "utf-8",
                "replace",
            )
            for content in contents
        ]
        if self._options.mp4_single_value and item.field != "evidence":
            texts = [part for text in texts for part in self._split(text)]
        return texts

    def _split(self, text: str) -> list[str]:
        parts = text.split(self._options.separator.strip() or self._options.separator)
        return [part.strip() for part in parts]

    def mutagen_type(self) -> "type[mutagen.FileType]":
        from mutagen.mp4 import MP4

        return MP4

    def edit(self, new: Mapping[str, Sequence[str]]) -> list[Splice]:
        change = replace_items(
            self._items,
            {
                name: [self._render(name, texts)] if texts else []
                for name, texts in new.items()
            },
        )
        last = self._path[-1]
        if last.name != b"ilst":
            # In front of the four zero bytes that end QuickTime's lists.
            end = max((a.end for a in self._inside), default=last.content)
            if last.name == b"meta" and not self._inside:
                end += 4
            added = _missing(last.name, change.appended)
            return self._grow([Splice(end, b"", added)], self._path, len(added))
        if last.header != 8:
            raise damaged("its list of metadata is of an unusual size")
        list_size = set_number(">I", last.offset, last.size, last.size + change.growth)
        return [*change.splices, list_size, *self._make_room(last, change)]

    def _make_room(self, ilst: _Atom, change: ItemEdit) -> list[Splice]:
        """The end of the list, and the free atom behind it that gives the room."""
        free = next((a for a in self._siblings if a.offset == ilst.end), None)
        if free is not None and free.name != b"free":
            free = None
        at = ilst.end
        if free is not None and free.size - change.growth >= 8:
            kept = free.size - 8 - max(change.growth, 0)
            taken = read_at(self._file, at, free.size - kept)
            header = struct.pack(">I4s", free.size - change.growth, b"free")
            filled = header + bytes(max(-change.growth, 0))
            return [Splice(at, taken, change.appended + filled)]
        if free is not None:
            header = struct.pack(">I4s", free.size + PADDING, b"free")
            old = read_at(self._file, at, 8)
            end = Splice(at, old, change.appended + header + bytes(PADDING))
        else:
            header = struct.pack(">I4s", 8 + PADDING, b"free")
            end = Splice(at, b"", change.appended + header + bytes(PADDING))
        grown = change.growth - len(change.appended) + end.growth
        return self._grow([end], self._path[:-1], grown)

    def _grow(
        self, splices: list[Splice], parents: Sequence[_Atom], grown: int
    ) -> list[Splice]:
        """Sizes of the atoms around, and where the audio is, if that moves."""
        for atom in parents:
            if atom.header != 8:
                raise FileTagsError("its MP4 header is too large to be changed")
            size = set_number(">I", atom.offset, atom.size, atom.size + grown)
            splices.append(size)
        if any(atom.offset > self._moov.offset for atom in self._top):
            splices += self._move_audio(grown)
        return splices

    def _move_audio(self, grown: int) -> Iterator[Splice]:
        if any(atom.name in (b"moof", b"mfra") for atom in self._top):
            raise FileTagsError(
                "is a fragmented MP4 without room for more tags; 'ffmpeg -i FILE -c "
                "copy NEW.m4a' makes a plain one"
            )
        for table in self._tables(self._moov, _TABLE_PATH):
            number = _TABLES[table.name]
            data = read_at(self._file, table.content, table.size - 8)
            layout = f">{(len(data) - 8) // struct.calcsize('>' + number)}{number}"
            old = struct.unpack_from(layout, data, 8)
            moved = [o + grown if o >= self._moov.end else o for o in old]
            try:
                new = struct.pack(layout, *moved)
            except struct.error:
                raise FileTagsError(
                    "the new tag would not fit: MP4 over 4 GB"
                ) from None
            yield Splice(table.content + 8, data[8 : 8 + len(new)], new)

    def _tables(self, parent: _Atom, path: Sequence[bytes]) -> Iterator[_Atom]:
        for atom in self._children(parent):
            if path and atom.name == path[0]:
                yield from self._tables(atom, path[1:])
            elif not path and atom.name in _TABLES:
                yield atom

    def as_read(self, field_name: str, values: Sequence[str]) -> list[str]:
        if field_name == "evidence" or not self._options.mp4_single_value:
            return list(values)
        return self._split(self._options.separator.join(values))

    def _render(self, field: str, texts: Sequence[str]) -> bytes:
        if self._options.mp4_single_value and field != "evidence":
            texts = [self._options.separator.join(texts)]
        data = b"".join(
            _atom(b"data", struct.pack(">II", _TEXT, 0) + text.encode("utf-8"))
            for text in texts
        )
        if field == "genre":
            return _atom(_GENRE, data)
        mean, name = _MEAN.encode(), _NAMES[field].rpartition(":")[2].encode()
        for item in self._items:
            # In the spelling that is there: players tell "Mood" and "MOOD" apart.
            if item.field == field:
                parts = dict(_parts(item.raw))
                mean, name = parts[b"mean"][4:], parts[b"name"][4:]
                break
        head = _atom(b"mean", bytes(4) + mean) + _atom(b"name", bytes(4) + name)
        return _atom(b"----", head + data)


def _atom(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def _missing(parent: bytes, items: bytes) -> bytes:
    """The atoms below `parent` that are not there, around new items."""
    added = _atom(b"ilst", items) + _atom(b"free", bytes(PADDING))
    if parent == b"meta":
        return added
    handler = _atom(b"hdlr", bytes(8) + _METADATA_HANDLER + b"appl" + bytes(9))
    added = _atom(b"meta", bytes(4) + handler + added)
    return added if parent == b"udta" else _atom(b"udta", added)


def _walk(file: BinaryIO, start: int, end: int) -> Iterator[_Atom]:
    position = start
    while position + 8 <= end:
        size, name = struct.unpack(">I4s", read_at(file, position, 8))
        header = 8
        if size == 0 and name == bytes(4):
            return
        if size == 0:
            size = end - position
        elif size == 1:
            size, header = int.from_bytes(read_at(file, position + 8, 8), "big"), 16
        if size < header or position + size > end:
            raise damaged(f"its atom {name!r} says that it is longer than it is")
        yield _Atom(name, position, size, header)
        position += size


def _parts(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of the atoms in an item."""
    position = 8
    while position + 8 <= len(raw):
        size, name = struct.unpack_from(">I4s", raw, position)
        if size < 8 or position + size > len(raw):
            raise damaged(f"its item {raw[4:8]!r} is broken")
        yield name, raw[position + 8 : position + size]
        position += size


def _need(atoms: Sequence[_Atom], name: bytes) -> _Atom:
    for atom in atoms:
        if atom.name == name:
            return atom
    raise damaged(f"it has no atom {name!r}")


def _genre(number: bytes) -> list[str]:
    from mutagen.id3 import TCON

    index = int.from_bytes(number[:2], "big") - 1
    return [TCON.GENRES[index]] if 0 <= index < len(TCON.GENRES) else []
