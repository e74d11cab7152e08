"""ONNX graphs compute what Keras does, layer by layer."""

import keras
import numpy as np
import onnxruntime
import pytest

from resemul.errors import WeightsError
from resemul.export.exporting import noise_for
from resemul.export.onnx_graph import build_onnx
from resemul.models import MODELS, remove_top

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
