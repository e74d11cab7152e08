"""Checkpoints of TensorFlow 1, read without TensorFlow: `.index` and `.data` only.

The index is a LevelDB table (https://github.com/google/leveldb/blob/main/doc/
table_format.md) from names to protocol buffers that say where a tensor lies in the
data file; TensorFlow calls the pair a bundle. The graph in `.meta`, which could name
any operation, and the path in `checkpoint` are never opened.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from resemul.weights.crc32c import crc32c

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER_BYTES = 48
# After each block: its compression, and a checksum.
_TRAILER_BYTES = 5
# An index of 5 KB describes the published models.
_MAX_INDEX_BYTES = 1 << 20
_MASK_DELTA = 0xA282EAD8
_MAX_TENSORS = 10_000
_MAX_RANK = 8
# Of the enumeration in TensorFlow's types.proto.
_FLOAT32 = 1
_LITTLE_ENDIAN = 0
# Of the wire format of protocol buffers.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class _Entry:
    """Where a tensor lies in the data; `crc` is masked, as LevelDB stores it."""

    shape: tuple[int, ...]
    offset: int
    size: int
    crc: int


def read_bundle(
    index: bytes, data: bytes, is_wanted: Callable[[str], bool]
) -> dict[str, np.ndarray]:
    """Returns the float32 tensors of a checkpoint by name; those of other kinds not.

    Args:
        index: the bytes of `NAME.index`.
        data: the bytes of `NAME.data-00000-of-00001`, the only part.
        is_wanted: by the name of a tensor, whether to read it.

    Raises:
        ValueError: either is broken, or they do not belong together.
    """
    if len(index) > _MAX_INDEX_BYTES:
        raise ValueError("its index is too large")
    tensors: dict[str, np.ndarray] = {}
    num_bytes_left = len(data)
    for name, value in _read_table(index):
        if not name:
            _check_header(value)
            continue
        if len(tensors) >= _MAX_TENSORS:
            raise ValueError(f"it holds more than {_MAX_TENSORS} tensors")
        label = name.decode("utf-8", "replace")
        entry = _read_entry(label, value) if is_wanted(label) else None
        if entry is None:
            continue
        # Tensors that share their numbers could take any amount of memory.
        num_bytes_left -= entry.size
        if num_bytes_left < 0:
            raise ValueError("its tensors overlap")
        tensors[label] = _read_tensor(label, entry, data)
    return tensors


def _read_table(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a LevelDB table, in order."""
    footer = table[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or not footer.endswith(_MAGIC):
        raise ValueError("its index is no LevelDB table")
    handles = _Reader(footer)
    handles.varint(), handles.varint()  # of the index of properties
    last = b""
    for _, handle in _read_block(table, handles.varint(), handles.varint()):
        place = _Reader(handle)
        for key, value in _read_block(table, place.varint(), place.varint()):
            # The keys of a table are sorted; so no block can be read over and over.
            if last and key <= last:
                raise ValueError("its index is not in order")
            last = key
            yield key, value


def _read_block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    end = offset + size
    if end + _TRAILER_BYTES > len(table):
        raise ValueError("a block of its index lies outside of it")
    kind = table[end]
    if kind != 0:
        raise ValueError(f"its index is compressed (kind {kind})")
    expected = int.from_bytes(table[end + 1 : end + _TRAILER_BYTES], "little")
    # The checksum is of the block and its kind.
    if not _is_intact(table[offset : end + 1], expected):
        raise ValueError("a block of its index has the wrong checksum")
    block = table[offset:end]
    num_restarts = int.from_bytes(block[-4:], "little")
    entries = _Reader(block[: max(0, size - 4 * (num_restarts + 1))])
    key = b""
    while not entries.is_at_end():
        shared, fresh, length = (entries.varint() for _ in range(3))
        if shared > len(key):
            raise ValueError("a key of its index is broken")
        key = key[:shared] + entries.take(fresh)
        yield key, entries.take(length)


def _is_intact(content: bytes, checksum: int) -> bool:
    crc = crc32c(content)
    # LevelDB masks the checksums that it stores, as they are of bytes that may hold
    # checksums themselves.
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) % 2**32 == checksum


def _check_header(value: bytes) -> None:
    fields = dict(_read_message(value))
    if fields.get(1, 1) != 1 or fields.get(2, _LITTLE_ENDIAN) != _LITTLE_ENDIAN:
        raise ValueError("it has several parts, or the highest byte first")


def _read_entry(name: str, value: bytes) -> _Entry | None:
    """Where a tensor lies; None if its numbers are not float32."""
    fields = dict(_read_message(value))
    if fields.get(1) != _FLOAT32:
        return None
    sizes = []
    for number, dimension in _read_message(_bytes(fields.get(2, b""))):
        if number == 2:
            sizes.append(_int(dict(_read_message(_bytes(dimension))).get(1, 0)))
    if len(sizes) > _MAX_RANK or 7 in fields or fields.get(3, 0) != 0:
        raise ValueError(f"the tensor {name!r} is laid out in an unknown way")
    offset, size, crc = (_int(fields.get(number, 0)) for number in (4, 5, 6))
    return _Entry(tuple(sizes), offset, size, crc)


def _read_tensor(name: str, entry: _Entry, data: bytes) -> np.ndarray:
    if entry.size != 4 * math.prod(entry.shape):
        raise ValueError(f"the tensor {name!r} does not have the size of its shape")
    if entry.offset + entry.size > len(data):
        raise ValueError(f"the tensor {name!r} lies outside of the data")
    content = data[entry.offset : entry.offset + entry.size]
    if not _is_intact(content, entry.crc):
        raise ValueError(f"the tensor {name!r} has the wrong checksum")
    return np.frombuffer(content, "<f4").reshape(entry.shape).astype("float32")


def _read_message(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The numbers and values of the fields of a protocol buffer."""
    reader = _Reader(message)
    while not reader.is_at_end():
        tag = reader.varint()
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            yield number, reader.varint()
        elif wire_type == _BYTES:
            yield number, reader.take(reader.varint())
        elif wire_type in (_FIXED32, _FIXED64):
            size = 4 if wire_type == _FIXED32 else 8
            yield number, int.from_bytes(reader.take(size), "little")
        else:
            raise ValueError("its index holds a field of an unknown kind")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("its index holds a number for a message")
    return value


def _int(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise ValueError("its index holds a message for a number")
    return value


class _Reader:
    """Bytes, read from their start; never beyond their end."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def is_at_end(self) -> bool:
        return self._position >= len(self._content)

    def take(self, size: int) -> bytes:
        end = self._position + size
        if end > len(self._content):
            raise ValueError("its index ends too early")
        start, self._position = self._position, end
        return self._content[start:end]

    def varint(self) -> int:
        """Seven bits a byte, the lowest first; the eighth says that more follow."""
        value = 0
        for shift in range(0, 64, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ValueError("its index holds a number that is too long")
