"""Thresholds of models whose probabilities are the samples of a segment."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from resemul.errors import DatasetError, WeightsError
from resemul.evaluation.thresholds import fit_thresholds
from resemul.records import RecordSet
from resemul.records.schema import encode_segment

# Per validation clip, its labels and its segments; two shards of two clips. By
# single segments, "low" of the first clip would be below that of the second.
SHARDS = [
    [
        ([1, 0], [[0.25, 0.5], [1.0, 0.5], [1.0, 0.5]]),  # mean 0.75
        ([0, 0], [[0.5, 0.5]]),
    ],
    [
        ([1, 0], [[0.5, 0.5], [0.75, 0.5]]),  # mean 0.625
        ([0, 0], [[0.125, 0.5]]),
    ],
]


def echo_model():
    """Maps `(batch, 2)` to itself: the probabilities of two tags."""
    waveform = keras.Input((2,))
    return keras.Model(waveform, keras.layers.Activation("linear")(waveform))


def write_records(folder, shards):
    files = []
    for number, clips in enumerate(shards):
        files.append(folder / f"val-{number:04d}-of-{len(shards):04d}.tfrecord")
        with tf.io.TFRecordWriter(str(files[-1])) as writer:
            for labels, segments in clips:
                for segment in np.array(segments, "float32"):
                    writer.write(encode_segment(segment, np.array(labels, "uint8")))
    sizes = tuple(len(segments) for clips in shards for _, segments in clips)
    return RecordSet(
        folder=folder,
        dataset="mtt",
        split_name="mtt-tagged",
        tags=("low", "high"),
        sample_rate=22_050,
        num_samples=2,
        files={"train": [], "val": files, "test": []},
        num_segments={"train": 0, "val": sum(sizes), "test": 0},
        num_clips={"train": 0, "val": len(sizes), "test": 0},
        clip_ids=(),
        num_skipped={},
        val_clip_sizes=sizes,
    )


@pytest.fixture
def records(tmp_path):
    return write_records(tmp_path, SHARDS)


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_fit_thresholds_parts_the_means_of_clips(records, batch_size):
    fitted = fit_thresholds(echo_model(), records, batch_size)
    # Clips have 0.75, 0.5, 0.625, 0.125; the first and the third have the tag.
    assert fitted.thresholds[0] == 0.5625
    assert fitted.f1[0] == 1.0
    assert fitted.num_clips == 4
    assert fitted.num_positive.tolist() == [2, 0]


def test_fit_thresholds_leaves_out_tags_that_no_clip_has(records):
    fitted = fit_thresholds(echo_model(), records)
    assert np.isnan(fitted.thresholds[1])
    assert fitted.by_tag == {"low": 0.5625}
    assert fitted.unfitted_tags == ("high",)


def test_fit_thresholds_takes_segments_for_clips_without_a_manifest(records):
    records = dataclasses.replace(records, val_clip_sizes=())
    fitted = fit_thresholds(echo_model(), records)
    assert fitted.num_clips == 7
    # Ranking +1 +1 +0.75 (+0.5 -0.5) +0.25 -0.125: F1 6/8, 8/10, 10/11, 10/12.
    assert fitted.num_positive[0] == 5
    assert fitted.thresholds[0] == (0.25 + 0.125) / 2
    assert fitted.f1[0] == pytest.approx(10 / 11)


def test_fit_thresholds_refuses_sizes_that_are_not_those_of_the_records(records):
    records = dataclasses.replace(records, val_clip_sizes=(3, 1, 2))
    with pytest.raises(DatasetError, match="7 validation segments, 6 by its manifest"):
        fit_thresholds(echo_model(), records)


@pytest.mark.parametrize(("sizes", "total"), [((3, 1, 2, 2), 8), ((3, 1, 2), 6)])
def test_fit_thresholds_counts_what_the_shards_hold(records, sizes, total):
    """The manifest agrees with itself, not with its shards."""
    num_segments = {**records.num_segments, "val": total}
    records = dataclasses.replace(
        records, val_clip_sizes=sizes, num_segments=num_segments
    )
    message = f"7 validation segments, {total} by its manifest"
    with pytest.raises(DatasetError, match=message):
        fit_thresholds(echo_model(), records)


def test_fit_thresholds_refuses_a_model_that_puts_out_nan(tmp_path):
    waveform = keras.Input((2,))
    model = keras.Model(waveform, keras.ops.sqrt(waveform))
    clips = [([1, 0], [[-1, 0.5], [0.5, 0.5]]), ([0, 1], [[0.5, 0.5]])]
    with pytest.raises(WeightsError, match="for 1 of 2 validation clips"):
        fit_thresholds(model, write_records(tmp_path, [clips]))


def test_fit_thresholds_needs_validation_records(tmp_path):
    with pytest.raises(DatasetError, match="holds no val segments"):
        fit_thresholds(echo_model(), write_records(tmp_path, [[]]))


def test_fit_thresholds_names_damaged_records(records):
    path = records.files["val"][0]
    content = bytearray(path.read_bytes())
    content[40] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=f"{path.name} is damaged"):
        fit_thresholds(echo_model(), records)


def test_thresholds_in_words_and_as_a_table(records):
    fitted = fit_thresholds(echo_model(), records)
    assert fitted.text().splitlines() == [
        "split mtt-tagged: 4 validation clips",
        "tag   positive  threshold      F1",
        "low          2     0.5625  1.0000",
        "high         0",
        "mean F1 1.0000 over 1 tags",
        "no threshold, as no validation clip has them: high",
    ]
    assert fitted.table()["threshold"][0] == 0.5625
