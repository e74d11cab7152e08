"""A change of a file as a list of replaced spans, which can be shown, taken and undone.

A splice says which bytes stand where and what comes in their place, so a list of them
is both the change and the way back. The audio is in none of them.
"""

import io
import itertools
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

# Bytes. In place, tags that have to move are written and kept in the journal; more
# than this, a picture say, is cheaper to move by writing the file anew.
IN_PLACE_LIMIT = 1 << 20

_HEADER = struct.Struct("<QQQ")


@dataclass(frozen=True)
class Splice:
    """`old`, which stands at `offset` of the old file, becomes `new`."""

    offset: int
    old: bytes
    new: bytes

    @property
    def end(self) -> int:
        """Where the replaced bytes end in the old file."""
        return self.offset + len(self.old)

    @property
    def growth(self) -> int:
        """Bytes that the file gets longer by; negative if it gets shorter."""
        return len(self.new) - len(self.old)


def ordered(splices: Iterable[Splice]) -> list[Splice]:
    """Sorted by offset, without those that change nothing.

    Raises:
        ValueError: two of them overlap.
    """
    # At one offset, what is put in between stands before what is replaced.
    result = sorted(
        (s for s in splices if s.old != s.new), key=lambda s: (s.offset, len(s.old))
    )
    for before, after in itertools.pairwise(result):
        if before.end > after.offset:
            raise ValueError(f"splices overlap at {after.offset}")
    return result


def growth(splices: Iterable[Splice]) -> int:
    """Bytes by which all of them together make the file longer."""
    return sum(splice.growth for splice in splices)


def trimmed(splice: Splice) -> Splice:
    """The same change without the bytes that are equal at both ends."""
    shorter = min(len(splice.old), len(splice.new))
    head = _equal_bytes(splice.old[:shorter], splice.new[:shorter])
    old, new = splice.old[head:], splice.new[head:]
    shorter = min(len(old), len(new))
    tail = 0
    if shorter:
        tail = _equal_bytes(old[::-1][:shorter], new[::-1][:shorter])
    return Splice(splice.offset + head, old[: len(old) - tail], new[: len(new) - tail])


def _equal_bytes(left: bytes, right: bytes) -> int:
    """How many leading bytes are equal; both have one length."""
    if left == right:
        return len(left)
    low, high = 0, len(left)
    while high - low > 1:
        middle = (low + high) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle
    return low


def inverted(splices: Sequence[Splice]) -> list[Splice]:
    """The change that leads from the new file back to the old one."""
    moved = 0
    result = []
    for splice in splices:
        result.append(Splice(splice.offset + moved, splice.new, splice.old))
        moved += splice.growth
    return result


def apply_to_bytes(data: bytes, splices: Sequence[Splice]) -> bytes:
    """`data` with the change made."""
    with SplicedFile(io.BytesIO(data), len(data), splices) as file:
        return file.read()


def fit_in_place(
    splices: Sequence[Splice],
    file: BinaryIO,
    size: int,
    audio: tuple[int, int],
) -> list[Splice] | None:
    """The change as spans that keep their length, but for one that ends the file.

    Only such can be written into the file itself: nothing else then has to move.

    Args:
        audio: start and end of the bytes that must stay where they are.

    Returns:
        None: audio or more than `IN_PLACE_LIMIT` would have to move.
    """
    groups: list[list[Splice]] = [[]]
    for splice in splices:
        groups[-1].append(splice)
        if growth(groups[-1]) == 0:
            groups.append([])
    result = []
    for group in groups:
        if not group:
            continue
        end = group[-1].end if growth(group) == 0 else size
        start = group[0].offset
        if end - start > IN_PLACE_LIMIT or (start < audio[1] and end > audio[0]):
            return None
        result.append(_merged(group, end, file))
    return result


def _merged(group: Sequence[Splice], end: int, file: BinaryIO) -> Splice:
    start = group[0].offset
    file.seek(start)
    old = file.read(end - start)
    moved = [Splice(s.offset - start, s.old, s.new) for s in group]
    return Splice(start, old, apply_to_bytes(old, moved))


def pack(splices: Sequence[Splice]) -> bytes:
    """All of them in one string of bytes."""
    parts = []
    for splice in splices:
        parts.append(_HEADER.pack(splice.offset, len(splice.old), len(splice.new)))
        parts += [splice.old, splice.new]
    return b"".join(parts)


def unpack(data: bytes) -> list[Splice]:
    """What `pack` packed."""
    result = []
    position = 0
    while position < len(data):
        offset, num_old, num_new = _HEADER.unpack_from(data, position)
        start = position + _HEADER.size
        middle, position = start + num_old, start + num_old + num_new
        result.append(Splice(offset, data[start:middle], data[middle:position]))
    return result


class SplicedFile(io.RawIOBase):
    """A file as it will be once the change is made, without making it; for reading.

    Args:
        file: the old file; stays open.
        size: of the old file, in bytes.
        splices: in the order of their offsets.
    """

    def __init__(self, file: BinaryIO, size: int, splices: Sequence[Splice]) -> None:
        self._file = file
        # Start in the new file, and either new bytes or where the old ones are.
        self._spans: list[tuple[int, int, bytes | int]] = []
        self.size = 0
        position = 0
        for splice in splices:
            self._add(splice.offset - position, position)
            self._add(len(splice.new), splice.new)
            position = splice.end
        self._add(size - position, position)
        self._position = 0
        self._span = 0

    def _add(self, length: int, source: bytes | int) -> None:
        if length > 0:
            self._spans.append((self.size, length, source))
            self.size += length

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}
        self._position = base[whence] + offset
        self._span = 0
        return self._position

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        while self._span < len(self._spans):
            start, length, source = self._spans[self._span]
            inside = self._position - start
            if inside >= length:
                self._span += 1
                continue
            num_bytes = min(length - inside, len(view))
            if isinstance(source, int):
                self._file.seek(source + inside)
                data = self._file.read(num_bytes)
            else:
                data = source[inside : inside + num_bytes]
            view[: len(data)] = data
            self._position += len(data)
            return len(data)
        return 0
