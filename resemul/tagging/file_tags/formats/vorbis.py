"""Vorbis comments, as FLAC, Ogg Vorbis and Opus have them (RFC 7845, xiph.org).

A list of "NAME=text" in UTF-8; names may repeat and are the same in any case.
Comments that are not ours, in a wrong encoding perhaps, keep their bytes.
"""

from collections.abc import Mapping, Sequence

from resemul.tagging.file_tags.formats.tag import (
    EVIDENCE_NAME,
    Item,
    ItemEdit,
    damaged,
    replace_items,
    set_number,
)

NAMES = {"genre": "GENRE", "mood": "MOOD", "evidence": EVIDENCE_NAME}
# What a new list names as its writer.
_VENDOR = b"resemul"
EMPTY = len(_VENDOR).to_bytes(4, "little") + _VENDOR + bytes(4)


class VorbisComments:
    """A parsed list of comments; offsets are those in `data`.

    Attributes:
        end: where the list ends; what follows is the container's.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._vendor_end = 4 + self._number(0)
        self._count = self._number(self._vendor_end)
        self.items: list[Item] = []
        position = self._vendor_end + 4
        for _ in range(self._count):
            end = position + 4 + self._number(position)
            raw = data[position:end]
            self.items.append(Item(position, raw, _field_of(raw)))
            position = end
        if position > len(data):
            raise damaged("its comments are cut off")
        self.end = position
        self.values: dict[str, list[str]] = {name: [] for name in NAMES}
        for item in self.items:
            text = item.raw[4:].partition(b"=")[2].decode("utf-8", "replace")
            if item.field and text and text not in self.values[item.field]:
                self.values[item.field].append(text)

    @property
    def others(self) -> list[bytes]:
        """The writer's name and the comments that are none of our fields."""
        vendor = self._data[: self._vendor_end]
        return [vendor, *(item.raw for item in self.items if item.field is None)]

    def edit(self, new: Mapping[str, Sequence[str]]) -> ItemEdit:
        """What becomes of the list, its count included, but for what follows it."""
        rendered = {
            name: [self._render(name, text) for text in texts]
            for name, texts in new.items()
        }
        change = replace_items(self.items, rendered)
        count = self._count + change.num_added
        change.splices.append(
            set_number("<I", self._vendor_end, self._count, count, "count")
        )
        return change

    def _render(self, field: str, text: str) -> bytes:
        # In the spelling that is there: "Genre" and "GENRE" would look like two.
        spelled = [i.raw[4:].partition(b"=")[0] for i in self.items if i.field == field]
        name = spelled[0] if spelled else NAMES[field].encode()
        comment = name + b"=" + text.encode("utf-8")
        return len(comment).to_bytes(4, "little") + comment

    def _number(self, position: int) -> int:
        number = self._data[position : position + 4]
        if len(number) < 4:
            raise damaged("its comments are cut off")
        return int.from_bytes(number, "little")


def _field_of(raw: bytes) -> str | None:
    name = raw[4:].partition(b"=")[0].upper()
    return next((f for f, known in NAMES.items() if known.encode() == name), None)
