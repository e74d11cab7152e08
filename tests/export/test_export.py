import dataclasses
import json

import keras
import numpy as np
import pytest

from resemul.checkpoints.card import ModelCard
from resemul.configs import MODEL_ENTRIES
from resemul.errors import ConfigError, WeightsError
from resemul.export import EXPORTERS, export_model
from resemul.models import MODELS, build_model

# Options, where a model has them, that make it small.
SMALL = {"channels": 2, "init_features": 2, "alpha": 2, "dense_units": 8}
TOLERANCE = 1e-5


def _build(name, **options):
    """A small model with random weights and statistics, and its card."""
    config_class = MODEL_ENTRIES[name].config
    fields = {field.name for field in dataclasses.fields(config_class)}
    options = {k: v for k, v in SMALL.items() if k in fields} | options
    config = config_class(**options)
    keras.utils.set_random_seed(0)
    model = build_model(name, 3, **options)
    rng = np.random.default_rng(0)
    # All positive, so that variances are; vectors only, so that nothing explodes.
    model.set_weights(
        [
            rng.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else w
            for w in model.get_weights()
        ]
    )
    card = ModelCard(
        name, dataclasses.asdict(config), list("abc"), 16_000, config.num_samples
    )
    return model, card


def _noise(card):
    noise = np.random.default_rng(1).normal(0, 0.1, (2, card.num_samples))
    # The second segment is much quieter.
    return (noise * [[1], [0.01]]).astype("float32")


@pytest.mark.parametrize("name", MODELS)
def test_every_model_exports_to_onnx(name, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    model, card = _build(name)
    path = tmp_path / "model.onnx"
    assert export_model(model, card, path, "onnx", _noise(card)) < TOLERANCE
    assert path.is_file()


@pytest.mark.parametrize("block", ["se", "rese", "res", "basic"])
def test_every_block_exports_to_onnx(block, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    model, card = _build("sample_cnn", block=block, multi=False)
    path = tmp_path / "model.onnx"
    assert export_model(model, card, path, "onnx", _noise(card)) < TOLERANCE


def test_onnx_takes_any_number_of_segments_at_once(tmp_path):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    model, card = _build("sample_cnn")
    waveforms = _noise(card)
    export_model(model, card, tmp_path / "model.onnx", "onnx", waveforms)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (tags,) = session.run(["tags"], {"waveform": waveforms})
    expected = model.predict_on_batch(waveforms)
    np.testing.assert_allclose(tags, expected, rtol=0, atol=TOLERANCE)
    assert np.abs(expected[0] - expected[1]).max() > 10 * TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sample_cnn", "short_chunk_cnn"])
@pytest.mark.parametrize("format", ["tflite", "savedmodel"])
def test_other_formats_compute_the_same(format, name, tmp_path):
    model, card = _build(name)
    path = tmp_path / f"model.{format}"
    assert export_model(model, card, path, format, _noise(card)) < TOLERANCE


def test_export_writes_what_it_measured_into_the_card(tmp_path, monkeypatch):
    def write(model, path):
        path.write_text("exported")

    def load(path):
        return lambda waveforms: model.predict_on_batch(waveforms) + 0.25

    monkeypatch.setitem(EXPORTERS, "other", (".other", write, load))
    model, card = _build("sample_cnn")
    path = tmp_path / "model.other"
    difference = export_model(model, card, path, "other", _noise(card), "clip.mp3")
    assert difference == pytest.approx(0.25, abs=1e-6)
    assert path.read_text() == "exported"
    written = json.loads((tmp_path / "model.other.json").read_text())
    assert written["tags"] == ["a", "b", "c"]
    assert written["export"] == {
        "format": "other",
        "max_difference": difference,
        "num_segments": 2,
        "audio": "clip.mp3",
    }
    assert len(list(tmp_path.iterdir())) == 2


def test_export_says_which_library_is_missing(tmp_path, monkeypatch):
    def write(model, path):
        raise ImportError("No module named 'onnx'")

    monkeypatch.setitem(EXPORTERS, "onnx", (".onnx", write, None))
    model, card = _build("sample_cnn")
    with pytest.raises(WeightsError, match="onnx needs a library: No module"):
        export_model(model, card, tmp_path / "model.onnx", "onnx", _noise(card))


@pytest.mark.parametrize(
    ("name", "format"),
    [("model.onnx", "caffe"), ("model.keras", "onnx"), ("no/model.onnx", "onnx")],
)
def test_export_refuses_what_cannot_work(name, format, tmp_path):
    model, card = _build("sample_cnn")
    with pytest.raises(ConfigError):
        export_model(model, card, tmp_path / name, format, _noise(card))
    assert list(tmp_path.iterdir()) == []


def test_build_onnx_refuses_a_layer_that_it_does_not_know():
    pytest.importorskip("onnx")
    from resemul.export.onnx_graph import build_onnx

    source = keras.Input((8, 1), name="waveform")
    model = keras.Model(source, keras.layers.LSTM(2, name="memory")(source))
    with pytest.raises(WeightsError, match=r"layer memory \(LSTM\) cannot"):
        build_onnx(model)
