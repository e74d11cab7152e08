"""What the records of a file of whole tracks are, without reading their audio.

A record holds megabytes of audio and a few bytes beside it. These are found by the
lengths that stand before everything in a TFRecord and in the Example inside it
(https://protobuf.dev/programming-guides/encoding); the audio is passed over.
"""

import logging
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from resemul.errors import DatasetError
from resemul.runtime.files import atomic_write

logger = logging.getLogger(__name__)

INDEX_FOLDER = ".state"
# Of a record: its length, a checksum of that; and a checksum of the content after it.
_HEADER, _CHECKSUM_BYTES = struct.Struct("<QI"), 4
_FLOAT_BYTES = 4
# Longer names of features, ids or lists of tags are none.
_MAX_BYTES = 1 << 20
_LENGTH_DELIMITED = 2
_MAX_VARINT_BYTES = 10


@dataclass(frozen=True)
class TrackIndex:
    """The records of a file in their order.

    `values` is how many numbers the audio of each has, int64 `(records,)`; `labels`
    are 0 or 1, uint8 `(records, tags)`.
    """

    tids: list[str]
    values: np.ndarray
    labels: np.ndarray


def read_index(path: Path) -> TrackIndex:
    """The index of a file; kept beside it, where that can be written.

    Raises:
        DatasetError: the file cannot be read, or holds no records of whole tracks.
    """
    try:
        status = path.stat()
        stamp = (status.st_size, status.st_mtime_ns)
        kept = path.parent / INDEX_FOLDER / f"{path.name}.index.npz"
        index = _read_kept(kept, stamp)
        if index is None:
            index = _scan(path, status.st_size)
            _keep(index, kept, stamp)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    return index


def _scan(path: Path, num_bytes: int) -> TrackIndex:
    tids, values, labels = [], [], []
    with path.open("rb") as file:
        while (start := file.tell()) < num_bytes:
            try:
                tid, count, tags = _read_record(file, num_bytes)
            except (ValueError, struct.error) as error:
                raise DatasetError(
                    f"{path}: byte {start} begins no record of a whole track: {error}; "
                    "write the file again"
                ) from error
            tids.append(tid)
            values.append(count)
            labels.append(tags)
    if len({len(tags) for tags in labels}) > 1:
        raise DatasetError(f"{path}: its tracks have different numbers of tags")
    return TrackIndex(tids, np.array(values, "int64"), np.array(labels, "uint8"))


def _read_record(file: IO[bytes], num_bytes: int) -> tuple[str, int, list[int]]:
    length, _ = _HEADER.unpack(file.read(_HEADER.size))
    end = file.tell() + length
    if end + _CHECKSUM_BYTES > num_bytes:
        raise ValueError("the file ends before the record does")
    tid, count, tags = None, None, None
    # Example: features; Features: a map, each entry of which is a message.
    for _, features_end in _fields(file, end):
        for _, entry_end in _fields(file, features_end):
            name = ""
            for number, value_end in _fields(file, entry_end):
                if number == 1:
                    name = _read(file, value_end).decode()
                elif name == "audio":
                    count = _count_floats(file, value_end)
                elif name == "tid":
                    tid = _only_list(file, value_end).decode()
                elif name == "tags":
                    tags = _varints(_only_list(file, value_end))
    if tid is None or count is None or tags is None:
        raise ValueError("it has no audio, tid or tags")
    file.seek(end + _CHECKSUM_BYTES)
    return tid, count, tags


def _fields(file: IO[bytes], end: int) -> Iterator[tuple[int, int]]:
    """Number and end of each field up to `end`; goes on after it."""
    while file.tell() < end:
        key = _read_varint(file)
        if key & 7 != _LENGTH_DELIMITED:
            raise ValueError("it is no Example")
        field_end = _read_varint(file) + file.tell()
        if field_end > end:
            raise ValueError("a field is longer than what it is in")
        yield key >> 3, field_end
        file.seek(field_end)


def _count_floats(file: IO[bytes], end: int) -> int:
    """Of a Feature that holds a packed list of floats; 0 if it is empty."""
    num_bytes = 0
    for _, list_end in _fields(file, end):
        for _, values_end in _fields(file, list_end):
            num_bytes += values_end - file.tell()
    return num_bytes // _FLOAT_BYTES


def _only_list(file: IO[bytes], end: int) -> bytes:
    """The packed numbers, or the only text, of a Feature."""
    for _, list_end in _fields(file, end):
        for _, value_end in _fields(file, list_end):
            return _read(file, value_end)
    return b""


def _read(file: IO[bytes], end: int) -> bytes:
    num_bytes = end - file.tell()
    if num_bytes > _MAX_BYTES:
        raise ValueError(f"{num_bytes} bytes beside the audio")
    return file.read(num_bytes)


def _read_varint(file: IO[bytes]) -> int:
    value = 0
    for place in range(_MAX_VARINT_BYTES):
        byte = file.read(1)
        if not byte:
            break
        value |= (byte[0] & 0x7F) << (7 * place)
        if byte[0] < 0x80:
            return value
    raise ValueError("a number does not end")


def _varints(content: bytes) -> list[int]:
    values, value, shift = [], 0, 0
    for byte in content:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            values.append(min(value, 1))
            value, shift = 0, 0
    return values


def _read_kept(kept: Path, stamp: tuple[int, int]) -> TrackIndex | None:
    """What an earlier call kept, if the file is still the same."""
    try:
        with np.load(kept, allow_pickle=False) as content:
            if tuple(content["stamp"].tolist()) != stamp:
                return None
            arrays: Any = {name: content[name] for name in ("tids", "values", "labels")}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    tids = [tid.decode() for tid in arrays["tids"].tolist()]
    return TrackIndex(tids, arrays["values"], arrays["labels"])


def _keep(index: TrackIndex, kept: Path, stamp: tuple[int, int]) -> None:
    try:
        kept.parent.mkdir(exist_ok=True)
        with atomic_write(kept, "wb") as file:
            np.savez_compressed(
                file,
                stamp=np.array(stamp, "int64"),
                tids=np.array([tid.encode() for tid in index.tids], "S"),
                values=index.values,
                labels=index.labels,
            )
    except OSError as error:  # a folder that can only be read
        logger.debug("%s is not kept: %s", kept, error)
