"""Records of int16: half the space, the same waveforms but for the rounding."""

import dataclasses
import json
import wave

import numpy as np
import pytest
import tensorflow as tf

from resemul.configs import BuildConfig, DatasetConfig
from resemul.datasets import load_annotations
from resemul.errors import ConfigError, DatasetError
from resemul.records import (
    RECORDS_FOLDER,
    load_clips,
    load_segments,
    load_training_segments,
    read_record_set,
    write_shards,
)
from resemul.records.decoding import decode_clip, decode_segments, peek_sizes
from resemul.records.manifest import BuildIdentity
from resemul.records.schema import (
    INT16_SCALE,
    encode_clip,
    encode_segment,
    to_int16,
)

LABELS = np.array([1, 0, 1], "uint8")
SEGMENTS = np.array([[0.5, -1.0, 0.25, 3e-5], [1.3, 0.0, -0.4, -1.4]], "float32")


def restore(segment):
    record = tf.constant([encode_segment(segment, LABELS, "int16")])
    return decode_segments(record, len(segment), 3, "int16")[0].numpy()[0]


def test_rounding_is_at_most_half_a_step():
    random = np.random.default_rng(0)
    limit = 32767.49 / 32768
    segment = random.uniform(-1, limit, 50_000).astype("float32")
    segment[:2] = -1, limit
    error = np.abs(restore(segment).astype("float64") - segment)
    assert 0.9 / 65_536 < error.max() <= 1 / 65_536


def test_samples_of_16_bit_files_are_kept_exactly():
    segment = np.array([-32768, -1, 0, 1, 12345, 32767], "float32") / 32768
    np.testing.assert_array_equal(restore(segment), segment)


@pytest.mark.parametrize("peak", [1.0, 1.0001, -1.0001, 1.4, -3.0])
def test_samples_beyond_full_scale_are_not_clipped(peak):
    segment = np.array([peak, 0.3, -0.7], "float32")
    restored = restore(segment)
    assert restored[0] == pytest.approx(peak, rel=1e-7)
    assert np.abs(restored - segment).max() <= abs(peak) / 65_533


def test_silence_stays_silence():
    values, scale = to_int16(np.zeros(3, "float32"))
    assert values.tolist() == [0, 0, 0]
    assert scale == INT16_SCALE == 1 / 32768


def test_each_segment_of_a_clip_has_its_own_scale():
    record = tf.constant(encode_clip(SEGMENTS, LABELS, "int16"))
    waveforms, labels = decode_clip(record, 4, 3, "int16")
    assert waveforms.dtype == labels.dtype == tf.float32
    np.testing.assert_allclose(waveforms[0], SEGMENTS[0], rtol=0, atol=1 / 65_536)
    np.testing.assert_allclose(waveforms[1], SEGMENTS[1], rtol=0, atol=1.4 / 65_533)
    np.testing.assert_array_equal(labels, LABELS)


def test_neither_encoding_can_be_taken_for_the_other():
    records = {
        encoding: tf.constant([encode_segment(SEGMENTS[0], LABELS, encoding)])
        for encoding in ("float32", "int16")
    }
    for encoding, other in (("float32", "int16"), ("int16", "float32")):
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
            decode_segments(records[encoding], 4, 3, other)
    with pytest.raises(ValueError):
        peek_sizes(records["int16"][0].numpy())


def build(data_dir, encoding):
    config = BuildConfig(num_audios_per_shard=3, clip_seconds=6.0, encoding=encoding)
    write_shards(
        load_annotations(DatasetConfig(data_dir=data_dir)),
        data_dir / RECORDS_FOLDER,
        config,
    )
    return read_record_set(data_dir)


def test_built_records_are_half_as_large_and_are_read_alike(tiny_records):
    exact = read_record_set(tiny_records)
    waveforms = [x.copy() for x, _ in load_clips(exact).as_numpy_iterator()]
    segments = next(load_segments(exact, "val", 2).as_numpy_iterator())
    batch = next(load_training_segments(exact, 4, 1, (3,)).as_numpy_iterator())
    size = sum(path.stat().st_size for path in exact.folder.glob("*.tfrecord"))
    (exact.folder / "manifest.json").unlink()
    for path in exact.folder.glob("*.tfrecord"):
        path.unlink()
    rounded = build(tiny_records, "int16")
    assert rounded.encoding == "int16"
    halved = sum(path.stat().st_size for path in rounded.folder.glob("*.tfrecord"))
    assert halved == pytest.approx(size / 2, rel=0.001)
    for (found, _), expected in zip(
        load_clips(rounded).as_numpy_iterator(), waveforms, strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1 / 65_536)
    for loaded, expected in (
        (next(load_segments(rounded, "val", 2).as_numpy_iterator()), segments),
        (next(load_training_segments(rounded, 4, 1, (3,)).as_numpy_iterator()), batch),
    ):
        np.testing.assert_allclose(loaded[0], expected[0], rtol=0, atol=1 / 65_536)
        np.testing.assert_array_equal(loaded[1], expected[1])


def test_manifests_of_before_there_was_a_choice_are_float32(tiny_records):
    text = (tiny_records / RECORDS_FOLDER / "manifest.json").read_text()
    assert "encoding" not in json.loads(text)["identity"]["options"]
    assert read_record_set(tiny_records).encoding == "float32"


def test_a_build_in_another_encoding_is_refused(tiny_records):
    with pytest.raises(DatasetError, match="encoding float32 -> int16"):
        build(tiny_records, "int16")


def test_identities_name_the_encoding_that_is_not_written():
    plain = BuildIdentity("mtt", "x", "y", [], {})
    rounded = dataclasses.replace(plain, options={"encoding": "int16"})
    assert plain.difference(rounded) == "encoding int16 -> float32"


def test_only_known_encodings_are_taken():
    with pytest.raises(ConfigError, match="float32, int16, got 'int8'"):
        BuildConfig(encoding="int8")


def test_int16_of_a_16_bit_file_at_its_own_rate_is_that_file(tmp_path):
    from resemul.audio import load_waveform

    values = np.random.default_rng(0).integers(-32768, 32768, 1000).astype("<i2")
    with wave.open(str(tmp_path / "x.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(values.tobytes())
    found, scale = to_int16(load_waveform(tmp_path / "x.wav", 8_000, None))
    np.testing.assert_array_equal(found, values)
    assert scale == INT16_SCALE
