"""The bytes of a record: the only file that knows the feature names.

Training and validation records are an Example per segment, test records a
SequenceExample per clip. Labels are uint8 `(tags,)`, segments little-endian
float32 `(num_samples,)`, as the published system wrote them.

In the encoding `int16`, a segment is little-endian int16 under another name, so that
neither can be taken for the other, and beside it a scale: the value of 1. That is
1/32768, exactly, unless the segment has samples outside [-1, 1], as loud mp3s do;
then it is as much larger as they need. A sample is off by half a scale at most.

Both are protocol buffers: each part is a tag byte, its length as a varint, and its
bytes (https://protobuf.dev/programming-guides/encoding). They are put together here, as
workers would need seconds and half a gigabyte for TensorFlow; the tests hold them to
its bytes. `decoding` reads them.
"""

import numpy as np

LABELS = "raw_labels"
SEGMENT = "raw_segment"
SEGMENTS = "raw_segments"
SEGMENT_INT16 = "int16_segment"
SEGMENTS_INT16 = "int16_segments"
SCALE = "scale"
SCALES = "scales"

# Of a segment without samples outside [-1, 1].
INT16_SCALE = np.float32(2.0**-15)
_INT16_MAX = 2**15 - 1

# Tags of parts that have a length: field number << 3 | 2.
_FIELD_1, _FIELD_2 = b"\x0a", b"\x12"


def encode_segment(
    segment: np.ndarray, labels: np.ndarray, encoding: str = "float32"
) -> bytes:
    """Encodes one segment `(num_samples,)` and its clip's labels `(tags,)`."""
    features = {LABELS: _bytes(labels, "u1")}
    if encoding == "int16":
        values, scale = to_int16(segment)
        features |= {SEGMENT_INT16: _bytes(values, "<i2"), SCALE: _float(scale)}
    else:
        features[SEGMENT] = _bytes(segment, "<f4")
    return _part(_FIELD_1, _map(features))


def encode_clip(
    segments: np.ndarray, labels: np.ndarray, encoding: str = "float32"
) -> bytes:
    """Encodes all segments `(segments, num_samples)` of a clip, and its labels."""
    if encoding == "int16":
        pairs = [to_int16(segment) for segment in segments]
        lists = {
            SEGMENTS_INT16: [_bytes(values, "<i2") for values, _ in pairs],
            SCALES: [_float(scale) for _, scale in pairs],
        }
    else:
        lists = {SEGMENTS: [_bytes(segment, "<f4") for segment in segments]}
    joined = {
        name: b"".join(_part(_FIELD_1, feature) for feature in features)
        for name, features in lists.items()
    }
    context = _map({LABELS: _bytes(labels, "u1")})
    return _part(_FIELD_1, context) + _part(_FIELD_2, _map(joined))


def to_int16(segment: np.ndarray) -> tuple[np.ndarray, np.float32]:
    """Rounds a segment `(num_samples,)` to int16; returns it and the value of 1."""
    highest, lowest = float(segment.max()), float(segment.min())
    fits = lowest >= -1 and highest < (_INT16_MAX + 0.5) * INT16_SCALE
    peak = max(highest, -lowest)
    scale = INT16_SCALE if fits else np.float32(peak / _INT16_MAX)
    values = np.clip(np.rint(segment / scale), -_INT16_MAX - 1, _INT16_MAX)
    return values.astype("<i2"), scale


def _bytes(array: np.ndarray, dtype: str) -> bytes:
    """A feature of one value, a list of bytes."""
    return _part(_FIELD_1, _part(_FIELD_1, np.ascontiguousarray(array, dtype)))


def _float(value: np.float32) -> bytes:
    """A feature of one value, a list of floats."""
    return _part(_FIELD_2, _part(_FIELD_1, np.array(value, "<f4")))


def _map(entries: dict[str, bytes]) -> bytes:
    """A map with its keys in order: each entry is a part with a name and a value."""
    return b"".join(
        _part(_FIELD_1, _part(_FIELD_1, name.encode()) + _part(_FIELD_2, entries[name]))
        for name in sorted(entries)
    )


def _part(tag: bytes, content: bytes | np.ndarray) -> bytes:
    data = bytes(content) if isinstance(content, bytes) else content.tobytes()
    return tag + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)
