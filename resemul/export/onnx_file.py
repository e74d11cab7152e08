"""ONNX files, written without a library: the few messages that a network needs.

Field numbers are those of onnx.proto
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), in the wire format of protocol
buffers. The package `onnx` would be the largest part of an installation that only
tags.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from resemul.errors import WeightsError

# Of TensorProto.DataType.
FLOAT, INT64, FLOAT16 = 1, 7, 10
_DTYPES = {"float32": FLOAT, "int64": INT64}

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
# What parsers of protocol buffers take at most.
_MAX_BYTES = 2**31 - 1


def node(
    kind: str, inputs: Iterable[str], outputs: Iterable[str], attributes: dict[str, Any]
) -> bytes:
    """A NodeProto: one operation."""
    return b"".join(
        (
            *(_text(1, name) for name in inputs),
            *(_text(2, name) for name in outputs),
            _text(4, kind),
            *(_message(5, _attribute(*item)) for item in attributes.items()),
        )
    )


def tensor(name: str, array: np.ndarray) -> bytes:
    """A TensorProto of float32 or int64."""
    values = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return b"".join(
        (
            *(_int(1, size) for size in array.shape),
            _int(2, _DTYPES[array.dtype.name]),
            _text(8, name),
            _message(9, values.tobytes()),
        )
    )


def value(name: str, dimensions: Sequence[int | str]) -> bytes:
    """A ValueInfoProto: a float32 input or output; a text is a size of any value."""
    shape = b"".join(
        _message(1, _text(2, size) if isinstance(size, str) else _int(1, size))
        for size in dimensions
    )
    kind = _int(1, FLOAT) + _message(2, shape)
    return _text(1, name) + _message(2, _message(1, kind))


def model(
    name: str,
    nodes: Iterable[bytes],
    inputs: Iterable[bytes],
    outputs: Iterable[bytes],
    tensors: Iterable[bytes],
    opset: int,
    notes: Mapping[str, str],
) -> bytes:
    """A ModelProto, of a GraphProto with these parts."""
    graph = b"".join(
        (
            *(_message(1, part) for part in nodes),
            _text(2, name),
            *(_message(5, part) for part in tensors),
            *(_message(11, part) for part in inputs),
            *(_message(12, part) for part in outputs),
        )
    )
    return b"".join(
        (
            # Of opset 17; the newest would be refused by older runtimes.
            _int(1, 8),
            _text(2, "resemul"),
            _message(7, graph),
            _message(8, _text(1, "") + _int(2, opset)),
            *(
                _message(14, _text(1, key) + _text(2, text))
                for key, text in notes.items()
            ),
        )
    )


def add_tensors(content: bytes, arrays: Mapping[str, np.ndarray]) -> bytes:
    """A ModelProto with more tensors in its graph.

    Raises:
        WeightsError: `content` is no model, or too large with them.
    """
    added = b"".join(_message(5, tensor(*item)) for item in arrays.items())
    parts = []
    for number, kind, part in fields(content):
        if number == 7 and kind == _LENGTH:
            parts.append(_message(7, part + added))
        else:
            parts.append(_again(number, kind, part))
    if sum(map(len, parts)) > _MAX_BYTES:
        raise WeightsError("the model is too large for an ONNX file of one piece")
    return b"".join(parts)


def notes_of(content: bytes) -> dict[str, str]:
    """The notes of a ModelProto."""
    notes = {}
    for number, kind, part in fields(content):
        if number == 14 and kind == _LENGTH:
            entry = {key: text for key, _, text in fields(part)}
            notes[entry[1].decode()] = entry[2].decode()
    return notes


def fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yields number, wire type and bytes of each field of a message.

    Raises:
        WeightsError: it is no message.
    """
    position = 0
    while position < len(message):
        key, position = _read_varint(message, position)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            _, end = _read_varint(message, position)
        elif kind == _LENGTH:
            size, position = _read_varint(message, position)
            end = position + size
        elif kind in (_FIXED32, _FIXED64):
            end = position + (4 if kind == _FIXED32 else 8)
        else:
            raise WeightsError("this is no ONNX file")
        if end > len(message):
            raise WeightsError("this ONNX file ends early")
        yield number, kind, message[position:end]
        position = end


def _attribute(name: str, content: Any) -> bytes:
    """An AttributeProto: of an integer, a number, a text, or integers."""
    if isinstance(content, str):
        parts = [_text(4, content), _int(20, 3)]
    elif isinstance(content, float):
        parts = [_key(2, _FIXED32) + struct.pack("<f", content), _int(20, 1)]
    elif isinstance(content, Sequence):
        parts = [*(_int(8, int(item)) for item in content), _int(20, 7)]
    else:
        parts = [_int(3, int(content)), _int(20, 2)]
    return _text(1, name) + b"".join(parts)


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _int(number: int, content: int) -> bytes:
    # Negative numbers are 64 bits long.
    return _key(number, _VARINT) + _varint(content & (2**64 - 1))


def _text(number: int, content: str) -> bytes:
    return _message(number, content.encode())


def _message(number: int, content: bytes) -> bytes:
    return _key(number, _LENGTH) + _varint(len(content)) + content


def _again(number: int, kind: int, content: bytes) -> bytes:
    if kind == _LENGTH:
        return _message(number, content)
    return _key(number, kind) + content


def _varint(content: int) -> bytes:
    parts = bytearray()
    while content > 127:
        parts.append(content & 127 | 128)
        content >>= 7
    return bytes([*parts, content])


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    content = shift = 0
    while position < len(message) and shift < 64:
        byte = message[position]
        position += 1
        content |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return content, position
    raise WeightsError("this is no ONNX file")
