"""Which clip goes into which shard; the published plan is in test_mtt.py."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from resemul.configs import BuildConfig
from resemul.datasets import Annotations, Track
from resemul.errors import DatasetError
from resemul.records import plan_shards

LABELS = np.ones(1, "uint8")


def annotate(**num_tracks):
    tracks = [
        Track(f"{split}{i}", Path(f"{i}.mp3"), split, LABELS)
        for split, count in num_tracks.items()
        for i in range(count)
    ]
    return Annotations("mtt", "mtt-all", ("rock",), tracks, Path("data/mp3"), "")


def plan(num_audios_per_shard=10, **num_tracks):
    config = BuildConfig(num_audios_per_shard=num_audios_per_shard)
    return plan_shards(annotate(**num_tracks), config)


def test_plan_shards_deals_out_every_track_once():
    jobs = plan(train=47, val=12, test=33)
    clips = [track.clip_id for job in jobs for track in job.tracks]
    tracks = annotate(train=47, val=12, test=33).tracks
    assert sorted(clips) == sorted(t.clip_id for t in tracks)
    assert Counter(job.split for job in jobs) == {"train": 4, "val": 1, "test": 3}
    assert all(t.split == job.split for job in jobs for t in job.tracks)


def test_plan_shards_fills_shards_evenly():
    sizes = [len(job.tracks) for job in plan(train=47)]
    assert sorted(sizes) == [11, 12, 12, 12]


def test_plan_shards_keeps_the_order_of_the_annotations_inside_a_shard():
    for job in plan(train=47):
        numbers = [int(track.clip_id.removeprefix("train")) for track in job.tracks]
        assert numbers == sorted(numbers)


def test_plan_shards_deals_as_the_published_system():
    """The rule said again, with the global generator that the original seeded."""
    sizes = {"train": 47, "val": 12, "test": 33}
    state = np.random.get_state()
    np.random.seed(0)
    expected = {}
    for split, size in sizes.items():
        num_shards = size // 10
        shards = list(range(num_shards)) * 10
        shards += [i % num_shards for i in range(size % 10)]
        for i, shard in enumerate(np.random.permutation(shards)):
            expected.setdefault((split, shard), []).append(f"{split}{i}")
    np.random.set_state(state)
    found = [[track.clip_id for track in job.tracks] for job in plan(**sizes)]
    assert found == [expected[key] for key in sorted(expected, key=key_of_shard)]


def key_of_shard(key):
    split, shard = key
    return ("train", "val", "test").index(split), shard


def test_plan_shards_names_the_files():
    files = [job.file for job in plan(train=20, val=10, test=10)]
    assert files == [
        "train-0000-of-0002.tfrecord",
        "train-0001-of-0002.tfrecord",
        "val-0000-of-0001.tfrecord",
        "test-0000-of-0001.seq.tfrecord",
    ]


def test_plan_shards_gives_a_split_smaller_than_a_shard_one_shard():
    jobs = plan(train=20, val=3, test=9)
    assert [len(job.tracks) for job in jobs if job.split != "train"] == [3, 9]


def test_plan_shards_leaves_out_a_split_without_tracks():
    assert {job.split for job in plan(train=20, test=5)} == {"train", "test"}


def test_plan_shards_does_not_touch_the_global_generator():
    np.random.seed(7)
    expected = np.random.random()
    np.random.seed(7)
    plan(train=30)
    assert np.random.random() == expected


def test_plan_shards_refuses_no_tracks_at_all():
    with pytest.raises(DatasetError, match="no track has any tag"):
        plan()
