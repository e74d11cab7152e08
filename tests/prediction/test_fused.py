"""The model that predicts: equal to the model that it is made of."""

import keras
import numpy as np
import pytest
from keras import layers

from resemul.excitations import build_excitation_model
from resemul.models import MODELS, build_model
from resemul.prediction.fused import _Folded, copy_weights, fuse_for_prediction


def randomise(model, seed=0):
    """Gives every normalisation other statistics than those it starts with."""
    random = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            shape = layer.moving_mean.shape
            layer.moving_mean.assign(random.normal(0, 0.2, shape))
            layer.moving_variance.assign(random.uniform(0.5, 2, shape))
            if layer.scale:
                layer.gamma.assign(random.uniform(0.5, 2, shape))
            if layer.center:
                layer.beta.assign(random.normal(0, 0.2, shape))
    return model


def outputs_of(model, batch):
    return [np.asarray(output) for output in keras.tree.flatten(model(batch))]


def waveforms(num_samples, size=2):
    random = np.random.default_rng(1)
    return random.normal(0, 0.2, (size, num_samples)).astype("float32")


def folded(fused):
    return {layer.name for layer in fused.layers if isinstance(layer, _Folded)}


@pytest.mark.parametrize("block", ["se", "rese", "res", "basic"])
def test_fused_model_equals_the_sample_cnn_and_has_no_normalization(block):
    keras.utils.set_random_seed(0)
    model = build_model("sample_cnn", 3, block=block, init_features=8, alpha=1)
    fused = fuse_for_prediction(randomise(model))
    batch = waveforms(59049)
    [expected], [found] = outputs_of(model, batch), outputs_of(fused, batch)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not any(isinstance(x, layers.BatchNormalization) for x in fused.layers)
    assert "block1_bn" in folded(fused) or "block1_bn1" in folded(fused)


# Narrow, but as long as published; `sample_cnn` has its test above.
NARROW = {
    "fcn4": {"channels": 2},
    "fcn5": {"channels": 4},
    "short_chunk_cnn": {"channels": 4},
    "short_chunk_cnn_res": {"channels": 4},
    "won_sample_cnn": {"channels": 4},
    "won_sample_cnn_se": {"channels": 4},
    "multi_scale_cnn": {"channels": 1, "dense_units": 8},
    "pons_waveform": {"channels": 4, "back_end_channels": 8, "dense_units": 8},
    "pons_log_mel": {"channels": 2, "back_end_channels": 8, "dense_units": 8},
}


@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"sample_cnn"}))
def test_fused_model_equals_any_other_model(name):
    keras.utils.set_random_seed(0)
    model = randomise(build_model(name, 2, **NARROW.get(name, {})))
    batch = waveforms(model.input_shape[1], size=1)
    [expected] = outputs_of(model, batch)
    [found] = outputs_of(fuse_for_prediction(model), batch)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    [rounded] = outputs_of(fuse_for_prediction(model, "mixed_bfloat16"), batch)
    np.testing.assert_allclose(rounded, expected, atol=0.1)


def test_bfloat16_fused_model_is_close_and_puts_out_float32():
    keras.utils.set_random_seed(0)
    model = randomise(build_model("sample_cnn", 3, init_features=16, alpha=1))
    fused = fuse_for_prediction(model, "mixed_bfloat16")
    assert fused.get_layer("block2_conv").compute_dtype == "bfloat16"
    batch = waveforms(59049)
    [expected], [found] = outputs_of(model, batch), outputs_of(fused, batch)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_layers_before_the_first_convolution_keep_float32():
    fused = fuse_for_prediction(build_model("fcn5", 2, channels=2), "mixed_bfloat16")
    assert fused.get_layer("spec_bn").compute_dtype == "float32"
    assert fused.get_layer("tags").compute_dtype == "float32"


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_fused_model_of_an_excitation_model_has_all_of_its_outputs(precision):
    model = randomise(build_model("sample_cnn", 2, init_features=8, alpha=1))
    _, excitations = build_excitation_model(model)
    fused = fuse_for_prediction(excitations, precision)
    batch = waveforms(59049)
    expected, found = outputs_of(excitations, batch), outputs_of(fused, batch)
    assert len(found) == 9
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_allclose(
            mine, theirs, atol=1e-5 if precision == "float32" else 0.02
        )


def test_fused_model_follows_the_model_when_weights_are_copied():
    model = build_model("sample_cnn", 2, init_features=4, alpha=1)
    fused = fuse_for_prediction(model)
    randomise(model)
    batch = waveforms(59049)
    [expected] = outputs_of(model, batch)
    assert not np.allclose(outputs_of(fused, batch)[0], expected, atol=1e-4)
    copy_weights(model, fused)
    np.testing.assert_allclose(outputs_of(fused, batch)[0], expected, atol=1e-6)


def test_what_is_read_elsewhere_is_not_folded():
    inputs = keras.Input((8, 2))
    branched = layers.Conv1D(3, 3, padding="same", name="branched")(inputs)
    x = layers.BatchNormalization(name="kept")(branched)
    x = layers.Add()([x, branched])
    x = layers.Conv1D(3, 3, use_bias=False, name="plain")(x)
    seen = layers.BatchNormalization(name="gone", center=False, scale=False)(x)
    x = layers.Activation("relu", name="kept_relu")(seen)
    x = layers.Conv1D(3, 3, activation="relu", name="active")(x)
    x = layers.BatchNormalization(name="after_relu")(x)
    model = randomise(keras.Model(inputs, [seen, x]))
    fused = fuse_for_prediction(model)
    assert folded(fused) == {"gone"}
    batch = np.random.default_rng(0).normal(0, 1, (2, 8, 2)).astype("float32")
    for found, expected in zip(
        outputs_of(fused, batch), outputs_of(model, batch), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_model_keeps_its_own_weights_and_layers():
    model = randomise(build_model("sample_cnn", 2, init_features=4, alpha=1))
    before = [weight.copy() for weight in model.get_weights()]
    fuse_for_prediction(model)
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    assert type(model.get_layer("block1_bn")) is layers.BatchNormalization
