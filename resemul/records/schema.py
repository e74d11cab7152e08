"""The bytes of a record: the only file that knows the feature names.

Training and validation records are an Example per segment, test records a
SequenceExample per clip. Labels are uint8 `(tags,)`, segments little-endian
float32 `(num_samples,)`, as the published system wrote them.

In the encoding `int16`, a segment is little-endian int16 under another name, so that
neither can be taken for the other, and beside it a scale: the value of 1. That is
1/32768, exactly, unless the segment has samples outside [-1, 1], as loud mp3s do;
then it is as much larger as they need. A sample is off by half a scale at most.
"""

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from resemul.audio.frames import MAX_AMPLITUDE

_LABELS = "raw_labels"
_SEGMENT = "raw_segment"
_SEGMENTS = "raw_segments"
_SEGMENT_INT16 = "int16_segment"
_SEGMENTS_INT16 = "int16_segments"
_SCALE = "scale"
_SCALES = "scales"

# Of a segment without samples outside [-1, 1].
INT16_SCALE = np.float32(2.0**-15)
_INT16_MAX = 2**15 - 1


def encode_segment(
    segment: np.ndarray, labels: np.ndarray, encoding: str = "float32"
) -> bytes:
    """Encodes one segment `(num_samples,)` and its clip's labels `(tags,)`."""
    features = {_LABELS: _bytes(labels, "u1")}
    if encoding == "int16":
        values, scale = to_int16(segment)
        features |= {_SEGMENT_INT16: _bytes(values, "<i2"), _SCALE: _float(scale)}
    else:
        features[_SEGMENT] = _bytes(segment, "<f4")
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def encode_clip(
    segments: np.ndarray, labels: np.ndarray, encoding: str = "float32"
) -> bytes:
    """Encodes all segments `(segments, num_samples)` of a clip, and its labels."""
    if encoding == "int16":
        pairs = [to_int16(segment) for segment in segments]
        lists = {
            _SEGMENTS_INT16: [_bytes(values, "<i2") for values, _ in pairs],
            _SCALES: [_float(scale) for _, scale in pairs],
        }
    else:
        lists = {_SEGMENTS: [_bytes(segment, "<f4") for segment in segments]}
    example = tf.train.SequenceExample(
        context=tf.train.Features(feature={_LABELS: _bytes(labels, "u1")}),
        feature_lists=tf.train.FeatureLists(
            feature_list={
                name: tf.train.FeatureList(feature=features)
                for name, features in lists.items()
            }
        ),
    )
    return example.SerializeToString(deterministic=True)


def to_int16(segment: np.ndarray) -> tuple[np.ndarray, np.float32]:
    """Rounds a segment `(num_samples,)` to int16; returns it and the value of 1."""
    highest, lowest = float(segment.max()), float(segment.min())
    fits = lowest >= -1 and highest < (_INT16_MAX + 0.5) * INT16_SCALE
    peak = max(highest, -lowest)
    scale = INT16_SCALE if fits else np.float32(peak / _INT16_MAX)
    values = np.clip(np.rint(segment / scale), -_INT16_MAX - 1, _INT16_MAX)
    return values.astype("<i2"), scale


def decode_segments(
    records: tf.Tensor, num_samples: int, num_tags: int, encoding: str = "float32"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes a batch `(batch,)` of records that `encode_segment` made.

    Returns float32 waveforms `(batch, num_samples)` and labels `(batch, num_tags)`.
    """
    string = tf.io.FixedLenFeature([], tf.string)
    if encoding == "int16":
        names = {_SEGMENT_INT16: string, _SCALE: tf.io.FixedLenFeature([], tf.float32)}
        features = tf.io.parse_example(records, {_LABELS: string, **names})
        waveforms = _from_int16(features[_SEGMENT_INT16], features[_SCALE])
    else:
        features = tf.io.parse_example(records, {_LABELS: string, _SEGMENT: string})
        waveforms = tf.io.decode_raw(features[_SEGMENT], tf.float32)
    labels = tf.io.decode_raw(features[_LABELS], tf.uint8)
    return (
        tf.ensure_shape(_require_sound(waveforms), (None, num_samples)),
        tf.ensure_shape(_require_labels(labels), (None, num_tags)),
    )


def decode_clip(
    record: tf.Tensor, num_samples: int, num_tags: int, encoding: str = "float32"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes one record that `encode_clip` made, of any number of segments.

    Returns float32 waveforms `(segments, num_samples)` and labels `(num_tags,)`.
    """
    names = {_SEGMENTS: tf.io.FixedLenSequenceFeature([], tf.string)}
    if encoding == "int16":
        names = {
            _SEGMENTS_INT16: tf.io.FixedLenSequenceFeature([], tf.string),
            _SCALES: tf.io.FixedLenSequenceFeature([], tf.float32),
        }
    context, sequence = tf.io.parse_single_sequence_example(
        record, {_LABELS: tf.io.FixedLenFeature([], tf.string)}, names
    )
    if encoding == "int16":
        waveforms = _from_int16(sequence[_SEGMENTS_INT16], sequence[_SCALES])
    else:
        waveforms = tf.io.decode_raw(sequence[_SEGMENTS], tf.float32)
    labels = tf.io.decode_raw(context[_LABELS], tf.uint8)
    return (
        tf.ensure_shape(_require_sound(waveforms), (None, num_samples)),
        tf.ensure_shape(_require_labels(labels), (num_tags,)),
    )


def peek_sizes(record: bytes) -> tuple[int, int]:
    """Reads `(num_samples, num_tags)` off a float32 training or validation record.

    Raises:
        ValueError: it is not one.
    """
    try:
        features = tf.train.Example.FromString(record).features.feature
        [segment] = features[_SEGMENT].bytes_list.value
        [labels] = features[_LABELS].bytes_list.value
    except (DecodeError, ValueError) as error:
        raise ValueError("not a record of a segment") from error
    return len(segment) // 4, len(labels)


def _from_int16(raw: tf.Tensor, scales: tf.Tensor) -> tf.Tensor:
    values = tf.cast(tf.io.decode_raw(raw, tf.int16), tf.float32)
    return values * scales[:, tf.newaxis]


def _require_sound(waveforms: tf.Tensor) -> tf.Tensor:
    """Samples that no file decodes to are damage; not one comparison holds for NaN."""
    loudest = tf.reduce_max(tf.abs(waveforms))
    check = tf.debugging.Assert(loudest <= MAX_AMPLITUDE, ["samples are", loudest])
    with tf.control_dependencies([check]):
        return tf.identity(waveforms)


def _require_labels(labels: tf.Tensor) -> tf.Tensor:
    """float32 0 or 1."""
    highest = tf.reduce_max(labels)
    check = tf.debugging.Assert(highest <= 1, ["a label is", highest])
    with tf.control_dependencies([check]):
        return tf.cast(labels, tf.float32)


def _bytes(array: np.ndarray, dtype: str) -> tf.train.Feature:
    raw = np.ascontiguousarray(array, dtype).tobytes()
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[raw]))


def _float(value: np.float32) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
