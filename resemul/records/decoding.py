"""Records that `schema` has encoded, read by TensorFlow."""

import tensorflow as tf
from google.protobuf.message import DecodeError

from resemul.audio.frames import MAX_AMPLITUDE
from resemul.records.schema import (
    LABELS,
    SCALE,
    SCALES,
    SEGMENT,
    SEGMENT_INT16,
    SEGMENTS,
    SEGMENTS_INT16,
)


def decode_segments(
    records: tf.Tensor, num_samples: int, num_tags: int, encoding: str = "float32"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes a batch `(batch,)` of records that `encode_segment` made.

    Returns float32 waveforms `(batch, num_samples)` and labels `(batch, num_tags)`.
    """
    string = tf.io.FixedLenFeature([], tf.string)
    if encoding == "int16":
        names = {SEGMENT_INT16: string, SCALE: tf.io.FixedLenFeature([], tf.float32)}
        features = tf.io.parse_example(records, {LABELS: string, **names})
        waveforms = _from_int16(features[SEGMENT_INT16], features[SCALE])
    else:
        features = tf.io.parse_example(records, {LABELS: string, SEGMENT: string})
        waveforms = tf.io.decode_raw(features[SEGMENT], tf.float32)
    labels = tf.io.decode_raw(features[LABELS], tf.uint8)
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
    names = {SEGMENTS: tf.io.FixedLenSequenceFeature([], tf.string)}
    if encoding == "int16":
        names = {
            SEGMENTS_INT16: tf.io.FixedLenSequenceFeature([], tf.string),
            SCALES: tf.io.FixedLenSequenceFeature([], tf.float32),
        }
    context, sequence = tf.io.parse_single_sequence_example(
        record, {LABELS: tf.io.FixedLenFeature([], tf.string)}, names
    )
    if encoding == "int16":
        waveforms = _from_int16(sequence[SEGMENTS_INT16], sequence[SCALES])
    else:
        waveforms = tf.io.decode_raw(sequence[SEGMENTS], tf.float32)
    labels = tf.io.decode_raw(context[LABELS], tf.uint8)
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
        [segment] = features[SEGMENT].bytes_list.value
        [labels] = features[LABELS].bytes_list.value
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
