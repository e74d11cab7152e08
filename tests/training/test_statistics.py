"""Running statistics after few steps are means over the batches seen."""

import keras
import numpy as np
import pytest

from resemul.training.statistics import new_normalizations, take_out_beginnings


@pytest.fixture
def model():
    inputs = keras.Input((4, 2))
    x = keras.layers.BatchNormalization(name="bn", momentum=0.9)(inputs)
    return keras.Model(inputs, x)


def test_statistics_of_few_steps_are_those_of_the_batches(model):
    assert new_normalizations(model) == ["bn"]
    waveforms = np.random.default_rng(0).normal(3, 2, (8, 4, 2)).astype("float32")
    for _ in range(2):
        model(waveforms, training=True)
    layer = model.get_layer("bn")
    # 0.9 * 0.9 of the beginning is left.
    np.testing.assert_allclose(
        layer.moving_mean, 0.19 * waveforms.mean((0, 1)), rtol=1e-4
    )
    assert new_normalizations(model) == []
    take_out_beginnings(model, ["bn"], 2)
    np.testing.assert_allclose(layer.moving_mean, waveforms.mean((0, 1)), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, waveforms.var((0, 1)), rtol=1e-4)


def test_statistics_of_many_steps_stay_bit_for_bit(model):
    layer = model.get_layer("bn")
    random = np.random.default_rng(0)
    layer.set_weights([random.uniform(0.5, 2, 2).astype("float32") for _ in range(4)])
    before = layer.get_weights()
    take_out_beginnings(model, ["bn"], 1000)
    np.testing.assert_array_equal(layer.get_weights(), before)


def test_statistics_of_no_step_stay(model):
    before = model.get_weights()
    take_out_beginnings(model, ["bn"], 0)
    np.testing.assert_array_equal(model.get_weights(), before)
