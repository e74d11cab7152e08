"""Scores that can be counted by hand, and the same from scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from resemul.evaluation.metrics import (
    best_f1_thresholds,
    binary_cross_entropy,
    macro,
    macro_of_draws,
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


def test_macro_of_draws_is_the_score_of_the_repeated_clips():
    labels, probabilities = random_scores()
    rng = np.random.default_rng(1)
    drawn = rng.integers(len(labels), size=(20, len(labels)))
    counts = np.array([np.bincount(row, minlength=len(labels)) for row in drawn])
    roc_auc, pr_auc = macro_of_draws(labels, probabilities, counts)
    for i, row in enumerate(drawn):
        repeated = labels[row], probabilities[row]
        assert roc_auc[i] == pytest.approx(roc_auc_score(*repeated))
        assert pr_auc[i] == pytest.approx(average_precision_score(*repeated))


def test_macro_of_draws_leaves_out_tags_that_a_draw_cannot_score():
    labels = np.array([[1, 1], [0, 1], [0, 0]])
    probabilities = np.array([[0.9, 0.9], [0.5, 0.5], [0.1, 0.1]])
    # The first draw has no clip without the second tag; the second has one clip.
    counts = np.array([[1, 2, 0], [0, 0, 3]])
    roc_auc, pr_auc = macro_of_draws(labels, probabilities, counts)
    np.testing.assert_array_equal(roc_auc, [1.0, np.nan])
    np.testing.assert_array_equal(pr_auc, [1.0, np.nan])


def test_binary_cross_entropy_is_the_mean_over_all_elements():
    labels, probabilities = np.array([[1, 0]]), np.array([[0.5, 0.75]])
    expected = (np.log(2) + np.log(4)) / 2
    assert binary_cross_entropy(labels, probabilities) == pytest.approx(expected)


def test_binary_cross_entropy_clips_what_is_certain():
    wrong = binary_cross_entropy(np.array([[1]]), np.array([[0.0]]))
    assert wrong == pytest.approx(-np.log(1e-7))
