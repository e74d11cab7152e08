"""What every tag format offers: the values of our fields, and a change of them."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from resemul.errors import FileTagsError
from resemul.tagging.file_tags.splices import Splice, growth

if TYPE_CHECKING:
    import mutagen

# Bytes of padding that a tag gets when it has to grow, so that the next change fits.
PADDING = 1024

# The name of the field with the scores, in every format.
EVIDENCE_NAME = "RESEMUL"


class SongTag:
    """The tag of one file.

    Attributes:
        label: its kind, "ID3v2.3" say.
        values: the texts of each of our fields, [] where there is none.
        names: what each field is called in this format, "TXXX:MOOD" say.
        others: the raw bytes of everything else in the tag, in order.
        audio: start and end of the bytes that must stay.
        notes: what a user should know before anything is written.
    """

    label = ""

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {"genre": [], "mood": [], "evidence": []}
        self.names: dict[str, str] = {}
        self.others: list[bytes] = []
        self.audio = (0, 0)
        self.notes: list[str] = []

    def edit(self, new: Mapping[str, Sequence[str]]) -> list[Splice]:
        """The change that gives the fields of `new` their new texts."""
        raise NotImplementedError

    def mutagen_type(self) -> "type[mutagen.FileType]":
        """What mutagen has for such files."""
        raise NotImplementedError

    def as_read(self, field_name: str, values: Sequence[str]) -> list[str]:
        """How `values` will be read once they are written."""
        return list(values)


@dataclass(frozen=True)
class Item:
    """One entry of a tag (a frame, a comment, an atom) and where it stands."""

    offset: int
    raw: bytes
    field: str | None = None


@dataclass
class ItemEdit:
    """What becomes of a list of items.

    Attributes:
        splices: changes of items that are there.
        appended: what comes after the last one.
        num_added: by how many items the list gets longer.
    """

    splices: list[Splice] = field(default_factory=list)
    appended: bytes = b""
    num_added: int = 0

    @property
    def growth(self) -> int:
        """Bytes that the list gets longer by."""
        return growth(self.splices) + len(self.appended)


def replace_items(
    items: Sequence[Item], rendered: Mapping[str, Sequence[bytes]]
) -> ItemEdit:
    """Puts rendered items where the first of their field stands, or at the end."""
    edit = ItemEdit()
    for field_name, raws in rendered.items():
        there = [item for item in items if item.field == field_name]
        edit.num_added += len(raws) - len(there)
        if not there:
            edit.appended += b"".join(raws)
            continue
        edit.splices.append(Splice(there[0].offset, there[0].raw, b"".join(raws)))
        edit.splices += [Splice(item.offset, item.raw, b"") for item in there[1:]]
    return edit


def read_at(file: BinaryIO, offset: int, num_bytes: int) -> bytes:
    """Exactly `num_bytes`.

    Raises:
        FileTagsError: the file ends before.
    """
    file.seek(offset)
    data = file.read(num_bytes)
    if len(data) != num_bytes:
        raise damaged("it ends too early")
    return data


def damaged(what: str) -> FileTagsError:
    """The error for a file that cannot be understood; `locate` adds its name."""
    return FileTagsError(f"its tag cannot be changed safely: {what}")


def set_number(
    data_format: str, offset: int, old: int, new: int, what: str = "size"
) -> Splice:
    """A splice for a number in a header.

    Raises:
        FileTagsError: the format has no room for it.
    """
    try:
        return Splice(
            offset, struct.pack(data_format, old), struct.pack(data_format, new)
        )
    except struct.error:
        raise FileTagsError(
            f"the new tag would not fit: a {what} of {new} is too large for the format"
        ) from None
