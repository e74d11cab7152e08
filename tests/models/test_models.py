"""What every model of the table does."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from reference_mel import sweep
from small import SMALL

from resemul.configs import MODEL_ENTRIES
from resemul.models import MODELS, build_model, remove_top

# With 50 tags: parameters that are trained.
PARAMETERS = {
    "sample_cnn": 24_742_706,
    "fcn4": 17_362_610,
    "fcn5": 447_732,
    "short_chunk_cnn": 3_687_348,
    "short_chunk_cnn_res": 12_104_244,
    "won_sample_cnn": 1_869_874,
    "won_sample_cnn_se": 6_951_858,
    "multi_scale_cnn": 2_936_810,
    "pons_waveform": 5_377_082,
    "pons_log_mel": 5_924_154,
    "musicnn": 787_159,
    "musicnn_vgg": 605_748,
}
# Shapes without the batch, of each layer that changes them.
SHAPES = {
    "fcn4": {
        "log_mel": (96, 1366),
        "pool1": (48, 341, 128),
        "pool2": (12, 68, 384),
        "pool3": (4, 8, 768),
        "pool4": (2048,),
    },
    "fcn5": {
        "spec": (96, 1813),
        "layer1_pool": (48, 453, 64),
        "layer2_pool": (24, 113, 128),
        "layer3_pool": (12, 28, 128),
        "layer4_pool": (4, 5, 128),
        "layer5_pool": (1, 1, 64),
    },
    "short_chunk_cnn": {"spec": (128, 231), "layer7_pool": (1, 1, 512)},
    "short_chunk_cnn_res": {
        "spec": (128, 231),
        "layer1_add": (64, 116, 128),
        "layer2_add": (32, 58, 128),
        "layer3_add": (16, 29, 256),
        "layer4_add": (8, 15, 256),
        "layer5_add": (4, 8, 256),
        "layer6_add": (2, 4, 256),
        "layer7_add": (1, 2, 512),
        "dense1": (512,),
    },
    "won_sample_cnn": {
        "layer1_conv": (19_683, 128),
        "layer3_pool": (2187, 128),
        "layer4_pool": (729, 256),
        "layer10_pool": (1, 512),
        "layer11_conv": (1, 512),
    },
    "won_sample_cnn_se": {
        "layer1_add": (19_683, 128),
        "layer4_conv_3": (2187, 256),
        "layer10_pool": (1, 512),
        "layer11_scale": (1, 512),
        "dense1": (512,),
    },
    "multi_scale_cnn": {
        "log_mel": (128, 628),
        "subsample1": (64, 157, 1),
        "subsample2": (32, 39, 1),
        "conv11_pool": (64, 157, 50),
        "conv12_pool": (32, 39, 100),
        "conv13_pool": (16, 19, 70),
        "conv21_pool": (32, 39, 100),
        "conv22_pool": (16, 19, 70),
        "conv31_pool": (16, 19, 70),
        "join": (16, 19, 210),
        "conv4": (16, 19, 70),
        "conv5_pool": (8, 9, 70),
        "flatten": (5040,),
        "fc1": (500,),
    },
    "pons_waveform": {
        "front0_conv": (80_000, 64),
        "front1_pool": (26_666, 64),
        "front2_pool": (8888, 64),
        "front3_pool": (2962, 128),
        "front4_pool": (986, 128),
        "front5_pool": (328, 128),
        "front6_pool": (108, 256),
        "back1_conv": (102, 512),
        "back2_pool": (51, 512),
        "back_join": (1024,),
    },
    "pons_log_mel": {
        "log_mel": (96, 468),
        "timbre1_conv": (11, 468, 16),
        "timbre6_conv": (59, 468, 64),
        "temporal4_conv": (468, 128),
        "join": (468, 464),
        "back1_conv": (462, 512),
        "back_join": (1024,),
    },
    "musicnn": {
        "log_mel": (96, 187),
        "timbre1_conv": (187, 59, 204),
        "timbre2_conv": (187, 30, 204),
        "tempo3_conv": (187, 96, 51),
        "front": (187, 561),
        "mid3_add": (187, 64),
        "stack": (187, 753),
        "pool": (1506,),
        "dense": (200,),
    },
    "musicnn_vgg": {
        "pool1": (92, 48, 128),
        "pool2": (46, 24, 128),
        "pool3": (23, 12, 128),
        "pool4": (11, 6, 128),
        "pool5": (2, 1, 128),
        "flatten": (256,),
    },
}
WITH_SPECTROGRAM = [
    name for name, entry in MODEL_ENTRIES.items() if hasattr(entry.config, "dft")
]
PREDICT = """
import sys
import keras
import resemul.models.frontends
import numpy as np

names = sys.argv[2:]
for name in names:
    model = keras.saving.load_model(f"{sys.argv[1]}/{name}.keras")
    outputs = model.predict_on_batch(np.load(f"{sys.argv[1]}/{name}.npy"))
    np.save(f"{sys.argv[1]}/{name}-out.npy", outputs)
"""


def small(name, **options):
    keras.utils.set_random_seed(0)
    return build_model(name, 3, **SMALL[name] | options)


def waveforms(model):
    longer = sweep(model.input_shape[1] * 2)
    return np.stack(np.split(longer, 2))


def shapes_only(name, num_tags=50, **options):
    # No weights are drawn.
    with keras.StatelessScope():
        return build_model(name, num_tags, **options)


def test_every_model_is_small_somewhere():
    assert list(MODELS) == list(PARAMETERS) == list(SMALL)


@pytest.mark.parametrize("name", MODELS)
def test_model_has_the_published_number_of_parameters(name):
    model = shapes_only(name)
    count = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert count == PARAMETERS[name]


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("pons_log_mel", {}, 5_927_110),
        ("pons_waveform", {}, 5_380_774),
        ("musicnn", {}, 792_079),
        ("musicnn", {"mid_channels": 512, "dense_units": 500}, 7_993_819),
        ("musicnn_vgg", {}, 607_030),
    ],
)
def test_model_has_the_published_number_of_all_parameters(name, options, count):
    assert shapes_only(name, **options).count_params() == count


@pytest.mark.parametrize("name", SHAPES)
def test_layers_have_the_published_shapes(name):
    model = shapes_only(name)
    shapes = {key: model.get_layer(key).output.shape[1:] for key in SHAPES[name]}
    assert shapes == SHAPES[name]


@pytest.mark.parametrize("name", MODELS)
def test_no_layer_has_a_name_that_keras_made_up(name):
    first, second = (shapes_only(name, 3) for _ in range(2))
    for model in (first, second):
        kinds = {layer.name: type(layer).__name__ for layer in model.layers}
        for layer, kind in kinds.items():
            snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()
            assert not re.fullmatch(rf"{snake}_\d+", layer)
    assert [x.name for x in first.layers] == [x.name for x in second.layers]


@pytest.mark.parametrize("name", MODELS)
def test_model_survives_saving(name, tmp_path):
    model = small(name)
    expected = model.predict_on_batch(waveforms(model))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert expected.shape == (2, 3)
    assert expected.dtype == "float32"
    assert ((expected > 0) & (expected < 1)).all()
    outputs = again.predict_on_batch(waveforms(model))
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_model_without_top_gives_what_the_last_layer_sees(name):
    model = small(name)
    embedding = remove_top(model).predict_on_batch(waveforms(model))
    kernel, bias = model.get_layer("tags").get_weights()
    tags = 1 / (1 + np.exp(-(embedding @ kernel + bias)))
    np.testing.assert_allclose(
        tags, model.predict_on_batch(waveforms(model)), atol=1e-5
    )
    bare = build_model(name, include_top=False, **SMALL[name])
    assert bare.output_shape == (None, embedding.shape[1])
    assert "tags" not in [layer.name for layer in bare.layers]


@pytest.mark.parametrize("name", MODELS)
def test_mixed_precision_ends_in_float32(name):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = small(name)
    finally:
        keras.config.set_dtype_policy("float32")
    outputs = model.predict_on_batch(waveforms(model))
    assert outputs.dtype == "float32"
    assert np.isfinite(outputs).all()
    assert model.layers[-2].compute_dtype == "float16"


@pytest.mark.parametrize("name", WITH_SPECTROGRAM)
def test_dft_is_no_part_of_the_weights(name):
    model = small(name)
    exported = small(name, dft="conv")
    exported.set_weights(model.get_weights())
    expected = model.predict_on_batch(waveforms(model))
    outputs = exported.predict_on_batch(waveforms(model))
    np.testing.assert_allclose(outputs, expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_files_give_the_same_on_other_backends(tmp_path, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    expected = {}
    for name in MODELS:
        model = small(name)
        np.save(tmp_path / f"{name}.npy", waveforms(model))
        model.save(tmp_path / f"{name}.keras")
        expected[name] = model.predict_on_batch(waveforms(model))
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        # JAX spends all its time on compiling.
        "XLA_FLAGS": "--xla_backend_optimization_level=0 "
        "--xla_llvm_disable_expensive_passes=true",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-c", PREDICT, str(tmp_path), *MODELS]
    subprocess.run(command, env=environment, check=True)
    for name, outputs in expected.items():
        other = np.load(tmp_path / f"{name}-out.npy")
        np.testing.assert_allclose(other, outputs, atol=1e-4, err_msg=name)


def test_layers_from_pytorch_start_as_there():
    model = small("short_chunk_cnn_res")
    layer = model.get_layer("layer3_conv_2")
    limit = (3 * 3 * layer.kernel.shape[2]) ** -0.5
    for weights in layer.get_weights():
        assert 0.8 * limit < np.abs(weights).max() <= limit
    norm = model.get_layer("layer3_bn_2")
    assert (norm.momentum, norm.epsilon) == (0.9, 1e-5)


def test_normalised_bands_have_statistics_of_their_own():
    model = small("multi_scale_cnn", normalise_bands=True)
    assert [w.shape for w in model.get_layer("spec_bn").weights] == [(128,), (128,)]
