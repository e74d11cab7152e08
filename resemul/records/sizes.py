"""How many bytes records take, by arithmetic: the counterpart of `schema`.

A record is a protocol buffer: each part is a tag byte, its length as a varint, and its
bytes (https://protobuf.dev/programming-guides/encoding). Around it a TFRecord file puts
8 bytes of length and two checksums of 4.
"""

from collections import Counter

from resemul.configs import ENCODING_BYTES
from resemul.records.manifest import BuildIdentity, ShardResult

_FRAME_BYTES = 16
# Lengths of the names in `schema`.
_LABELS = len("raw_labels")
_ONE = {"float32": len("raw_segment"), "int16": len("int16_segment")}
_MANY = {"float32": len("raw_segments"), "int16": len("int16_segments")}
_SCALE, _SCALES = len("scale"), len("scales")


def shard_bytes(identity: BuildIdentity, shard: ShardResult) -> int:
    """The size that the file of a shard must have, by what is listed of it."""
    config, num_tags = identity.config, len(identity.tags)
    num_bytes = config.num_samples * ENCODING_BYTES[config.encoding]
    counts = Counter(num_segments for _, num_segments in shard.clips)
    if shard.split == "test":
        return sum(
            num_clips * clip_bytes(num_segments, num_bytes, num_tags, config.encoding)
            for num_segments, num_clips in counts.items()
        )
    size = segment_bytes(num_bytes, num_tags, config.encoding)
    return sum(num_segments * n for num_segments, n in counts.items()) * size


def segment_bytes(num_bytes: int, num_tags: int, encoding: str) -> int:
    """Of a training or validation record, whose segment takes `num_bytes`."""
    features = _entry(_LABELS, _feature(num_tags))
    features += _entry(_ONE[encoding], _feature(num_bytes))
    if encoding == "int16":
        features += _entry(_SCALE, _feature(4))
    return _part(features) + _FRAME_BYTES


def clip_bytes(num_segments: int, num_bytes: int, num_tags: int, encoding: str) -> int:
    """Of a test record, with segments that take `num_bytes` each."""
    context = _part(_entry(_LABELS, _feature(num_tags)))
    lists = _entry(_MANY[encoding], num_segments * _part(_feature(num_bytes)))
    if encoding == "int16":
        lists += _entry(_SCALES, num_segments * _part(_feature(4)))
    return context + _part(lists) + _FRAME_BYTES


def _part(num_bytes: int) -> int:
    """A part of `num_bytes`, with its tag and length."""
    return 1 + max(1, -(-num_bytes.bit_length() // 7)) + num_bytes


def _feature(num_bytes: int) -> int:
    """A feature of one value: bytes, or a packed float."""
    return _part(_part(num_bytes))


def _entry(name_length: int, value_length: int) -> int:
    """An entry of a map, as a part of it."""
    return _part(_part(name_length) + _part(value_length))
