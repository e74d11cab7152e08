"""Exports: written whole, compared with the model, or not kept."""

import errno
import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from resemul.checkpoints.card import read_card_file
from resemul.checkpoints.model_file import save_model
from resemul.errors import ConfigError, WeightsError
from resemul.export.exporters import EXPORTERS, Exporter, format_of
from resemul.export.exporting import export_beside, export_model, noise_for
from resemul.runtime.files import file_sha256

TOLERANCE = 1e-5


@pytest.fixture
def other(monkeypatch):
    """Adds a format of text files, whose probabilities are off by a given amount."""

    def add(off: float, write=None, keras=(3, 9)) -> None:
        models = []

        def write_text(model, path):
            models.append(model)
            path.write_text("exported")

        def load(path):
            return lambda waveforms: models[-1].predict_on_batch(waveforms) + off

        exporter = Exporter(".other", write or write_text, load, keras=keras)
        monkeypatch.setitem(EXPORTERS, "other", exporter)

    return add


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sample_cnn", "short_chunk_cnn"])
@pytest.mark.parametrize("format", ["tflite", "savedmodel"])
def test_other_formats_compute_the_same(build, format, name, tmp_path):
    model, card = build(name)
    path = tmp_path / f"model.{format}"
    assert export_model(model, card, path, format) < TOLERANCE


def test_export_writes_what_it_measured_into_the_card(build, tmp_path, other):
    other(off=2**-14)
    model, card = build("sample_cnn")
    path = tmp_path / "model.other"
    difference = export_model(model, card, path, "other", noise_for(card), "clip.mp3")
    assert difference == pytest.approx(2**-14, abs=1e-6)
    assert path.read_text() == "exported"
    written = read_card_file(tmp_path / "model.other.json")
    assert written.tags == ["a", "b", "c"]
    assert written.export == {
        "format": "other",
        "max_difference": difference,
        "num_segments": 2,
        "audio": "clip.mp3",
        "sha256": file_sha256(path),
    }
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("off", [0.64, np.nan])
def test_an_export_that_is_too_far_off_is_not_kept(build, tmp_path, other, off):
    other(off)
    model, card = build("sample_cnn")
    (tmp_path / "model.other").write_text("an earlier one")
    with pytest.raises(WeightsError, match=r"differ by .* more than 1e-04"):
        export_model(model, card, tmp_path / "model.other", "other")
    assert (tmp_path / "model.other").read_text() == "an earlier one"
    assert len(list(tmp_path.iterdir())) == 1


def test_export_says_which_library_is_missing(build, tmp_path, other):
    def write(model, path):
        raise ImportError("No module named 'converter'")

    other(0, write)
    model, card = build("sample_cnn")
    with pytest.raises(WeightsError, match="other needs a library: No module"):
        export_model(model, card, tmp_path / "model.other", "other")


def test_a_full_disk_leaves_nothing_behind(build, tmp_path, other):
    def write(model, path):
        path.write_text("half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    other(0, write)
    model, card = build("sample_cnn")
    with pytest.raises(WeightsError, match="cannot be written: No space left"):
        export_model(model, card, tmp_path / "model.other", "other")
    assert list(tmp_path.iterdir()) == []


def test_what_a_converter_raises_is_told_in_one_line(build, tmp_path, other):
    def write(model, path):
        path.mkdir()
        raise NotImplementedError("no LSTM\nbut many lines of other things")

    other(0, write)
    model, card = build("sample_cnn")
    with pytest.raises(WeightsError) as error:
        export_model(model, card, tmp_path / "model.other", "other")
    assert str(error.value) == "other cannot hold this model: no LSTM"
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_needs_a_newer_keras_says_so(build, tmp_path, other, monkeypatch):
    other(0, keras=EXPORTERS["tflite"].keras)
    monkeypatch.setattr(keras, "__version__", "3.12.0")
    model, card = build("sample_cnn")
    with pytest.raises(
        WeightsError, match=r"needs Keras 3\.13 or newer, here is 3\.12"
    ):
        export_model(model, card, tmp_path / "model.other", "other")


@pytest.mark.parametrize(
    ("name", "format"),
    [("model.onnx", "caffe"), ("model.keras", "onnx"), ("no/model.onnx", "onnx")],
)
def test_export_refuses_what_cannot_work(build, name, format, tmp_path):
    model, card = build("sample_cnn")
    with pytest.raises(ConfigError):
        export_model(model, card, tmp_path / name, format)
    assert list(tmp_path.iterdir()) == []


def test_the_suffix_says_the_format():
    assert [format_of(Path(f"best{e.suffix}")) for e in EXPORTERS.values()] == [
        *EXPORTERS
    ]
    with pytest.raises(ConfigError, match="say which with --format"):
        format_of(Path("best.bin"))


def test_onnx_needs_no_package_of_that_name(build, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    model, card = build("sample_cnn")
    assert export_model(model, card, tmp_path / "model.onnx", "onnx") < TOLERANCE


def test_export_beside_leaves_an_onnx_file_and_its_card(build, tmp_path):
    model, card = build("sample_cnn")
    saved = save_model(model, card, tmp_path / "best.keras")
    assert export_beside(tmp_path / "best.keras") == tmp_path / "best.onnx"
    written = read_card_file(tmp_path / "best.onnx.json")
    assert written.sha256 == saved.sha256
    assert written.export["max_difference"] < TOLERANCE


def test_export_beside_leaves_one_that_is_done(build, tmp_path):
    model, card = build("sample_cnn")
    save_model(model, card, tmp_path / "best.keras")
    export_beside(tmp_path / "best.keras")
    first = (tmp_path / "best.onnx").stat().st_mtime_ns
    export_beside(tmp_path / "best.keras")
    assert (tmp_path / "best.onnx").stat().st_mtime_ns == first
    (tmp_path / "best.onnx").write_bytes(b"damaged")
    export_beside(tmp_path / "best.keras")
    assert (tmp_path / "best.onnx").stat().st_size > 1_000


def test_export_beside_says_why_it_cannot(build, tmp_path, caplog):
    waveform = keras.Input((8,), name="waveform")
    x = keras.layers.Reshape((8, 1))(waveform)
    tags = keras.layers.Dense(3)(keras.layers.LSTM(2, name="memory")(x))
    _, card = build("sample_cnn")
    card = json.loads(json.dumps(vars(card))) | {"model": "own", "options": {}}
    own = type(build("sample_cnn")[1])(**card | {"num_samples": 8})
    save_model(keras.Model(waveform, tags), own, tmp_path / "best.keras")
    assert export_beside(tmp_path / "best.keras") is None
    assert "layer memory (LSTM) cannot be exported to ONNX" in caplog.text
    assert len(list(tmp_path.iterdir())) == 2
