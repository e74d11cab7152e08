"""Training examples cut out of records whose samples are numbered."""

from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf

from resemul.configs import BuildConfig, DatasetConfig
from resemul.datasets import load_annotations
from resemul.records import (
    AUDIO_INDEX_FILE,
    RECORDS_FOLDER,
    load_training_segments,
    open_audio_set,
    read_record_set,
    write_audio_index,
    write_shards,
)
from resemul.records.crops import crop_records
from resemul.records.record_set import RecordSet
from resemul.records.schema import encode_segment
from resemul.records.write import write_shard

# Records in each shard; sample i of record r is 100 * r + i.
SHARDS = (4, 3, 5)
NUM_RECORDS = 12
RECORD_SAMPLES = 20


def record(number):
    return np.arange(RECORD_SAMPLES, dtype="float32") + 100 * number


def labels_of(number):
    return np.array([number % 2, number % 3 == 0], "uint8")


@pytest.fixture(params=["float32", "int16"])
def records(request, tmp_path):
    files, number = [], 0
    for shard, size in enumerate(SHARDS):
        path = tmp_path / f"train-{shard:04d}-of-{len(SHARDS):04d}.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for i in range(number, number + size):
                # In int16, whole numbers of 1/32768 are kept exactly.
                waveform = record(i) / 32_768
                writer.write(encode_segment(waveform, labels_of(i), request.param))
        files.append(path)
        number += size
    return RecordSet(
        folder=tmp_path,
        dataset="mtt",
        split_name="mtt-tagged",
        tags=("rock", "slow"),
        sample_rate=22_050,
        num_samples=RECORD_SAMPLES,
        files={"train": files, "val": [], "test": []},
        num_segments={"train": NUM_RECORDS, "val": 0, "test": 0},
        num_clips={},
        clip_ids=(),
        num_skipped={},
        encoding=request.param,
    )


def examples_of(records, num_samples, crop, seed=(0,), steps=1, batch_size=NUM_RECORDS):
    """Record and first sample of each example, in order; checks the rest of it."""
    found = []
    batches = load_training_segments(
        records, batch_size, steps, seed, num_samples=num_samples, crop=crop
    )
    for waveforms, labels in batches.as_numpy_iterator():
        assert waveforms.dtype == labels.dtype == np.float32
        assert waveforms.shape == (batch_size, num_samples)
        for waveform, label in zip(waveforms * 32_768, labels, strict=True):
            number, start = divmod(int(waveform[0]), 100)
            np.testing.assert_array_equal(
                waveform, record(number)[start : start + num_samples]
            )
            np.testing.assert_array_equal(label, labels_of(number))
            found.append((number, start))
    return found


def test_a_pass_has_one_random_crop_of_each_record(records):
    examples = examples_of(records, 8, "random")
    assert sorted(number for number, _ in examples) == list(range(NUM_RECORDS))
    assert len({start for _, start in examples}) > 3


def test_random_crops_depend_on_the_seed_alone(records):
    first = examples_of(records, 8, "random", (1, 0, 5))
    assert examples_of(records, 8, "random", (1, 0, 5)) == first
    # Those of the next epoch are others, of most records.
    other = dict(examples_of(records, 8, "random", (1, 0, 6)))
    assert sum(other[number] != start for number, start in first) > NUM_RECORDS / 2


def test_random_crops_of_the_second_pass_are_others(records):
    examples = examples_of(records, 8, "random", steps=2)
    first, second = dict(examples[:NUM_RECORDS]), dict(examples[NUM_RECORDS:])
    assert first.keys() == second.keys()
    assert sum(first[n] != second[n] for n in first) > NUM_RECORDS / 2


def test_random_crops_begin_at_every_place_from_the_first_to_the_last(records):
    starts = {
        start
        for epoch in range(8)
        for _, start in examples_of(records, 17, "random", (epoch,))
    }
    assert starts == {0, 1, 2, 3}


def test_centre_crops_are_the_middle_of_each_record(records):
    examples = examples_of(records, 7, "centre")
    assert sorted(examples) == [(number, 6) for number in range(NUM_RECORDS)]


def test_segments_are_all_whole_ones_of_each_record(records):
    examples = examples_of(records, 8, "segments", steps=2)
    assert sorted(examples) == [(n, s) for n in range(NUM_RECORDS) for s in (0, 8)]
    # Shuffled after they are cut: a record's two do not follow each other.
    assert sum(a[0] == b[0] for a, b in pairwise(examples)) < 8


@pytest.mark.parametrize("crop", ["random", "centre", "segments"])
def test_records_of_the_models_length_are_taken_whole(records, crop):
    examples = examples_of(records, RECORD_SAMPLES, crop)
    assert sorted(examples) == [(number, 0) for number in range(NUM_RECORDS)]
    plain = load_training_segments(records, NUM_RECORDS, 1).as_numpy_iterator()
    order = [int(waveform[0] * 32_768) // 100 for waveform in next(plain)[0]]
    assert [number for number, _ in examples] == order


@pytest.mark.parametrize(
    ("num_samples", "crop", "expected"),
    [
        (None, "segments", 12),
        (20, "segments", 12),
        (8, "segments", 24),
        (5, "segments", 48),
        (8, "random", 12),
        (8, "centre", 12),
    ],
)
def test_num_examples_counts_crops_or_segments(records, num_samples, crop, expected):
    assert records.num_examples(num_samples, crop) == expected


def test_fewer_steps_than_a_pass_take_records_once_at_most(records):
    examples = examples_of(records, 8, "random", steps=2, batch_size=5)
    assert len({number for number, _ in examples}) == 10


def test_a_records_crop_is_a_function_of_its_place_and_the_seed():
    waveforms = np.tile(np.arange(1_000, dtype="float32"), (3, 1))
    dataset = tf.data.Dataset.from_tensor_slices((waveforms, np.zeros((3, 1))))

    def starts(seed):
        crops = crop_records(dataset, 10, "random", seed).as_numpy_iterator()
        return [int(waveform[0]) for waveform, _ in crops]

    assert starts((1, 2)) == starts((1, 2))
    assert len(set(starts((1, 2)))) == 3
    assert starts((1, 2)) != starts((3, 2))
    # Places count on from the second number.
    assert starts((1, 3))[:2] == starts((1, 2))[1:]


@pytest.fixture
def long_clips(tiny_dataset, monkeypatch):
    """Records of 2 s and the index of the same clips: one to three of each."""

    def run_shard_jobs(jobs, folder, state_folder, **options):
        for job in jobs:
            yield write_shard(job, folder, state_folder)

    # Spares new processes and their imports.
    monkeypatch.setattr("resemul.records.shards.run_shard_jobs", run_shard_jobs)
    config = BuildConfig(
        16_000, 32_000, clip_seconds=6.0, num_audios_per_shard=3, min_segments=0
    )
    annotations = load_annotations(DatasetConfig(data_dir=tiny_dataset))
    write_audio_index(annotations, tiny_dataset / AUDIO_INDEX_FILE, config, 1)
    write_shards(annotations, tiny_dataset / RECORDS_FOLDER, config)
    return tiny_dataset


def test_crops_of_audio_files_are_those_of_their_records(long_clips):
    shards = read_record_set(long_clips)
    with open_audio_set(long_clips, 1) as audio:
        for crop in ("random", "centre", "segments"):
            options = {"seed": (3, 1), "num_samples": 9_000, "crop": crop}
            pairs = [
                list(
                    load_training_segments(records, 4, 8, **options).as_numpy_iterator()
                )
                for records in (audio, shards)
            ]
            for mine, theirs in zip(*pairs, strict=True):
                assert mine[0].shape == (4, 9_000)
                for array, other in zip(mine, theirs, strict=True):
                    assert array.dtype == other.dtype == np.float32
                    assert array.tobytes() == other.tobytes()
