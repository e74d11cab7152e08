"""Where records of whole tracks are, without a look at their audio."""

import numpy as np
import pytest

from resemul.errors import DatasetError
from resemul.records import track_index
from resemul.records.track_index import read_index


def write(path, lengths, num_tags=3):
    import tensorflow as tf

    from resemul.records.track_schema import encode_track

    with tf.io.TFRecordWriter(str(path)) as writer:
        for number, length in enumerate(lengths):
            labels = np.arange(num_tags) == number % num_tags
            audio = np.zeros(length, "float32")
            writer.write(encode_track(audio, f"TRé{number}", labels))


def test_an_index_says_ids_lengths_and_labels(tmp_path):
    path = tmp_path / "waveform_1.tfrecord"
    write(path, [5, 70_000, 1])
    index = read_index(path)
    assert index.tids == ["TRé0", "TRé1", "TRé2"]
    assert index.values.tolist() == [5, 70_000, 1]
    assert index.labels.tolist() == np.eye(3).tolist()


def test_an_index_is_kept_until_the_file_changes(tmp_path, monkeypatch):
    path = tmp_path / "waveform_1.tfrecord"
    write(path, [5])
    read_index(path)
    scan = track_index._scan
    monkeypatch.setattr(track_index, "_scan", None)
    assert read_index(path).values.tolist() == [5]
    monkeypatch.setattr(track_index, "_scan", scan)
    write(path, [5, 6])
    assert read_index(path).values.tolist() == [5, 6]


def test_a_kept_index_that_is_broken_is_made_again(tmp_path):
    path = tmp_path / "waveform_1.tfrecord"
    write(path, [5])
    read_index(path)
    (tmp_path / ".state" / "waveform_1.tfrecord.index.npz").write_bytes(b"PK\3\4")
    assert read_index(path).values.tolist() == [5]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda raw: raw[:-30], "byte 0 begins no record .* the file ends before"),
        (lambda raw: b"RIFF" * 20, "the file ends before"),
        (lambda raw: raw[:12] + b"\x08" + raw[13:], "it is no Example"),
        (lambda raw: raw + b"x", f"byte {12 + 54 + 4} begins no record"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, damage, message):
    path = tmp_path / "waveform_1.tfrecord"
    write(path, [1], num_tags=1)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DatasetError, match=f"waveform_1.tfrecord: .*{message}"):
        read_index(path)


def test_a_record_of_something_else_is_named(tmp_path):
    import tensorflow as tf

    path = tmp_path / "waveform_1.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(tf.train.Example().SerializeToString())
    with pytest.raises(DatasetError, match="it has no audio, tid or tags"):
        read_index(path)
