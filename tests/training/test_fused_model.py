"""The model that trains: equal to the model of stock layers that is saved."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from resemul.models import build_model
from resemul.training.fused_layers import FusedBatchNormalization, ProductConv1D
from resemul.training.fused_model import fuse_for_training


@pytest.fixture
def batch():
    """Waveforms `(12, 59049)` and labels `(12, 2)`."""
    random = np.random.default_rng(0)
    labels = (random.random((12, 2)) < 0.5).astype("float32")
    return random.normal(0, 0.3, (12, 59049)).astype("float32"), labels


def _flat(model):
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def _compile(model):
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    model.compile(optimizer, loss="binary_crossentropy", jit_compile=False)


@pytest.mark.parametrize("shape", [(5, 40, 3), (5, 4, 10, 3)])
def test_fused_layer_equals_the_stock_one(shape):
    random = np.random.default_rng(0)
    inputs = tf.constant(random.normal(0.5, 2, shape).astype("float32"))
    weights = [random.uniform(0.5, 1.5, 3).astype("float32") for _ in range(4)]
    results = []
    for layer_class in (keras.layers.BatchNormalization, FusedBatchNormalization):
        layer = layer_class()
        layer.build(inputs.shape)
        layer.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = layer(inputs, training=True)
            loss = tf.reduce_sum(output**3)
        gradients = tape.gradient(loss, [inputs, layer.gamma.value, layer.beta.value])
        evaluated = layer(inputs, training=False)
        results.append([output, *gradients, *layer.get_weights(), evaluated])
    for stock, fused in zip(*results, strict=True):
        np.testing.assert_allclose(fused, stock, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("num_steps", [1, 2, 3, 40])
def test_convolution_by_products_equals_the_stock_one(kernel_size, num_steps):
    random = np.random.default_rng(0)
    inputs = tf.constant(random.normal(0.5, 2, (5, num_steps, 3)).astype("float32"))
    results = []
    for layer_class in (keras.layers.Conv1D, ProductConv1D):
        layer = layer_class(4, kernel_size, padding="same", activation="relu")
        layer.build(inputs.shape)
        random = np.random.default_rng(1)
        layer.set_weights([random.normal(0, 1, w.shape) for w in layer.get_weights()])
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = layer(inputs)
            loss = tf.reduce_sum(output**2)
        variables = [inputs, layer.kernel.value, layer.bias.value]
        results.append([output, *tape.gradient(loss, variables)])
    for stock, ours in zip(*results, strict=True):
        np.testing.assert_allclose(ours, stock, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"strides": 3, "padding": "valid"},
        {"dilation_rate": 2, "padding": "same"},
        {"groups": 3, "padding": "same"},
        {"padding": "causal"},
    ],
)
def test_convolutions_of_another_kind_are_left_to_keras(options, monkeypatch):
    def refuse(*args):
        raise AssertionError

    monkeypatch.setattr("resemul.training.fused_layers._convolve", refuse)
    inputs = tf.ones((1, 9, 3))
    expected = keras.layers.Conv1D(3, 3, kernel_initializer="ones", **options)(inputs)
    found = ProductConv1D(3, 3, kernel_initializer="ones", **options)(inputs)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("block", ["se", "rese"])
def test_float32_fused_model_takes_the_step_of_the_stock_model(
    block, batch, monkeypatch
):
    # Masks are drawn per model, so they would differ.
    monkeypatch.setattr("resemul.models.blocks.RESIDUAL_DROPOUT", 0.0)
    keras.utils.set_random_seed(0)
    model = build_model("sample_cnn", 2, block=block, init_features=4, dropout=0.0)
    fused = fuse_for_training(model, "float32")
    start = _flat(model)
    _compile(model)
    _compile(fused)
    loss = float(model.train_on_batch(*batch))
    assert float(fused.train_on_batch(*batch)) == pytest.approx(loss, abs=1e-5)
    # Rounding can change which of two samples a pool takes, hence not closer.
    error = np.linalg.norm(_flat(fused) - _flat(model))
    assert error < 2e-3 * np.linalg.norm(_flat(model) - start)


def test_fused_model_has_its_layers_and_the_model_has_stock_ones():
    model = build_model("sample_cnn", 2, init_features=2)
    fused = fuse_for_training(model, "float32")
    assert isinstance(fused.get_layer("block3_bn"), FusedBatchNormalization)
    assert isinstance(fused.get_layer("block3_conv"), ProductConv1D)
    assert type(model.get_layer("block3_bn")) is keras.layers.BatchNormalization


@pytest.mark.parametrize("options", [{"axis": 1}, {"scale": False}, {"center": False}])
def test_normalization_that_the_kernel_cannot_do_stays_stock(options):
    inputs = keras.Input((4, 6))
    x = keras.layers.BatchNormalization(name="bn", **options)(inputs)
    fused = fuse_for_training(keras.Model(inputs, x), "float32")
    assert type(fused.get_layer("bn")) is keras.layers.BatchNormalization


def test_biases_are_trained_but_for_those_that_a_normalization_takes_away():
    inputs = keras.Input((8, 1))
    branched = keras.layers.Conv1D(2, 3, padding="same", name="branched")(inputs)
    normalized = keras.layers.BatchNormalization()(branched)
    x = keras.layers.Add()([normalized, branched])
    x = keras.layers.Conv1D(2, 3, activation="relu", name="active")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Conv1D(2, 3, name="plain")(x)
    x = keras.layers.BatchNormalization()(x)
    model = keras.Model(inputs, keras.layers.Conv1D(1, 1, name="last")(x))
    fused = fuse_for_training(model, "float32")
    trained = {
        layer.name: layer.bias.trainable
        for layer in fused.layers
        if isinstance(layer, keras.layers.Conv1D)
    }
    assert trained == {"branched": True, "active": True, "plain": False, "last": True}
    assert all(layer.bias.trainable for layer in model.layers if hasattr(layer, "bias"))


def test_gradients_in_bfloat16_point_where_those_in_float32_point(batch):
    keras.utils.set_random_seed(0)
    model = build_model("sample_cnn", 2, init_features=16, dropout=0.0)
    gradients = {}
    for precision in ("float32", "mixed_bfloat16"):
        fused = fuse_for_training(model, precision)
        with tf.GradientTape() as tape:
            outputs = fused(batch[0], training=True)
            loss = tf.reduce_mean(keras.losses.binary_crossentropy(batch[1], outputs))
        variables = [variable.value for variable in fused.trainable_variables]
        found = tape.gradient(loss, variables)
        gradients[precision] = np.concatenate([np.ravel(g) for g in found])
    exact, rounded = gradients.values()
    cosine = exact @ rounded / np.linalg.norm(exact) / np.linalg.norm(rounded)
    # Rounding changes which samples the pools take, hence not closer to 1.
    assert cosine > 0.6


def test_bfloat16_fused_model_keeps_weights_and_output_in_float32(batch):
    model = build_model("sample_cnn", 2, init_features=4, dropout=0.0)
    fused = fuse_for_training(model, "mixed_bfloat16")
    assert fused.get_layer("block1_conv").compute_dtype == "bfloat16"
    assert {str(w.dtype) for w in fused.weights} == {"float32"}
    assert fused.output.dtype == "float32"
    _compile(model)
    _compile(fused)
    exact = float(model.train_on_batch(*batch))
    assert float(fused.train_on_batch(*batch)) == pytest.approx(exact, abs=0.05)
