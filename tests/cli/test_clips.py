"""Which windows of a test clip a model is shown."""

import pytest

from resemul.checkpoints.card import ModelCard
from resemul.cli.clips import iterate_test_clips
from resemul.records import read_record_set


def num_windows(records, training, windows=None):
    """Windows of each clip; five of the clips have one segment, two have two."""
    card = ModelCard("sample_cnn", {}, [], 22_050, 59_049, training=training)
    return [len(w) for w, _ in iterate_test_clips(records, card, "eval", windows)]


@pytest.fixture
def records(tiny_records):
    return read_record_set(tiny_records)


def test_windows_are_those_of_the_validation(records):
    segments = num_windows(records, {"validation": "segments"})
    assert sorted(segments) == [1, 1, 1, 1, 1, 2, 2]
    # Cards of before there was a choice.
    assert num_windows(records, {}) == segments
    chunks = num_windows(records, {"validation": "chunks", "num_chunks": 3})
    # Clips no longer than a window have one.
    assert chunks == [3 if number == 2 else 1 for number in segments]
    assert num_windows(records, {"validation": "centre"}) == [1] * 7


def test_windows_that_are_asked_for_go_before_those_of_the_validation(records):
    assert num_windows(records, {"validation": "chunks"}, "random") == [1] * 7
