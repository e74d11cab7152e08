"""Names, thresholds, numbers of tags, ranks within a library."""

import numpy as np
import pytest
from loudness import NUM_SAMPLES, RATE, LoudnessRuntime, constant

from resemul.configs.tagging import ShowConfig
from resemul.errors import ConfigError
from resemul.tagging.choosing import Chooser, check_names, rank_in_library, read_names
from resemul.tagging.tagger import Tagger

# Scores 0.4, 0.6 and 0.25.
TAGS = ("loud", "quiet", "odd")


def shown(show, names=None, thresholds=None, default_top_k=None):
    tagger = Tagger(LoudnessRuntime(TAGS, thresholds=thresholds or {}))
    chooser = Chooser(tagger, show, names, default_top_k)
    result = tagger(constant(0.2, 2 * NUM_SAMPLES), RATE)
    return chooser.choose(chooser.rename(result))


def labels(*args, **kwargs):
    return [pair["label"] for pair in shown(*args, **kwargs).labels]


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        (ShowConfig(), ["quiet", "loud", "odd"]),
        (ShowConfig(top_k=1), ["quiet"]),
        (ShowConfig(threshold="0.3"), ["quiet", "loud"]),
        (ShowConfig(threshold="0.3", top_k=1), ["quiet"]),
        (ShowConfig(threshold="1"), []),
        (ShowConfig(tags=("odd", "loud")), ["loud", "odd"]),
    ],
)
def test_tags_are_chosen_by_number_threshold_and_name(show, expected):
    assert labels(show) == expected


def test_fitted_thresholds_hold_for_each_tag():
    fitted = ShowConfig(threshold="fitted")
    assert labels(fitted, thresholds={"loud": 0.3, "odd": 0.3}) == ["quiet", "loud"]
    with pytest.raises(ConfigError, match="no fitted thresholds"):
        labels(fitted)


def test_the_default_number_does_not_hold_beside_a_threshold():
    assert labels(ShowConfig(), default_top_k=1) == ["quiet"]
    assert len(labels(ShowConfig(threshold="0"), default_top_k=1)) == 3
    assert len(labels(ShowConfig(top_k=2), default_top_k=1)) == 2


def test_names_rename_merge_and_drop():
    names = {"loud": "sound", "odd": "sound", "quiet": None}
    result = shown(ShowConfig(), names)
    assert result.tags == ("sound",)
    assert result.labels == [{"label": "sound", "score": pytest.approx(0.4)}]
    np.testing.assert_allclose(result.timeline.scores, [[0.4], [0.4]], rtol=1e-5)


def test_a_merged_name_reaches_a_threshold_if_one_of_its_tags_does():
    names = {"loud": "sound", "odd": "sound"}
    for thresholds, expected in (
        ({"loud": 0.9, "odd": 0.2, "quiet": 0.9}, ["sound"]),
        ({"loud": 0.9, "odd": 0.9, "quiet": 0.9}, []),
    ):
        result = shown(ShowConfig(threshold="fitted"), names, thresholds)
        assert [pair["label"] for pair in result.labels] == expected
        assert result.timeline.present[:, 0].tolist() == [bool(expected)] * 2


@pytest.mark.parametrize("threshold", ["nan", "-0.1", "1.5", "best", "inf", ""])
def test_a_threshold_that_is_none_is_refused(threshold):
    with pytest.raises(ConfigError, match="must be a number from 0 to 1, or 'fitted'"):
        ShowConfig(threshold=threshold)


@pytest.mark.parametrize("top_k", [0, -1])
def test_a_number_of_tags_that_is_none_is_refused(top_k):
    with pytest.raises(ConfigError, match="at least 1"):
        ShowConfig(top_k=top_k)


def test_a_tag_that_no_model_has_is_named_with_the_nearest(tagger):
    with pytest.raises(ConfigError, match="no model has the tag 'lud'; did you mean"):
        check_names([tagger], None, ["lud"])
    with pytest.raises(ConfigError, match="no model has the tag 'tone'"):
        check_names([tagger], {"tone": "x"}, [])
    check_names([tagger], {"loud": "noisy"}, ["noisy", "quiet"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("map.csv", "tag,name\nloud,noisy\nquiet,\n"),
        ("map.tsv", "loud\tnoisy\nquiet\t\n"),
        ("map.json", '{"loud": "noisy", "quiet": null}'),
    ],
)
def test_names_are_read_from_tables_and_json(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert read_names(tmp_path / name) == {"loud": "noisy", "quiet": None}


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "one\ntwo\n"), ("a.json", "[1]"), ("a.json", "{"), ("a.csv", "")],
)
def test_a_file_that_holds_no_names_is_refused(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=r"a\.(csv|json)"):
        read_names(tmp_path / name)


def test_a_rank_is_the_share_of_the_other_files_that_score_lower(tagger):
    results = [
        tagger(constant(value, NUM_SAMPLES), RATE) for value in (0.1, 0.3, 0.2, 0, 0.3)
    ]
    ranked = rank_in_library(results)
    assert ranked[3] is results[3]  # silent
    scores = [result.scores.tolist() for result in ranked if result.has_scores]
    np.testing.assert_allclose(
        scores, [[0, 1], [2 / 3, 0], [1 / 3, 2 / 3], [2 / 3, 0]], rtol=1e-6
    )
    assert ranked[0].to_dict()["calibration"] == "quantile"


def test_a_rank_needs_two_files(tagger):
    with pytest.raises(ConfigError, match="at least two"):
        rank_in_library([tagger(constant(0.1, NUM_SAMPLES), RATE)])
