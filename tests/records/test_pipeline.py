"""Batches from records whose segments are numbered by their first sample."""

import dataclasses
import json
from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf

from resemul.errors import DatasetError
from resemul.records import (
    damage_named,
    iterate_clips,
    load_clips,
    load_segments,
    load_training_segments,
)
from resemul.records.plan import shard_file
from resemul.records.record_set import RecordSet
from resemul.records.schema import encode_clip, encode_segment

NUM_SAMPLES = 8
# Segments in each shard, and segments in each clip of each test shard.
TRAIN_SHARDS = (7, 5, 9, 2)
TEST_SHARDS = ((2, 1), (3,), (1, 1, 2))


def segment(number):
    return np.full(NUM_SAMPLES, number, "float32")


def labels_of(number):
    return np.array([number % 2, number % 3 == 0], "uint8")


def write(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


@pytest.fixture
def records(tmp_path):
    files = {"train": [], "val": [], "test": []}
    for split in ("train", "val"):
        number = 0
        for shard, size in enumerate(TRAIN_SHARDS):
            numbers = range(number, number + size)
            encoded = [encode_segment(segment(i), labels_of(i)) for i in numbers]
            path = tmp_path / shard_file(split, shard, len(TRAIN_SHARDS))
            files[split].append(write(path, encoded))
            number += size
    clip = 0
    for shard, sizes in enumerate(TEST_SHARDS):
        encoded = []
        for size in sizes:
            encoded.append(encode_clip([segment(clip)] * size, labels_of(clip)))
            clip += 1
        path = tmp_path / shard_file("test", shard, len(TEST_SHARDS))
        files["test"].append(write(path, encoded))
    return RecordSet(
        folder=tmp_path,
        dataset="mtt",
        split_name="mtt-tagged",
        tags=("rock", "slow"),
        sample_rate=22_050,
        num_samples=NUM_SAMPLES,
        files=files,
        num_segments={"train": 23, "val": 23, "test": 10},
        num_clips={"test": 6},
        clip_ids=(),
        num_skipped={},
    )


def numbers_in(dataset):
    """The numbers of the segments, in order; checks each against its labels."""
    numbers = []
    for waveforms, labels in dataset.as_numpy_iterator():
        assert waveforms.dtype == labels.dtype == np.float32
        assert waveforms.shape[1:] == (NUM_SAMPLES,)
        for waveform, label in zip(waveforms, labels, strict=True):
            assert set(waveform) == {waveform[0]}
            np.testing.assert_array_equal(label, labels_of(int(waveform[0])))
            numbers.append(int(waveform[0]))
    return numbers


def train_order(records, seed=(0,), batch_size=23, steps=1, **options):
    return numbers_in(
        load_training_segments(records, batch_size, steps, seed, **options)
    )


@pytest.mark.parametrize("batch_size", [1, 4, 23, 100])
def test_load_segments_is_one_exact_pass_in_order(records, batch_size):
    assert numbers_in(load_segments(records, "val", batch_size)) == list(range(23))


def test_load_segments_makes_the_last_batch_smaller(records):
    sizes = [len(w) for w, _ in load_segments(records, "val", 10)]
    assert sizes == [10, 10, 3]


def test_training_segments_come_once_before_any_comes_twice(records):
    # 5 batches of 5: one pass over 23 and two segments of the next.
    order = train_order(records, batch_size=5, steps=5)
    assert sorted(order[:23]) == list(range(23))
    assert len(order) == 25


def test_training_passes_have_different_orders(records):
    order = train_order(records, batch_size=23, steps=2)
    assert sorted(order[23:]) == list(range(23))
    assert order[:23] != order[23:]


def test_training_order_depends_on_the_seed_alone(records):
    np.random.seed(3)
    first = train_order(records, (1, 2, 3))
    assert train_order(records, (1, 2, 3)) == first
    assert train_order(records, (1, 2, 4)) != first
    assert train_order(records, (2, 1, 3)) != first


def test_training_order_is_shuffled_across_shards(records):
    order = train_order(records)
    assert order != sorted(order)
    shard_of = np.repeat(np.arange(4), TRAIN_SHARDS)
    # Segments of one shard next to each other: all but a few would be, unshuffled.
    neighbours = sum(shard_of[a] == shard_of[b] for a, b in pairwise(order))
    assert neighbours < 15


@pytest.mark.parametrize("options", [{"num_read_threads": 1}, {"shuffle_buffer": 2}])
def test_training_passes_are_whole_whatever_the_options(records, options):
    assert sorted(train_order(records, **options)) == list(range(23))


def test_load_clips_gives_clips_of_different_lengths_in_order(records):
    clips = list(load_clips(records).as_numpy_iterator())
    sizes = [size for shard in TEST_SHARDS for size in shard]
    assert [waveforms.shape for waveforms, _ in clips] == [
        (size, NUM_SAMPLES) for size in sizes
    ]
    assert [waveforms[0, 0] for waveforms, _ in clips] == [0, 1, 2, 3, 4, 5]
    for number, (_, labels) in enumerate(clips):
        np.testing.assert_array_equal(labels, labels_of(number))


def test_iterate_clips_gives_the_clips_as_arrays(records):
    numbers = [int(waveforms[0, 0]) for waveforms, _ in iterate_clips(records)]
    assert numbers == [0, 1, 2, 3, 4, 5]


def test_iterate_clips_names_a_damaged_shard(records):
    path = records.files["test"][1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=f"{path.name} is damaged; delete") as error:
        list(iterate_clips(records))
    assert str(records.folder) in str(error.value)


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize(
    ("sample", "label"), [(np.nan, 1), (np.inf, 1), (1e38, 1), (0.0, 255)]
)
def test_samples_and_labels_that_cannot_be_are_damage(records, split, sample, label):
    path = records.files[split][0]
    segment = np.full(records.num_samples, sample, "float32")
    labels = np.full(len(records.tags), label, "uint8")
    with tf.io.TFRecordWriter(str(path)) as writer:
        if split == "test":
            writer.write(encode_clip(segment[None], labels))
        else:
            writer.write(encode_segment(segment, labels))
    batches = load_clips(records) if split == "test" else None
    with (
        pytest.raises(DatasetError, match=f"{path.name} is damaged"),
        damage_named(records, split),
    ):
        list(batches or load_segments(records, split, 4))


@pytest.mark.parametrize(
    ("split", "load"),
    [
        ("train", lambda records: load_training_segments(records, 4, 1)),
        ("val", lambda records: load_segments(records, "val", 4)),
        ("test", load_clips),
    ],
)
def test_load_of_an_empty_split_says_so(records, split, load):
    empty = dataclasses.replace(
        records, num_segments={**records.num_segments, split: 0}
    )
    with pytest.raises(DatasetError, match=f"holds no {split} segments"):
        load(empty)


def test_built_records_hold_the_samples_of_the_files(tiny_records):
    from resemul.audio import load_waveform, split_segments
    from resemul.configs import DatasetConfig
    from resemul.datasets import load_annotations
    from resemul.records import read_record_set

    records = read_record_set(tiny_records)
    annotations = load_annotations(DatasetConfig(data_dir=tiny_records))
    by_id = {track.clip_id: track for track in annotations.tracks}
    clips = list(load_clips(records).as_numpy_iterator())
    assert len(clips) == len(records.clip_ids) == 7
    assert {len(waveforms) for waveforms, _ in clips} == {1, 2}
    for clip_id, (waveforms, labels) in zip(records.clip_ids, clips, strict=True):
        track = by_id[clip_id]
        waveform = load_waveform(annotations.audio_dir / track.path)
        expected = split_segments(waveform, records.num_samples)[:2]
        np.testing.assert_array_equal(waveforms, expected)
        np.testing.assert_array_equal(labels, track.labels)
    manifest = json.loads((tiny_records / "tfrecord/manifest.json").read_text())
    total = sum(len(w) for w, _ in load_segments(records, "train", 4))
    assert total == manifest["counts"]["train"]["segments"] == 18


@pytest.mark.parametrize(("batch_size", "steps"), [(5, 2), (5, 5), (23, 3), (7, 10)])
def test_training_epochs_have_the_steps_that_were_asked_for(records, batch_size, steps):
    batches = load_training_segments(records, batch_size, steps)
    assert int(batches.cardinality()) == steps
    assert len(numbers_in(batches)) == steps * batch_size
