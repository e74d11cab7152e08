"""Loss and scores of a model of one weight, worked out by hand."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from resemul.configs import TrainConfig
from resemul.records.record_set import RecordSet
from resemul.records.schema import encode_segment
from resemul.training.epochs import EpochRunner

# Records of four samples, and whether they have the tag.
CLIPS = [
    ([1.0, 0.0, 0.0, 2.0], 1),
    ([0.0, 3.0, 0.0, 0.0], 0),
    ([2.0, 2.0, 0.0, 0.0], 1),
]


@pytest.fixture
def records(tmp_path):
    files = {"test": []}
    for split in ("train", "val"):
        files[split] = [tmp_path / f"{split}-0000-of-0001.tfrecord"]
        with tf.io.TFRecordWriter(str(files[split][0])) as writer:
            for samples, label in CLIPS:
                waveform, labels = np.array(samples, "f4"), np.array([label], "u1")
                writer.write(encode_segment(waveform, labels))
    return RecordSet(
        folder=tmp_path,
        dataset="mtt",
        split_name="mtt-tagged",
        tags=("loud",),
        sample_rate=16_000,
        num_samples=4,
        files=files,
        num_segments={"train": 3, "val": 3, "test": 0},
        num_clips={},
        clip_ids=(),
        num_skipped={},
    )


def validate(records, num_samples, weight=1.0, **options):
    """Scores of a model: the sigmoid of weight times the sum of the samples."""
    waveform = keras.Input((num_samples,), name="waveform")
    layer = keras.layers.Dense(1, "sigmoid", use_bias=False, name="tags")
    model = keras.Model(waveform, layer(waveform))
    model.set_weights([np.full((num_samples, 1), weight)])
    return EpochRunner(model, records, TrainConfig(batch_size=2, **options)).validate()


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def loss_of(windows):
    """Mean over windows, of pairs of the sum of samples and the label."""
    losses = [-math.log(sigmoid(x if label else -x)) for x, label in windows]
    return sum(losses) / len(losses)


def test_one_window_per_record(records):
    scores = validate(records, 4)
    assert scores["val_loss"] == pytest.approx(loss_of([(3, 1), (3, 0), (4, 1)]))
    # Of the two pairs, one is a tie.
    assert scores["val_roc_auc"] == pytest.approx(0.75)
    # Precision 1 at recall 1/2, then 2/3 at recall 1.
    assert scores["val_pr_auc"] == pytest.approx((1 + 2 / 3) / 2)


def test_loss_is_the_mean_over_windows_and_scores_are_of_means_over_clips(records):
    scores = validate(records, 2)
    windows = [(1, 1), (2, 1), (3, 0), (0, 0), (4, 1), (0, 1)]
    assert scores["val_loss"] == pytest.approx(loss_of(windows))
    means = [(sigmoid(a) + sigmoid(b)) / 2 for a, b in ((1, 2), (3, 0), (4, 0))]
    assert means[0] > means[2] > means[1]
    assert scores["val_roc_auc"] == 1.0
    # By single windows, the highest but one has no tag.
    assert scores["val_pr_auc"] == 1.0


def test_chunks_begin_at_equal_distances(records):
    scores = validate(records, 2, validation="chunks", num_chunks=2)
    # From samples 0 and 1 on.
    windows = [(1, 1), (0, 1), (3, 0), (3, 0), (4, 1), (2, 1)]
    assert scores["val_loss"] == pytest.approx(loss_of(windows))
    # Means 0.62, 0.95, 0.93: the clip without the tag is the highest.
    assert scores["val_roc_auc"] == 0.0


def test_centre_is_the_middle_window(records):
    scores = validate(records, 2, validation="centre")
    assert scores["val_loss"] == pytest.approx(loss_of([(0, 1), (3, 0), (2, 1)]))
    assert scores["val_roc_auc"] == 0.0


def test_random_windows_are_the_same_in_every_epoch(records):
    scores = [validate(records, 1, validation="random", seed=i) for i in (1, 2)]
    assert scores[0] == scores[1]
    starts = [int(np.random.default_rng(i).integers(4)) for i in range(3)]
    windows = [
        (c[start], label) for start, (c, label) in zip(starts, CLIPS, strict=True)
    ]
    assert scores[0]["val_loss"] == pytest.approx(loss_of(windows))


def test_scores_of_a_tag_that_all_clips_have_are_no_numbers(records):
    path = records.files["val"][0]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for samples, _ in CLIPS:
            labels = np.ones(1, "u1")
            writer.write(encode_segment(np.array(samples, "f4"), labels))
    scores = validate(records, 4)
    assert math.isfinite(scores["val_loss"])
    assert math.isnan(scores["val_roc_auc"])
    assert math.isnan(scores["val_pr_auc"])
