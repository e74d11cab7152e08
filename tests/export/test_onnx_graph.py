"""ONNX graphs compute what Keras does, layer by layer."""

import keras
import numpy as np
import onnxruntime
import pytest

from resemul.errors import WeightsError
from resemul.export.exporting import noise_for
from resemul.export.onnx_file import fields
from resemul.export.onnx_graph import build_onnx
from resemul.models import MODELS, remove_top
from resemul.models.frontends import LogMel

TOLERANCE = 1e-5
layers = keras.layers


def run(model, waveforms, output="tags"):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(build_onnx(model), options)
    return session.run([output], {"waveform": waveforms})[0]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_gives_the_same_tags_and_embeddings(build, name):
    model, card = build(name)
    # The second segment is much quieter. Two at once: any number may be.
    waveforms = noise_for(card)
    expected = model.predict_on_batch(waveforms)
    np.testing.assert_allclose(run(model, waveforms), expected, rtol=0, atol=TOLERANCE)
    embedding = remove_top(model).predict_on_batch(waveforms)
    scale = max(1.0, float(np.abs(embedding).max()))
    actual = run(model, waveforms, "embedding")
    np.testing.assert_allclose(actual, embedding, rtol=0, atol=TOLERANCE * scale)


@pytest.mark.parametrize("block", ["rese", "res", "basic"])
def test_every_block_gives_the_same(build, block):
    model, card = build("sample_cnn", block=block, multi=False)
    waveforms = noise_for(card)
    expected = model.predict_on_batch(waveforms)
    np.testing.assert_allclose(run(model, waveforms), expected, rtol=0, atol=TOLERANCE)


def test_the_file_is_one_that_the_onnx_package_accepts(build):
    onnx = pytest.importorskip("onnx")
    model, _ = build("musicnn")
    proto = onnx.load_from_string(build_onnx(model, {"made": "for a test"}))
    onnx.checker.check_model(proto, full_check=True)
    assert [output.name for output in proto.graph.output] == ["tags", "embedding"]
    assert proto.metadata_props[0].value == "for a test"


def sequence(*between) -> keras.Model:
    """A model of 24 samples, as a map of 12 steps and 2 channels."""
    waveform = keras.Input((24,), name="waveform")
    x = layers.Reshape((12, 2))(waveform)
    for layer in between:
        x = layer(x)
    x = layers.Flatten()(x)
    return keras.Model(waveform, layers.Dense(2, name="tags")(x))


@pytest.mark.parametrize(
    "between",
    [
        [layers.Conv1D(3, 3, dilation_rate=2)],
        [layers.Conv1D(3, 3, dilation_rate=3, padding="same")],
        [layers.Conv1D(4, 3, groups=2, padding="same", strides=2, activation="tanh")],
        [layers.Conv1D(3, 4, padding="same", strides=3)],
        [layers.MaxPooling1D(3, 2, padding="same")],
        [layers.AveragePooling1D(3, 2, padding="same")],
        [layers.LayerNormalization(), layers.ReLU()],
        [layers.BatchNormalization(axis=1)],
        [layers.BatchNormalization(scale=False, center=False)],
        [
            layers.Reshape((4, 3, 2)),
            layers.Conv2D(4, (3, 2), dilation_rate=(1, 2), groups=2, padding="same"),
            layers.GlobalAveragePooling2D(),
        ],
    ],
)
def test_layers_of_a_users_own_model_give_the_same(between):
    model = sequence(*between)
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in model.get_weights()])
    waveforms = rng.normal(0, 1, (3, 24)).astype("float32")
    expected = model.predict_on_batch(waveforms)
    np.testing.assert_allclose(run(model, waveforms), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("channels", [3, 16])
@pytest.mark.parametrize("order", ["norm, relu", "relu, norm"])
def test_a_normalisation_goes_into_the_convolution_before_it(channels, order):
    norm = layers.BatchNormalization()
    orders = {
        "norm, relu": [layers.Conv1D(channels, 3), norm, layers.Activation("relu")],
        "relu, norm": [layers.Conv1D(channels, 3, activation="relu"), norm],
    }
    model = sequence(*orders[order], layers.MaxPooling1D(2))
    rng = np.random.default_rng(0)
    # Factors of both signs; below 0, what was the least becomes the most.
    factors = rng.choice([-1.0, 1.0], channels) * rng.uniform(0.5, 2, channels)
    statistics = rng.normal(0, 1, (2, channels)), rng.uniform(0.5, 2, channels)
    norm.set_weights([factors, *statistics[0], statistics[1]])
    waveforms = rng.normal(0, 1, (3, 24)).astype("float32")
    expected = model.predict_on_batch(waveforms)
    np.testing.assert_allclose(run(model, waveforms), expected, rtol=1e-5, atol=1e-5)
    assert "BatchNormalization" not in after_convolution(model)
    assert not {"Mul", "Add"} & set(after_convolution(model)[:2])


def after_convolution(model) -> list[str]:
    """What the graph does after its last convolution."""
    kinds = kinds_of_nodes(build_onnx(model))
    return kinds[len(kinds) - kinds[::-1].index("Conv") :]


def kinds_of_nodes(content: bytes) -> list[str]:
    (graph,) = [part for number, _, part in fields(content) if number == 7]
    nodes = [part for number, _, part in fields(graph) if number == 1]
    return [
        part.decode()
        for node in nodes
        for number, _, part in fields(node)
        if number == 4
    ]


def test_channels_stay_first_from_one_convolution_to_the_next(build):
    model, _ = build("sample_cnn", block="basic", multi=False)
    kinds = kinds_of_nodes(build_onnx(model))
    # Kernels are turned, maps are not.
    assert kinds.count("Transpose") == kinds.count("Conv") == 10


@pytest.mark.parametrize(
    ("fft_size", "hop", "options"),
    [
        (512, 256, {"padding": "zeros", "half_precision": True}),
        (2048, 512, {"log": "natural", "top_db": 3.0, "reference": "max"}),
        (400, 160, {"num_frames": 12, "log": "one_plus", "gain": 100.0}),
        (256, 100, {"power": 1.0, "num_frames": 40}),
        (128, 37, {"log": None, "padding": None}),
    ],
)
def test_spectrograms_of_any_size_give_the_same(fft_size, hop, options):
    waveform = keras.Input((4_000,), name="waveform")
    image = LogMel(8_000, fft_size, hop, 20, **options)(waveform)
    x = layers.Flatten()(image)
    model = keras.Model(waveform, layers.Dense(2, name="tags")(x))
    waveforms = np.random.default_rng(0).normal(0, 0.1, (2, 4_000)).astype("float32")
    expected = keras.Model(waveform, x).predict_on_batch(waveforms)
    actual = run(model, waveforms, "embedding")
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("between", "message"),
    [
        ([layers.LSTM(2, name="memory")], r"layer memory \(LSTM\) cannot be exported"),
        ([layers.Conv1D(2, 3, padding="causal", name="late")], "the padding 'causal'"),
        ([layers.Dense(2, activation="gelu", name="soft")], "the activation 'gelu'"),
        ([layers.ReLU(6.0, name="flat")], "layer flat is no plain ReLU"),
        (
            [layers.LayerNormalization(axis=1, name="ln")],
            "for other axes than the last",
        ),
    ],
)
def test_what_cannot_be_written_is_refused(between, message):
    with pytest.raises(WeightsError, match=message):
        build_onnx(sequence(*between))


def test_a_layer_that_is_used_twice_is_refused():
    shared = layers.Dense(2, name="shared")
    with pytest.raises(WeightsError, match="is used more than once"):
        build_onnx(sequence(shared, shared))
