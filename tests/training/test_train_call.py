"""Training by one call: splits, scores, what is beside the best model."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from resemul.checkpoints.model_file import open_model
from resemul.configs import RunConfig, TrainConfig
from resemul.errors import ConfigError, DatasetError
from resemul.evaluation.held_out import predict_test_clips
from resemul.evaluation.metrics import METRICS, Metric
from resemul.evaluation.scores import score
from resemul.evaluation.thresholds import predict_val_clips
from resemul.records import read_record_set
from resemul.training import run, train
from resemul.training.epochs import EpochRunner

SHORT = {
    "batch_size": 8,
    "num_lr_decays": 1,
    "max_epochs": 1,
    "steps_per_epoch": 1,
    "shuffle_buffer": 20,
}


@pytest.fixture
def config(tiny_model_options):
    """A run of one step."""
    return RunConfig(model_options=tiny_model_options, training=TrainConfig(**SHORT))


def share_positive(labels, probabilities):
    """A metric from outside."""
    return labels.mean(axis=0)


def test_scores_of_a_card_are_those_of_the_same_clips_by_eval(
    tiny_records, tmp_path, config
):
    records = read_record_set(tiny_records)
    # Two of the three clips become one of two segments, as longer clips have.
    records = dataclasses.replace(records, val_clip_sizes=(2, 1))
    metrics = {**METRICS, "share": Metric(share_positive, "share")}
    result = train(config, records, tmp_path / "log", metrics=metrics)
    model, card = open_model(result.best)
    val = predict_val_clips(model, records)
    assert len(val.labels) == 2
    found = score(val, records.tags, metrics=metrics).macro
    test = predict_test_clips(model, card, records)
    tested = score(test, records.tags, metrics=metrics).macro
    for name in metrics:
        for split, scores in (("val", found), ("test", tested)):
            value = card.scores[f"{split}_{name}"]
            expected = scores[name]
            assert np.isnan(expected) or value == pytest.approx(expected, abs=1e-5)
    assert card.scores["test_clips"] == 7
    assert set(card.thresholds) <= set(records.tags)
    assert result.best.with_suffix(".onnx").is_file()
    _check_summary(tmp_path / "log", card)


def _check_summary(train_dir, card):
    """TensorBoard finds the options and the test scores of the run."""
    [path] = train_dir.glob("events.out.tfevents.*")
    values = {
        value.tag: value
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    }
    assert "_hparams_/session_start_info" in values
    content = values["_hparams_/session_start_info"].SerializeToString()
    assert b"init_features" in content
    assert b"schedule.time_decay" in content
    score_there = tf.make_ndarray(values["test_share"].tensor)
    assert score_there == pytest.approx(card.scores["test_share"], abs=1e-6)


def test_run_without_test_clips_has_no_test_scores(tiny_records, tmp_path, config):
    records = read_record_set(tiny_records)
    records = dataclasses.replace(
        records,
        num_segments={**records.num_segments, "test": 0},
        num_clips={**records.num_clips, "test": 0},
    )
    result = train(config, records, tmp_path / "log")
    assert result.stages[0]["test"] == {}
    assert result.best.is_file()
    assert not [name for name in result.card.scores if name.startswith("test")]


@pytest.mark.parametrize("split", ["train", "val"])
def test_split_without_clips_is_refused_before_the_model_is_built(
    tiny_records, tmp_path, config, split, monkeypatch
):
    records = read_record_set(tiny_records)
    counts = {**records.num_segments, split: 0}
    records = dataclasses.replace(records, num_segments=counts)
    monkeypatch.setattr(run, "prepare_model", None)
    with pytest.raises(DatasetError, match=f"holds no {split} clips"):
        train(config, records, tmp_path / "log")


def test_monitor_of_no_metric_is_refused_before_the_model_is_built(
    tiny_records, tmp_path, config, monkeypatch
):
    training = dataclasses.replace(config.training, monitor="val_f1")
    monkeypatch.setattr(run, "prepare_model", None)
    with pytest.raises(ConfigError, match="monitor must be one of val_loss, val_roc_"):
        train(
            dataclasses.replace(config, training=training),
            read_record_set(tiny_records),
            tmp_path / "log",
        )


def test_validation_takes_no_more_segments_than_there_are(
    tiny_records, config, monkeypatch
):
    from resemul.models import build_model
    from resemul.prediction import batches

    records = read_record_set(tiny_records)
    model = build_model("sample_cnn", len(records.tags), **config.model_options)
    sizes = []
    make_predictor = batches._predictor

    def spy(model, max_size):
        predict = make_predictor(model, max_size)
        return lambda batch: (sizes.append(len(batch)), predict(batch))[1]

    monkeypatch.setattr(batches, "_predictor", spy)
    EpochRunner(model, records, config.training).validate()
    assert sum(sizes) == records.num_segments["val"] == 3
