"""Which segments of a test clip a model is shown."""

import pytest

from resemul.checkpoints.card import ModelCard
from resemul.evaluation.clips import scoring_clips, scoring_scheme
from resemul.records import read_record_set


def num_segments(records, training, scheme=None):
    """Segments of each clip; five of the clips have one, two have two."""
    card = ModelCard("sample_cnn", {}, [], 22_050, 59_049, training=training)
    chosen = scoring_scheme(card, scheme)
    clips = scoring_clips(records, "test", card.num_samples, "eval", *chosen)
    return [len(segments) for segments, _ in clips]


@pytest.fixture
def records(tiny_records):
    return read_record_set(tiny_records)


def test_segments_are_those_of_the_validation(records):
    segments = num_segments(records, {"validation": "segments"})
    assert sorted(segments) == [1, 1, 1, 1, 1, 2, 2]
    # Cards of before there was a choice.
    assert num_segments(records, {}) == segments
    chunks = num_segments(records, {"validation": "chunks", "num_chunks": 3})
    # Clips no longer than a segment have one.
    assert chunks == [3 if number == 2 else 1 for number in segments]
    assert num_segments(records, {"validation": "centre"}) == [1] * 7


def test_segments_that_are_asked_for_go_before_those_of_the_validation(records):
    assert num_segments(records, {"validation": "chunks"}, "random") == [1] * 7


def test_validation_clips_are_whole_clips(records):
    """The three of conftest.py; with a manifest, segments are put together."""
    clips = list(scoring_clips(records, "val", records.num_samples, "val"))
    assert [len(segments) for segments, _ in clips] == list(records.val_clip_sizes)
    assert len(clips) == 3
