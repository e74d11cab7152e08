"""Steps on parts of a batch; here with one device, elsewhere with several."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_network import small_network

from resemul.configs import DeviceConfig, Stage, TrainConfig
from resemul.errors import ConfigError
from resemul.records import load_training_segments, read_record_set
from resemul.records.pipeline import take_part
from resemul.training.epochs import EpochRunner
from resemul.training.replica_epochs import ReplicaEpochRunner
from resemul.training.replica_layers import check_replicable, part_of_batch
from resemul.training.replicas import Replicas
from resemul.training.strategies import start_strategy

STAGE = Stage("sgd", 0.01)


@pytest.fixture(scope="module")
def strategy():
    """Of one device, as TensorFlow can be divided at its start only."""
    return tf.distribute.MirroredStrategy(["CPU:0"])


def test_parts_cover_a_batch_and_differ_by_one_at_most():
    parts = [part_of_batch(23, number, 3) for number in range(3)]
    assert parts == [(0, 7), (7, 15), (15, 23)]


def test_parts_of_batches_are_what_the_whole_batches_hold(tiny_records):
    records = read_record_set(tiny_records)

    def labels(part):
        batches = load_training_segments(records, 7, 4, (0, 1), part=part)
        return [np.asarray(labels) for _, labels in batches]

    halves = zip(labels((0, 3)), labels((3, 7)), strict=True)
    joined = [np.concatenate(pair) for pair in halves]
    np.testing.assert_array_equal(joined, labels(None))


def test_part_of_batches_straight_from_audio_keeps_pairs():
    pairs = tf.data.Dataset.from_tensor_slices((np.arange(6), np.arange(6) + 10))
    [first, second] = take_part(pairs.batch(3), 1, 3).as_numpy_iterator()
    assert [values.tolist() for values in first] == [[1, 2], [11, 12]]
    assert [values.tolist() for values in second] == [[4, 5], [14, 15]]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss_scale": 8.0, "coupled_weight_decay": 0.1, "sync_batch_norm": True},
        {"freeze_body": True},
    ],
)
def test_steps_are_those_that_keras_takes(tiny_records, strategy, options):
    records = read_record_set(tiny_records)
    config = TrainConfig(batch_size=7, shuffle_buffer=100, steps_per_epoch=4, **options)
    results = []
    for replicas in (None, Replicas(strategy, 7)):
        keras.utils.set_random_seed(0)
        model = small_network(3)
        if replicas is None:
            epochs = EpochRunner(model, records, config)
        else:
            epochs = ReplicaEpochRunner(model, records, config, replicas=replicas)
        epochs.compile(STAGE)
        losses = [epochs.fit("", (0, epoch), [])["loss"] for epoch in range(2)]
        results.append((losses, *model.get_weights()))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)


def test_more_devices_than_segments_in_a_batch_are_refused(strategy):
    with pytest.raises(ConfigError, match="less than one segment for each"):
        Replicas(strategy, 0)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.GaussianNoise(0.1, name="odd"),
        keras.layers.BatchNormalization(axis=1, name="odd"),
        keras.layers.BatchNormalization(scale=False, name="odd"),
        keras.layers.SpatialDropout1D(0.1, name="odd"),
    ],
)
def test_layer_that_needs_the_whole_batch_is_refused_by_name(layer):
    waveform = keras.Input((8, 2))
    model = keras.Model(waveform, layer(waveform))
    with pytest.raises(ConfigError, match=r"layer odd .* use --strategy one"):
        check_replicable(model)


def test_devices_without_a_strategy_would_have_no_effect():
    with pytest.raises(ConfigError, match="devices would have no effect"):
        DeviceConfig(devices=2)


def test_one_device_needs_no_strategy():
    assert start_strategy(DeviceConfig()) is None


def test_strategy_comes_before_all_computation():
    tf.zeros(1)
    with pytest.raises(ConfigError, match="before TensorFlow computes anything"):
        start_strategy(DeviceConfig("mirrored", 2))
