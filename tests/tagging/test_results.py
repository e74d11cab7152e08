"""Results as Python users see them, and as JSON carries them."""

import json

import numpy as np
import pytest

import resemul
from resemul.errors import ConfigError
from resemul.tagging.results import TagResult, Timeline


@pytest.fixture
def result():
    timeline = Timeline(
        np.array([0.0, 3.0]),
        np.array([3.0, 6.0]),
        np.array([[0.1, 0.8, 0.3], [0.3, 0.6, 0.3]], "float32"),
    )
    scores = timeline.scores.mean(axis=0)
    return TagResult(
        "a.mp3", "m", "tagged", ("pop", "rock", "jazz"), scores, "", 6.0, timeline
    )


def test_labels_are_sorted_by_score(result):
    assert [pair["label"] for pair in result.labels] == ["rock", "jazz", "pop"]
    assert result.top(1) == [{"label": "rock", "score": pytest.approx(0.7)}]
    with pytest.raises(ConfigError, match="at least 1, got 0"):
        result.top(0)


def test_a_table_has_a_row_for_each_tag(result):
    frame = result.to_frame()
    assert frame["tag"].tolist() == ["rock", "jazz", "pop"]
    assert frame["score"].tolist() == pytest.approx([0.7, 0.3, 0.2])


def test_json_says_what_was_heard_by_what(result):
    content = json.loads(json.dumps(result.to_dict(with_timeline=True)))
    timeline = content.pop("timeline")
    assert content == {
        "path": "a.mp3",
        "model": "m",
        "model_sha256": "",
        "resemul": resemul.__version__,
        "status": "tagged",
        "error": None,
        "seconds": 6.0,
        "tags": {"rock": 0.7, "jazz": 0.3, "pop": 0.2},
    }
    assert timeline[1] == {
        "start": 3.0,
        "end": 6.0,
        "tags": {"pop": 0.3, "rock": 0.6, "jazz": 0.3},
    }


def test_what_failed_has_no_tags():
    result = TagResult("a.mp3", "m", "failed", ("pop",), error="a.mp3 is empty")
    assert result.labels == []
    assert result.to_dict()["tags"] == {}
    assert result.to_dict(True)["timeline"] == []
