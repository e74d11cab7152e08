import json

import pytest

from resemul.configs.file_tags import FIELD_MODES, Field, FileTagsConfig
from resemul.tagging.file_tags.decide import (
    decide,
    evidence,
    heard_values,
    new_values,
    own_values,
    read_evidence,
)
from resemul.tagging.file_tags.results import ModelResult
from resemul.tagging.file_tags.vocabulary import TagMeaning, published_meanings

EVIDENCE = Field("evidence", "replace")
EMPTY = {"genre": [], "mood": [], "evidence": []}


def result(model="msd", **tags):
    return ModelResult(
        model, "ab", "0.1.0", {k.replace("_", " "): v for k, v in tags.items()}
    )


@pytest.mark.parametrize(
    ("mode", "old", "own", "heard", "expected"),
    [
        ("keep", [], [], ["Rock", "Pop"], ["Rock", "Pop"]),
        ("keep", ["Jazz"], [], ["Rock"], ["Jazz"]),
        # What an earlier run wrote is no reason to keep it.
        ("keep", ["Pop"], ["Pop"], ["Rock"], ["Rock"]),
        ("keep", ["Jazz", "Pop"], ["Pop"], ["Rock"], ["Jazz", "Pop"]),
        ("merge", ["Calm"], [], ["Sad"], ["Calm", "Sad"]),
        ("merge", ["calm"], [], ["Calm", "Sad"], ["calm", "Sad"]),
        ("merge", ["Calm", "Sad"], ["Sad"], ["Happy"], ["Calm", "Happy"]),
        ("merge", ["Calm", "Sad"], ["Sad"], [], ["Calm"]),
        ("replace", ["Calm"], [], ["Sad"], ["Sad"]),
        # Nothing heard is no reason to take a user's values away.
        ("replace", ["Calm"], [], [], ["Calm"]),
        ("merge", ["a", "b"], [], ["c", "d"], ["a", "b", "c"]),
        ("merge", ["a", "b", "c", "d"], [], ["e"], ["a", "b", "c", "d"]),
        ("replace", [], [], ["a", "b", "c", "d"], ["a", "b", "c"]),
    ],
)
def test_new_values(mode, old, own, heard, expected):
    assert new_values(old, own, heard, mode, limit=3) == expected


@pytest.mark.parametrize("mode", FIELD_MODES)
@pytest.mark.parametrize("old", [[], ["Jazz"], ["rock"], ["a", "b", "c", "d"]])
def test_a_second_run_changes_nothing(mode, old):
    config = FileTagsConfig((Field("genre", mode), Field("mood", mode), EVIDENCE))
    before = {**EMPTY, "genre": old}
    results = [result(rock=0.5, pop=0.4, jazz=0.3, soul=0.2)]
    first = decide(before, results, published_meanings(), config)
    assert decide(first, results, published_meanings(), config) == first


def test_another_models_run_replaces_what_the_first_wrote():
    config = FileTagsConfig()
    before = {**EMPTY, "mood": ["Rainy"]}
    first = decide(before, [result(sad=0.5)], published_meanings(), config)
    assert first["mood"] == ["Rainy", "Sad"]
    second = decide(first, [result(happy=0.5)], published_meanings(), config)
    assert second["mood"] == ["Rainy", "Happy"]


def test_a_field_that_is_not_asked_for_keeps_its_provenance():
    first = decide(
        EMPTY, [result(rock=0.5, sad=0.4)], published_meanings(), FileTagsConfig()
    )
    only_mood = FileTagsConfig((Field("mood", "merge"), EVIDENCE))
    second = decide(first, [result(happy=0.5)], published_meanings(), only_mood)
    assert "genre" not in second
    assert own_values(read_evidence(second["evidence"]), "genre") == ["Rock"]


def test_values_come_by_score_and_under_one_name():
    meanings = published_meanings()
    heard = heard_values(
        [result(female_vocalist=0.1, rock=0.2), result(female_vocalists=0.3, pop=0.4)],
        meanings,
        min_score=0.15,
    )
    assert heard == {"genre": ["Pop", "Rock"], "voice": ["Female Vocals"]}


def test_ignored_and_unknown_tags_become_no_values():
    meanings = {"rock": TagMeaning("ignore", ("Rock",))}
    assert heard_values([result(rock=0.5, zither=0.5)], meanings, 0.0) == {}


def test_evidence_says_what_was_heard_and_by_what():
    text = evidence([result(rock=0.123456, pop=0.5)], {"genre": ["Pop"]})
    assert json.loads(text) == {
        "schema": "resemul.evidence/1",
        "models": {
            "msd": {
                "sha256": "ab",
                "resemul": "0.1.0",
                "tags": {"pop": 0.5, "rock": 0.1235},
            }
        },
        "wrote": {"genre": ["Pop"]},
    }


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"x"', '{"schema": "other"}', '{"wrote": 3}']
)
def test_evidence_of_others_is_none_of_ours(text):
    assert read_evidence([text]) == {}


def test_broken_provenance_claims_nothing():
    assert own_values({"wrote": {"genre": "Rock"}}, "genre") == []
    assert own_values({"wrote": 3}, "genre") == []
