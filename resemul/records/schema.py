"""The bytes of a record: the only file that knows the feature names.

Training and validation records are an Example per segment, test records a
SequenceExample per clip. Labels are uint8 `(tags,)`, segments little-endian
float32 `(num_samples,)`, as the published system wrote them.
"""

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

_LABELS = "raw_labels"
_SEGMENT = "raw_segment"
_SEGMENTS = "raw_segments"


def encode_segment(segment: np.ndarray, labels: np.ndarray) -> bytes:
    """Encodes one segment `(num_samples,)` and its clip's labels `(tags,)`."""
    example = tf.train.Example(
        features=tf.train.Features(
            feature={_LABELS: _bytes(labels, "u1"), _SEGMENT: _bytes(segment, "<f4")}
        )
    )
    return example.SerializeToString(deterministic=True)


def encode_clip(segments: np.ndarray, labels: np.ndarray) -> bytes:
    """Encodes all segments `(segments, num_samples)` of a clip, and its labels."""
    example = tf.train.SequenceExample(
        context=tf.train.Features(feature={_LABELS: _bytes(labels, "u1")}),
        feature_lists=tf.train.FeatureLists(
            feature_list={
                _SEGMENTS: tf.train.FeatureList(
                    feature=[_bytes(segment, "<f4") for segment in segments]
                )
            }
        ),
    )
    return example.SerializeToString(deterministic=True)


def decode_segments(
    records: tf.Tensor, num_samples: int, num_tags: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes a batch `(batch,)` of records that `encode_segment` made.

    Returns float32 waveforms `(batch, num_samples)` and labels `(batch, num_tags)`.
    """
    string = tf.io.FixedLenFeature([], tf.string)
    features = tf.io.parse_example(records, {_LABELS: string, _SEGMENT: string})
    waveforms = tf.io.decode_raw(features[_SEGMENT], tf.float32)
    labels = tf.io.decode_raw(features[_LABELS], tf.uint8)
    return (
        tf.ensure_shape(waveforms, (None, num_samples)),
        tf.ensure_shape(tf.cast(labels, tf.float32), (None, num_tags)),
    )


def decode_clip(
    record: tf.Tensor, num_samples: int, num_tags: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes one record that `encode_clip` made, of any number of segments.

    Returns float32 waveforms `(segments, num_samples)` and labels `(num_tags,)`.
    """
    context, sequence = tf.io.parse_single_sequence_example(
        record,
        {_LABELS: tf.io.FixedLenFeature([], tf.string)},
        {_SEGMENTS: tf.io.FixedLenSequenceFeature([], tf.string)},
    )
    waveforms = tf.io.decode_raw(sequence[_SEGMENTS], tf.float32)
    labels = tf.io.decode_raw(context[_LABELS], tf.uint8)
    return (
        tf.ensure_shape(waveforms, (None, num_samples)),
        tf.ensure_shape(tf.cast(labels, tf.float32), (num_tags,)),
    )


def peek_sizes(record: bytes) -> tuple[int, int]:
    """Reads `(num_samples, num_tags)` off a training or validation record.

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


def _bytes(array: np.ndarray, dtype: str) -> tf.train.Feature:
    raw = np.ascontiguousarray(array, dtype).tobytes()
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[raw]))
