"""Scores of models whose probabilities are the first samples of a segment."""

import keras
import numpy as np
import pytest

from resemul.errors import WeightsError
from resemul.evaluation.metrics import METRICS, Metric
from resemul.evaluation.scores import evaluate
from resemul.evaluation.scores import score as score_predictions
from resemul.prediction.labelled import LabelledPredictions

TAGS = ("low", "high")


def echo_model():
    """Maps `(batch, 2)` to itself: the probabilities of two tags."""
    waveform = keras.Input((2,))
    return keras.Model(waveform, keras.layers.Activation("linear")(waveform))


def score(labels, probabilities, *args, **kwargs):
    predictions = LabelledPredictions(labels, probabilities)
    return score_predictions(predictions, *args, **kwargs)


def random_scores(num_clips):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (num_clips, 2))
    return labels, np.clip(0.3 * labels + rng.uniform(0, 0.7, labels.shape), 0, 1)


def test_evaluate_scores_the_mean_of_a_clips_segments():
    # By their first segments alone the clips would be in the wrong order.
    clips = [
        (np.array([[0.1, 0.9], [0.9, 0.9]], "float32"), np.array([1, 1])),
        (np.array([[0.2, 0.1]], "float32"), np.array([0, 0])),
        (np.array([[0.3, 0.2], [0.3, 0.4]], "float32"), np.array([0, 0])),
    ]
    scores = evaluate(echo_model(), clips, TAGS, batch_size=2)
    assert scores.per_tag["roc_auc"].tolist() == [1.0, 1.0]
    assert scores.num_clips == 3
    assert scores.num_positive.tolist() == [1, 1]


def test_evaluate_refuses_a_model_that_puts_out_nan():
    clips = [
        (np.array([[np.nan, 0.9]], "float32"), np.array([1, 1])),
        (np.array([[0.2, 0.1]], "float32"), np.array([0, 0])),
    ]
    with pytest.raises(WeightsError, match="1 of 2 clips"):
        evaluate(echo_model(), clips, TAGS)


def test_score_names_tags_that_have_no_score():
    labels = np.array([[1, 0], [0, 0]])
    scores = score(labels, np.array([[0.9, 0.5], [0.1, 0.4]]), TAGS)
    assert scores.unscored_tags == ("high",)
    assert scores.macro["roc_auc"] == 1.0
    assert scores.macro["pr_auc"] == 1.0


def test_score_without_bootstrap_has_no_intervals():
    assert score(*random_scores(10), TAGS).intervals == {}


def test_intervals_hold_the_score_and_narrow_with_more_clips():
    widths = []
    for num_clips in (30, 300):
        scores = score(*random_scores(num_clips), TAGS, num_bootstrap=250)
        low, high = scores.intervals["roc_auc"]
        assert low < scores.macro["roc_auc"] < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_intervals_are_the_quantiles_of_the_drawn_scores():
    labels, probabilities = random_scores(20)
    interval = score(labels, probabilities, TAGS, num_bootstrap=50, seed=3).intervals
    random, drawn = np.random.default_rng(3), []
    for _ in range(50):
        chosen = random.integers(20, size=20)
        drawn.append(score(labels[chosen], probabilities[chosen], TAGS))
    for name in METRICS:
        expected = np.quantile([s.macro[name] for s in drawn], (0.025, 0.975))
        assert interval[name] == pytest.approx(expected)


def test_intervals_depend_on_the_seed_alone():
    first, second, other = (
        score(*random_scores(30), TAGS, num_bootstrap=20, seed=seed).intervals
        for seed in (1, 1, 2)
    )
    assert first == second != other


def test_intervals_are_nan_if_nothing_can_be_scored():
    scores = score(np.ones((3, 2)), np.zeros((3, 2)), TAGS, num_bootstrap=5)
    assert np.isnan(scores.intervals["pr_auc"]).all()


def test_a_metric_of_ones_own_is_scored_with_its_interval():
    def share_above_half(labels, probabilities):
        return (probabilities > 0.5).mean(axis=0)

    metrics = {**METRICS, "share": Metric(share_above_half, "Share above half")}
    labels, probabilities = random_scores(30)
    scores = score(labels, probabilities, TAGS, 20, metrics=metrics)
    expected = (probabilities > 0.5).mean()
    assert scores.macro["share"] == pytest.approx(expected)
    low, high = scores.intervals["share"]
    assert low <= expected <= high
    assert scores.describe().endswith(f"Share above half {expected:.4f}")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_score_refuses_what_is_no_finite_number(value):
    labels, probabilities = random_scores(4)
    probabilities[2, 1] = value
    with pytest.raises(WeightsError, match="1 of 4 clips, the first is number 3"):
        score(labels, probabilities, TAGS)
