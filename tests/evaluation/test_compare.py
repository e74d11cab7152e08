import dataclasses

import numpy as np
import pytest

from resemul.errors import DatasetError
from resemul.evaluation.compare import compare as compare_models
from resemul.evaluation.compare import (
    comparison_json,
    comparison_table,
    comparison_text,
)
from resemul.evaluation.metrics import METRICS, Metric
from resemul.evaluation.predictions import SavedPredictions
from resemul.prediction.labelled import LabelledPredictions

TAGS = ("low", "high", "never")
NUM_CLIPS = 60


def predictions(skill, seed):
    """Of the same clips; the more skill, the further are probabilities from noise."""
    labels = np.random.default_rng(0).integers(0, 2, (NUM_CLIPS, 3)).astype("float32")
    labels[:, 2] = 0
    noise = np.random.default_rng(seed).uniform(0, 1, labels.shape)
    ids = tuple(f"clip{number}" for number in range(NUM_CLIPS))
    probabilities = (skill * labels + noise) / (skill + 1)
    return SavedPredictions(LabelledPredictions(labels, probabilities, ids), TAGS)


@pytest.fixture(scope="module")
def poor():
    return predictions(0.1, 1)


@pytest.fixture(scope="module")
def good():
    return predictions(2, 2)


def test_the_better_model_is_named(poor, good):
    found = compare_models(poor, good, 100)
    assert list(found) == list(METRICS)
    for comparison in found.values():
        row = comparison.macro
        assert row["b"] - row["a"] == pytest.approx(row["difference"])
        assert 0 < row["low"] < row["difference"] < row["high"]
        assert comparison.verdict == "B is better"
    assert compare_models(good, poor, 100)["roc_auc"].verdict == "A is better"


def test_a_model_does_not_differ_from_itself(good):
    row = compare_models(good, good, 20)["pr_auc"]
    assert (row.macro["difference"], row.macro["low"], row.macro["high"]) == (0, 0, 0)
    assert row.verdict == "no difference can be told"


def test_a_lower_value_is_better_where_the_metric_says_so(poor, good):
    def error(labels, probabilities):
        return np.abs(labels - probabilities).mean(axis=0)

    metrics = {"error": Metric(error, "Error", higher_is_better=False)}
    comparison = compare_models(poor, good, 50, metrics=metrics)["error"]
    assert comparison.macro["high"] < 0
    assert comparison.verdict == "B is better"


def test_differences_are_of_the_same_samples(poor, good):
    """An interval of two separate bootstraps would be wider."""
    nearly = dataclasses.replace(
        good,
        predictions=dataclasses.replace(
            good.predictions, probabilities=good.predictions.probabilities**1.01
        ),
    )
    row = compare_models(good, nearly, 50)["roc_auc"].macro
    # A monotonous change leaves all ranks as they are.
    assert row["low"] == row["high"] == 0


def test_clips_of_b_may_be_in_another_order(poor, good):
    order = np.random.default_rng(3).permutation(NUM_CLIPS)
    shuffled = dataclasses.replace(good, predictions=good.predictions.take(order))
    expected = compare_models(poor, good, 20)["roc_auc"]
    found = compare_models(poor, shuffled, 20)["roc_auc"]
    assert found.macro == expected.macro
    assert found.per_tag.equals(expected.per_tag)


def test_results_depend_on_the_seed_alone(poor, good):
    first, second, other = (
        compare_models(poor, good, 20, seed)["roc_auc"].macro for seed in (1, 1, 2)
    )
    assert first == second != other


def change(saved, **changes):
    return dataclasses.replace(
        saved, predictions=dataclasses.replace(saved.predictions, **changes)
    )


def test_other_clips_labels_and_tags_are_refused(poor, good):
    ids = (*poor.predictions.clip_ids[:-1], "another")
    with pytest.raises(DatasetError, match="only A has clip59; only B has another"):
        compare_models(poor, change(good, clip_ids=ids))
    with pytest.raises(DatasetError, match="A has 60 clips, B 2"):
        compare_models(poor, SavedPredictions(good.predictions.take([0, 1]), TAGS))
    labels = poor.predictions.labels.copy()
    labels[4:6, 2] = 1
    with pytest.raises(DatasetError, match="for 2 of 60 clips, the first is clip4"):
        compare_models(poor, change(good, labels=labels))
    with pytest.raises(DatasetError, match="other tags: they are in another order"):
        compare_models(poor, dataclasses.replace(good, tags=TAGS[::-1]))
    with pytest.raises(DatasetError, match="A has clips of the same id"):
        compare_models(change(poor, clip_ids=("x",) * NUM_CLIPS), good)


def test_every_tag_has_its_row(poor, good):
    found = compare_models(poor, good, 50)
    table = comparison_table(found)
    assert table["metric"].to_list() == ["roc_auc"] * 3 + ["pr_auc"] * 3
    assert table["tag"].to_list() == [*TAGS, *TAGS]
    low = table.iloc[0]
    assert low["low"] <= low["difference"] <= low["high"]
    assert np.isnan(table["difference"][2])
    result = comparison_json(found)
    assert result["roc_auc"]["per_tag"][2]["difference"] is None
    text = comparison_text(found, per_tag=True)
    assert text.splitlines()[0].startswith("ROC AUC  A 0.")
    assert "B is better" in text.splitlines()[0]
    assert text.count("\nlow") == 2
