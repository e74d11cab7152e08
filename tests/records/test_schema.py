"""The bytes of a record, read back with nothing but protobuf and NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from resemul.records.decoding import decode_clip, decode_segments, peek_sizes
from resemul.records.schema import encode_clip, encode_segment

SEGMENTS = np.array([[0.5, -1.0, 0.25, 1e-9], [1.0, 0.0, -0.0, 2.0]], "float32")
LABELS = np.array([1, 0, 1], "uint8")


def raw(feature):
    assert len(feature.bytes_list.value) == 1
    return feature.bytes_list.value[0]


def test_encode_segment_has_the_published_names_and_types():
    example = tf.train.Example.FromString(encode_segment(SEGMENTS[0], LABELS))
    features = example.features.feature
    assert set(features) == {"raw_labels", "raw_segment"}
    assert raw(features["raw_labels"]) == b"\x01\x00\x01"
    assert raw(features["raw_segment"]) == SEGMENTS[0].astype("<f4").tobytes()


def test_encode_clip_has_the_published_names_and_types():
    example = tf.train.SequenceExample.FromString(encode_clip(SEGMENTS, LABELS))
    assert set(example.context.feature) == {"raw_labels"}
    assert raw(example.context.feature["raw_labels"]) == b"\x01\x00\x01"
    assert set(example.feature_lists.feature_list) == {"raw_segments"}
    segments = example.feature_lists.feature_list["raw_segments"].feature
    assert [raw(s) for s in segments] == [s.astype("<f4").tobytes() for s in SEGMENTS]


@pytest.mark.parametrize("encoding", ["float32", "int16"])
@pytest.mark.parametrize("num_samples", [4, 126, 127, 128, 59_049])
def test_encode_writes_the_bytes_of_protobuf(encoding, num_samples):
    random = np.random.default_rng(num_samples)
    segments = random.uniform(-1.5, 1.5, (3, num_samples)).astype("float32")
    for kind, record in (
        (tf.train.Example, encode_segment(segments[0], LABELS, encoding)),
        (tf.train.SequenceExample, encode_clip(segments, LABELS, encoding)),
    ):
        message = kind.FromString(record)
        assert message.SerializeToString(deterministic=True) == record


def test_encode_takes_any_dtype_and_layout():
    wide = np.asfortranarray(SEGMENTS.astype(">f8"))
    assert encode_clip(wide, LABELS.astype(bool)) == encode_clip(SEGMENTS, LABELS)
    assert encode_segment(SEGMENTS.T[0], LABELS) == encode_segment(
        SEGMENTS.T[0].copy(), LABELS
    )


def test_decode_segments_undoes_encode_segment():
    records = [encode_segment(segment, LABELS) for segment in SEGMENTS]
    waveforms, labels = decode_segments(tf.constant(records), 4, 3)
    np.testing.assert_array_equal(waveforms, SEGMENTS)
    np.testing.assert_array_equal(labels, [LABELS, LABELS])
    assert waveforms.dtype == labels.dtype == tf.float32


@pytest.mark.parametrize("num_segments", [1, 2])
def test_decode_clip_undoes_encode_clip(num_segments):
    record = encode_clip(SEGMENTS[:num_segments], LABELS)
    waveforms, labels = decode_clip(tf.constant(record), 4, 3)
    np.testing.assert_array_equal(waveforms, SEGMENTS[:num_segments])
    np.testing.assert_array_equal(labels, LABELS)
    assert waveforms.dtype == labels.dtype == tf.float32


@pytest.mark.parametrize(("num_samples", "num_tags"), [(5, 3), (4, 2)])
def test_decode_refuses_other_sizes(num_samples, num_tags):
    clip = tf.constant(encode_clip(SEGMENTS, LABELS))
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        decode_clip(clip, num_samples, num_tags)
    batch = tf.constant([encode_segment(SEGMENTS[0], LABELS)])
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        decode_segments(batch, num_samples, num_tags)


def test_peek_sizes_reads_the_lengths():
    assert peek_sizes(encode_segment(SEGMENTS[0], LABELS)) == (4, 3)
