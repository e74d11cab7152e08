"""The published sample-level CNNs: sizes, names, layers; the same on any backend."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from resemul.errors import ConfigError
from resemul.models import build_model

# Parameters with 50 tags: all of them, and those that are trained.
PUBLISHED_SIZES = {
    ("se", True): (24_749_618, 24_742_706),
    ("se", False): (23_935_026, 23_929_138),
    ("rese", True): (26_993_202, 26_980_146),
    ("rese", False): (26_178_610, 26_166_578),
    ("res", True): (4_933_938, 4_920_882),
    ("res", False): (4_119_346, 4_107_314),
    ("basic", True): (2_690_354, 2_683_442),
    ("basic", False): (1_875_762, 1_869_874),
}
BLOCKS = ("se", "rese", "res", "basic")

PREDICT = """
import sys
import keras
import numpy as np
from pathlib import Path
from resemul.checkpoints.model_file import load_model

folder = Path(sys.argv[1])
model, card = load_model(folder / "model.keras")
outputs = model(np.load(folder / "in.npy"))
np.save(folder / "out.npy", keras.ops.convert_to_numpy(outputs))
"""


def tiny(block="se", num_tags=3, **options):
    small = {"init_features": 4, "alpha": 2}
    return build_model("sample_cnn", num_tags, block=block, **small | options)


def noise(num_segments=2):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (num_segments, 59_049)).astype("float32")


def layers_of(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def count(weights):
    return sum(int(np.prod(w.shape)) for w in weights)


@pytest.mark.parametrize(("block", "multi"), PUBLISHED_SIZES)
def test_sample_cnn_has_the_published_number_of_parameters(block, multi):
    # Sizes alone: no weights are drawn.
    with keras.StatelessScope():
        model = build_model("sample_cnn", 50, block=block, multi=multi)
        sizes = model.count_params(), count(model.trainable_weights)
    assert sizes == PUBLISHED_SIZES[block, multi]


@pytest.mark.parametrize("block", BLOCKS)
def test_sample_cnn_shrinks_time_by_three_in_every_block(block):
    model = tiny(block)
    shape = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert shape["stem_relu"] == (19_683, 4)
    times = (6_561, 2_187, 729, 243, 81, 27, 9, 3, 1)
    channels = (4, 4, 8, 8, 8, 8, 8, 8, 16)
    for number, expected in enumerate(zip(times, channels, strict=True), 1):
        assert shape[f"block{number}_pool"] == expected
    assert shape["aggregate"] == shape["head_dense"] == (8 + 8 + 16,)


def test_sample_cnn_without_multi_sees_the_last_block_alone():
    model = tiny(multi=False)
    shape = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert shape["head_dense"] == (16,)
    assert "block7_max" not in shape


@pytest.mark.parametrize("block", BLOCKS)
def test_sample_cnn_names_do_not_depend_on_models_built_before(block):
    first, second = tiny(block), tiny(block)
    assert [x.name for x in first.layers] == [x.name for x in second.layers]


@pytest.mark.parametrize("block", ["se", "rese"])
def test_excitations_have_stable_names_and_published_widths(block):
    model = build_model("sample_cnn", 3, block=block, init_features=4, alpha=16)
    for number, width in enumerate((4, 4, 8, 8, 8, 8, 8, 8, 16), 1):
        expand = model.get_layer(f"block{number}_expand")
        excitation = model.get_layer(f"block{number}_excitation")
        assert (expand.units, excitation.units) == (16 * width, width)
        assert expand.activation is keras.activations.relu
        assert excitation.activation is keras.activations.sigmoid
        assert excitation.output.shape == (None, 1, width)


def test_only_blocks_that_widen_have_a_shortcut_convolution():
    names = {layer.name for layer in tiny("res").layers}
    shortcuts = {name for name in names if name.endswith("_shortcut_conv")}
    assert shortcuts == {"block3_shortcut_conv", "block9_shortcut_conv"}


@pytest.mark.parametrize("block", BLOCKS)
def test_sample_cnn_gives_probabilities_that_depend_on_the_waveform(block):
    keras.utils.set_random_seed(0)
    outputs = tiny(block).predict_on_batch(noise())
    assert outputs.shape == (2, 3)
    assert outputs.dtype == np.float32
    assert ((outputs > 0) & (outputs < 1)).all()
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-7


def test_sample_cnn_is_the_same_from_the_same_seed():
    outputs = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        outputs.append(tiny().predict_on_batch(noise(1)))
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[0], outputs[2])


@pytest.mark.parametrize("block", BLOCKS)
def test_layers_start_as_published(block):
    model = tiny(block)
    for layer in layers_of(model, keras.layers.Conv1D):
        is_shortcut = layer.name.endswith("_shortcut_conv")
        kind = keras.initializers.GlorotUniform if is_shortcut else HeUniform
        assert isinstance(layer.kernel_initializer, kind), layer.name
        assert layer.kernel_size == ((1,) if is_shortcut else (3,))
    for layer in layers_of(model, keras.layers.Dense):
        assert isinstance(layer.kernel_initializer, keras.initializers.GlorotUniform)
    for layer in model.layers:
        if getattr(layer, "bias", None) is not None:
            assert not np.asarray(layer.bias).any()
    for layer in layers_of(model, keras.layers.BatchNormalization):
        assert (layer.momentum, layer.epsilon) == (0.99, 1e-3)


HeUniform = keras.initializers.HeUniform


@pytest.mark.parametrize("block", BLOCKS)
def test_weight_decay_is_on_the_kernels_of_convolutions_alone(block):
    model = tiny(block, weight_decay=0.01)
    for layer in model.layers:
        regularizer = getattr(layer, "kernel_regularizer", None)
        if isinstance(layer, keras.layers.Conv1D):
            assert float(regularizer.l2) == pytest.approx(0.01)
        else:
            assert regularizer is None
        assert getattr(layer, "bias_regularizer", None) is None
    kernels = [np.asarray(x.kernel) for x in layers_of(model, keras.layers.Conv1D)]
    expected = 0.01 * sum((kernel.astype("f8") ** 2).sum() for kernel in kernels)
    assert sum(float(x) for x in model.losses) == pytest.approx(expected, rel=1e-5)


def test_without_weight_decay_there_is_no_penalty():
    assert tiny("rese").losses == []


@pytest.mark.parametrize(
    ("block", "rates"), [("se", [0.5]), ("rese", [0.2] * 9 + [0.5])]
)
def test_dropout_of_residual_blocks_is_not_the_option(block, rates):
    model = tiny(block, dropout=0.5)
    assert [x.rate for x in layers_of(model, keras.layers.Dropout)] == rates


def test_without_dropout_the_layer_is_left_out():
    assert layers_of(tiny(dropout=0.0), keras.layers.Dropout) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block": "vgg"}, "block must be one of se, rese, res, basic, got 'vgg'"),
        ({"num_samples": 59_048}, "num_samples must be at least 59049"),
        ({"alpha": 0}, "alpha must be at least 1, got 0"),
        ({"init_features": 0}, "init_features must be at least 1"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"weight_decay": -1}, "weight_decay must be at least 0"),
        ({"colour": "red"}, "model sample_cnn: .*'colour'"),
    ],
)
def test_build_model_refuses_options_that_cannot_work(options, message):
    with pytest.raises(ConfigError, match=message):
        build_model("sample_cnn", 3, **options)


def test_build_model_refuses_no_tags_and_unknown_models():
    with pytest.raises(ConfigError, match="num_tags must be at least 1"):
        build_model("sample_cnn", 0)
    with pytest.raises(ConfigError, match=r"model must be one of .*, got 'vgg'"):
        build_model("vgg", 3)


def test_longer_segments_are_accepted():
    model = tiny(num_samples=60_000)
    outputs = model.predict_on_batch(np.zeros((1, 60_000), "float32"))
    assert outputs.shape == (1, 3)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_predict_the_same(tmp_path, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    from resemul.checkpoints.card import ModelCard
    from resemul.checkpoints.model_file import save_model

    keras.utils.set_random_seed(0)
    model = tiny("rese")
    random = np.random.default_rng(0)
    for weight in model.weights:  # no bias or mean at 0, which would hide a mistake
        weight.assign(weight + random.uniform(-0.2, 0.2, size=weight.shape))
    options = {"block": "rese", "init_features": 4, "alpha": 2}
    card = ModelCard("sample_cnn", options, ["a", "b", "c"], 22_050, 59_049)
    save_model(model, card, tmp_path / "model.keras")
    np.save(tmp_path / "in.npy", noise())
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    subprocess.run(
        [sys.executable, "-c", PREDICT, str(tmp_path)], env=environment, check=True
    )
    expected = model.predict_on_batch(noise())
    assert expected.std() > 0.01
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, atol=1e-5)
