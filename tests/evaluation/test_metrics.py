"""Scores that can be counted by hand, and the same from scikit-learn."""

import dataclasses
import sys

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from resemul.errors import ConfigError
from resemul.evaluation.metrics import (
    METRICS,
    best_f1_thresholds,
    binary_cross_entropy,
    find_metrics,
    macro,
    macro_scores,
    pr_auc_per_tag,
    roc_auc_per_tag,
)


def column(*values):
    return np.array(values, "float32")[:, None]


def random_scores(num_clips=40, num_tags=3):
    """Labels and probabilities with many ties."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (num_clips, num_tags))
    return labels, rng.integers(0, 6, (num_clips, num_tags)) / 6


def test_roc_auc_is_the_share_of_pairs_in_the_right_order():
    # Positives 0.9 and 0.4, negatives 0.5 and 0.1: 3 of 4 pairs are right.
    labels, probabilities = column(1, 1, 0, 0), column(0.9, 0.4, 0.5, 0.1)
    assert roc_auc_per_tag(labels, probabilities).tolist() == [0.75]


def test_roc_auc_counts_a_tie_as_half():
    # Pairs: (0.5, 0.5) half, (0.5, 0.1) right: 1.5 of 2.
    labels, probabilities = column(1, 0, 0), column(0.5, 0.5, 0.1)
    assert roc_auc_per_tag(labels, probabilities).tolist() == [0.75]


def test_pr_auc_is_the_mean_precision_at_the_positives():
    # Ranking: +, -, +: precision 1/1 and 2/3 at the positives.
    labels, probabilities = column(1, 0, 1), column(0.9, 0.5, 0.1)
    assert pr_auc_per_tag(labels, probabilities) == pytest.approx([(1 + 2 / 3) / 2])


def test_pr_auc_takes_ties_as_one_step():
    # The positive comes with one negative: precision 1/2.
    labels, probabilities = column(1, 0, 0), column(0.5, 0.5, 0.1)
    assert pr_auc_per_tag(labels, probabilities) == pytest.approx([0.5])


@pytest.mark.parametrize("score", [roc_auc_per_tag, pr_auc_per_tag])
def test_scores_of_a_tag_that_no_or_every_clip_has_are_nan(score):
    labels = np.array([[0, 1, 1], [0, 1, 0]])
    scores = score(labels, np.array([[0.5, 0.5, 0.9], [0.1, 0.9, 0.1]]))
    assert np.isnan(scores).tolist() == [True, True, False]
    assert macro(scores) == 1.0


@pytest.mark.parametrize("score", [roc_auc_per_tag, pr_auc_per_tag])
def test_scores_of_probabilities_that_are_nan_are_nan(score):
    labels = np.array([[1, 1], [0, 0]])
    probabilities = np.array([[np.nan, 0.9], [0.1, 0.1]])
    assert np.isnan(score(labels, probabilities)).tolist() == [True, False]


def test_scores_refuse_shapes_that_do_not_match():
    with pytest.raises(ValueError, match=r"\(2, 1\).*\(1, 2\)"):
        roc_auc_per_tag(np.zeros((2, 1)), np.zeros((1, 2)))


def fit(labels, scores):
    """Threshold and F1 of one tag."""
    [threshold], [f1] = best_f1_thresholds(column(*labels), column(*scores))
    return threshold, f1


def test_best_f1_threshold_lies_halfway_between_two_clips():
    # From 0.75 up both positives and nothing else are found.
    assert fit([1, 0, 1, 0], [1.0, 0.5, 0.75, 0.25]) == (0.625, 1.0)


def test_best_f1_threshold_accepts_a_negative_for_one_more_positive():
    # Ranking +, -, +, -: F1 of the first 1, 2, 3, 4 is 2/3, 2/4, 4/5, 4/6.
    threshold, f1 = fit([1, 0, 1, 0], [1.0, 0.75, 0.5, 0.25])
    assert (threshold, f1) == (0.375, pytest.approx(0.8))


def test_best_f1_threshold_does_not_part_clips_of_one_probability():
    # The positives cannot be had without the negative at 0.5: 4/5, against 2/3.
    threshold, f1 = fit([1, 1, 0, 0], [0.75, 0.5, 0.5, 0.25])
    assert (threshold, f1) == (0.375, pytest.approx(0.8))


def test_best_f1_threshold_is_the_highest_of_equally_good_ones():
    # F1 is 2/3 after five clips (6/9) and after all eight (8/12), but for rounding:
    # from precision and recall the second comes out larger by one bit.
    threshold, f1 = fit([0, 0, 1, 1, 1, 0, 0, 1], np.arange(8, 0, -1) / 8)
    assert (threshold, f1) == (0.4375, pytest.approx(2 / 3))


def test_best_f1_threshold_is_the_lowest_probability_if_every_clip_gets_the_tag():
    assert fit([1, 1], [0.75, 0.25]) == (0.25, 1.0)
    # The positive ranks last: all three are needed to find it.
    assert fit([0, 0, 1], [0.75, 0.5, 0.25]) == (0.25, 0.5)


def test_best_f1_threshold_parts_neighbouring_numbers():
    for kind in ("float32", "float64"):
        above = np.nextafter(np.array(0.1, kind), np.array(1, kind))
        probabilities = np.array([[above], [0.1]], kind)
        [threshold], [f1] = best_f1_thresholds(column(1, 0), probabilities)
        assert f1 == 1.0
        assert (probabilities >= threshold).ravel().tolist() == [True, False]


def test_best_f1_threshold_of_a_tag_that_no_clip_has_is_nan():
    labels = np.array([[0, 1, 1], [0, 0, 0]])
    probabilities = np.array([[0.9, np.nan, 0.75], [0.1, 0.1, 0.25]])
    for values in best_f1_thresholds(labels, probabilities):
        assert np.isnan(values).tolist() == [True, True, False]
    assert np.isnan(best_f1_thresholds(np.zeros((0, 2)), np.zeros((0, 2)))).all()


def test_best_f1_thresholds_reach_the_best_f1_of_scikit_learn():
    labels, probabilities = random_scores()
    thresholds, reached = best_f1_thresholds(labels, probabilities)
    for tag in range(labels.shape[1]):
        truth, scores = labels[:, tag], probabilities[:, tag]
        possible = [f1_score(truth, scores >= score) for score in scores]
        assert f1_score(truth, scores >= thresholds[tag]) == max(possible)
        assert reached[tag] == pytest.approx(max(possible))


def test_best_f1_thresholds_refuse_shapes_that_do_not_match():
    with pytest.raises(ValueError, match=r"\(2, 1\).*\(1, 2\)"):
        best_f1_thresholds(np.zeros((2, 1)), np.zeros((1, 2)))


def test_macro_of_no_score_is_nan():
    assert np.isnan(macro(np.array([np.nan])))


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_scores_each_tag_and_says_how_to_read_it(name):
    metric = METRICS[name]
    labels, probabilities = random_scores()
    scores = metric.per_tag(labels, probabilities)
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()
    better = metric.per_tag(labels, labels.astype("float64"))
    assert ((better >= scores) == metric.higher_is_better).all()
    # Nothing can be said of tags that no clip and every clip has.
    labels = np.array([[0, 1, 1], [0, 1, 0]])
    scores = metric.per_tag(labels, np.array([[0.5, 0.5, 0.9], [0.1, 0.9, 0.1]]))
    assert np.isnan(scores).tolist() == [True, True, False]
    assert metric.title
    assert len(metric.letter) == 1


def test_no_two_metrics_look_the_same():
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)
    # "l" is that of the loss.
    letters = [metric.letter for metric in METRICS.values()]
    assert len({"l", *letters}) == len(letters) + 1


@pytest.mark.parametrize("name", METRICS)
def test_scores_of_draws_are_those_of_the_repeated_clips(name):
    metric = METRICS[name]
    labels, probabilities = random_scores(num_clips=12)
    # The last holds one clip only, so that no tag can be scored there.
    rng = np.random.default_rng(1)
    drawn = [rng.integers(size, size=12) for size in (12,) * 10 + (1,)]
    counts = np.array([np.bincount(row, minlength=12) for row in drawn])
    found = metric.per_draw(labels, probabilities, counts)
    plain = dataclasses.replace(metric, of_draws=None)
    expected = plain.per_draw(labels, probabilities, counts)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(
        found[0], metric.per_tag(labels[drawn[0]], probabilities[drawn[0]])
    )
    assert np.isnan(expected).any()


def test_macro_scores_has_every_metric():
    labels, probabilities = random_scores()
    scores = macro_scores(labels, probabilities)
    assert list(scores) == list(METRICS)
    assert scores["roc_auc"] == pytest.approx(roc_auc_score(labels, probabilities))
    expected = average_precision_score(labels, probabilities)
    assert scores["pr_auc"] == pytest.approx(expected)


@pytest.fixture
def my_metrics(tmp_path, monkeypatch):
    """A module of a user's own, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_metrics.py").write_text(
        "from resemul.evaluation.metrics import Metric\n"
        "def brier_score(labels, probabilities):\n"
        "    return ((labels - probabilities) ** 2).mean(axis=0)\n"
        "def of_all(labels, probabilities):\n"
        "    return 0.5\n"
        "brier = Metric(brier_score, 'Brier score', 'b', higher_is_better=False)\n"
        "number = 3\n"
    )
    yield
    sys.modules.pop("my_metrics", None)


def test_a_function_from_outside_is_a_metric(my_metrics):
    found = find_metrics(["my_metrics:brier_score", "my_metrics:brier"])
    assert list(found) == [*METRICS, "brier_score", "brier"]
    labels, probabilities = column(1, 0), column(0.5, 0.25)
    assert found["brier_score"].title == "brier score"
    scores = found["brier_score"].per_tag(labels, probabilities)
    assert scores.tolist() == [(0.25 + 0.0625) / 2]
    assert not found["brier"].higher_is_better
    # Without a way of its own, draws are scored one by one.
    counts = np.array([[2, 0], [1, 1]])
    draws = found["brier"].per_draw(labels, probabilities, counts)
    assert draws.tolist() == [[0.25], [(0.25 + 0.0625) / 2]]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_metrics:number", "is no function of labels and probabilities"),
        ("my_metrics:gone", "my_metrics has no 'gone'"),
        ("f1", "there is no metric 'f1'; there are roc_auc, pr_auc, and those from"),
        ("gone:f1", "there is no module 'gone'"),
    ],
)
def test_what_is_no_metric_is_told(my_metrics, name, message):
    with pytest.raises(ConfigError, match=message):
        find_metrics([name])


def test_a_metric_that_gives_one_number_for_all_tags_is_told(my_metrics):
    metric = find_metrics(["my_metrics:of_all"])["of_all"]
    with pytest.raises(ConfigError, match=r"of all gives \(\) for 1 tags"):
        metric.per_tag(column(1, 0), column(0.5, 0.25))


def test_binary_cross_entropy_is_the_mean_over_all_elements():
    labels, probabilities = np.array([[1, 0]]), np.array([[0.5, 0.75]])
    expected = (np.log(2) + np.log(4)) / 2
    assert binary_cross_entropy(labels, probabilities) == pytest.approx(expected)


def test_binary_cross_entropy_clips_what_is_certain():
    wrong = binary_cross_entropy(np.array([[1]]), np.array([[0.0]]))
    assert wrong == pytest.approx(-np.log(1e-7))
