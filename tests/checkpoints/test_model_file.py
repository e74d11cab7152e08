"""Models and their cards on disk: whole, together, or refused."""

import dataclasses
import errno
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from resemul.checkpoints.card import (
    ModelCard,
    card_path,
    check_fits,
    read_card,
    write_card,
)
from resemul.checkpoints.model_file import load_model, save_model
from resemul.errors import DatasetError, WeightsError
from resemul.runtime.files import file_sha256

CARD = ModelCard(
    model="sample_cnn",
    options={"block": "se"},
    tags=["low", "high", "loud"],
    sample_rate=22_050,
    num_samples=4,
    scores={"val_loss": 0.5},
    seed=7,
)


@pytest.fixture
def model():
    waveform = keras.Input((4,), name="waveform")
    tags = keras.layers.Dense(3, activation="sigmoid", name="tags")(waveform)
    return keras.Model(waveform, tags, name="small")


@pytest.fixture
def path(model, tmp_path):
    """A saved model."""
    save_model(model, CARD, tmp_path / "model.keras")
    return tmp_path / "model.keras"


def change_card(path, **changes):
    content = json.loads(card_path(path).read_text()) | changes
    card_path(path).write_text(json.dumps(content))


def test_load_model_undoes_save_model(model, path):
    loaded, card = load_model(path)
    x = np.arange(8, dtype="float32").reshape(2, 4)
    np.testing.assert_array_equal(loaded.predict_on_batch(x), model.predict_on_batch(x))
    written = dataclasses.replace(CARD, sha256=card.sha256, versions=card.versions)
    assert card == written
    assert loaded.name == "small"


def test_save_model_fills_in_hash_and_versions(model, tmp_path):
    card = save_model(model, CARD, tmp_path / "model.keras")
    assert card.sha256 == file_sha256(tmp_path / "model.keras")
    assert card.versions["keras"] == keras.__version__
    assert card.versions["backend"] == keras.backend.backend()


def test_save_model_leaves_out_the_optimizer(model, tmp_path):
    model.compile(optimizer="adam", loss="mse")
    model.fit(np.zeros((2, 4)), np.zeros((2, 3)), verbose=0)
    save_model(model, CARD, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        config = json.loads(file.read("config.json"))
        weights = file.read("model.weights.h5")
    assert not config.get("compile_config")
    assert b"optimizer" not in weights
    assert model.optimizer is not None


def test_save_model_leaves_two_files_and_no_other(path):
    assert sorted(p.name for p in path.parent.iterdir()) == [
        "model.json",
        "model.keras",
    ]


def test_save_model_replaces_an_earlier_model(model, path):
    model.layers[-1].bias.assign([1, 2, 3])
    save_model(model, CARD, path)
    np.testing.assert_array_equal(load_model(path)[0].layers[-1].bias, [1, 2, 3])


def test_save_model_refuses_another_suffix(model, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.keras"):
        save_model(model, CARD, tmp_path / "model.h5")


def test_save_model_on_a_full_disk_keeps_what_was_there(model, path, monkeypatch):
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}

    def write(self, target, *args, **kwargs):
        Path(target).write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", write)
    with pytest.raises(WeightsError, match="cannot be written: No space left"):
        save_model(model, CARD, path)
    assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before


def test_save_model_into_a_folder_that_cannot_be_is_told(model, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match=r"model\.keras cannot be written"):
        save_model(model, CARD, tmp_path / "file/model.keras")
    with pytest.raises(WeightsError, match=r"model\.keras cannot be written"):
        save_model(model, CARD, tmp_path / "gone/model.keras")


def test_save_model_leaves_no_half_model_if_its_card_cannot_be_written(model, tmp_path):
    (tmp_path / "model.json").mkdir()
    with pytest.raises(WeightsError, match=r"model\.json cannot be written"):
        save_model(model, CARD, tmp_path / "model.keras")
    assert [p.name for p in tmp_path.iterdir()] == ["model.json"]


def test_write_card_leaves_the_model_as_it_is(path):
    card = dataclasses.replace(read_card(path), thresholds={"low": 0.25})
    before = path.read_bytes()
    write_card(card, path)
    assert path.read_bytes() == before
    assert load_model(path)[1] == card


def test_write_card_on_a_full_disk_keeps_the_card(path, monkeypatch):
    before = card_path(path).read_text()

    def replace(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(WeightsError, match=r"model\.json cannot be written: No space"):
        write_card(CARD, path)
    assert card_path(path).read_text() == before
    assert len(list(path.parent.iterdir())) == 2


def test_read_card_of_a_model_from_before_there_were_thresholds(path):
    content = json.loads(card_path(path).read_text())
    del content["thresholds"]
    card_path(path).write_text(json.dumps(content))
    assert read_card(path).thresholds == {}


def test_card_path_keeps_dots_in_the_name():
    path = Path("log/0/ckpt-e003-l0.1234.keras")
    assert card_path(path) == Path("log/0/ckpt-e003-l0.1234.json")


def test_load_model_of_nothing_says_so(tmp_path):
    with pytest.raises(WeightsError, match=r"gone\.keras does not exist"):
        load_model(tmp_path / "gone.keras")


def test_load_model_of_a_folder_says_so(tmp_path):
    (tmp_path / "model.keras").mkdir()
    with pytest.raises(WeightsError, match="is no file"):
        load_model(tmp_path / "model.keras")


def test_load_model_without_its_card_says_what_to_copy(path):
    card_path(path).unlink()
    with pytest.raises(WeightsError, match=r"model\.json does not exist.*copy it"):
        load_model(path)


def test_load_model_refuses_a_file_that_its_card_does_not_describe(path):
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(WeightsError, match="its SHA-256 differs"):
        load_model(path)


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 half a zip"])
def test_load_model_of_a_file_that_is_no_model_says_so(path, content):
    path.write_bytes(content)
    change_card(path, sha256=file_sha256(path))
    with pytest.raises(WeightsError, match="is not a model that Keras can read"):
        load_model(path)


def test_load_model_refuses_a_card_with_other_tags(path):
    change_card(path, tags=["low", "high"])
    with pytest.raises(WeightsError, match="3 outputs, its card 2 tags"):
        load_model(path)


def test_load_model_runs_no_code_from_the_file(tmp_path):
    waveform = keras.Input((4,))
    tags = keras.layers.Lambda(lambda x: x[:, :3])(waveform)
    path = tmp_path / "model.keras"
    save_model(keras.Model(waveform, tags), CARD, path)
    with pytest.raises(WeightsError, match="is not a model that Keras can read"):
        load_model(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not a model card"),
        ("[1]", "is not a model card"),
        ("{}", "is not a model card"),
        ('{"format": 1}', "is not a model card"),
        ('{"format": 1, "colour": "red"}', "is not a model card"),
        ('{"format": 2, "colour": "red"}', "has format 2; this version reads format 1"),
    ],
)
def test_read_card_refuses_what_is_no_card(path, content, message):
    card_path(path).write_text(content)
    with pytest.raises(WeightsError, match=message):
        read_card(path)


def records(**changes):
    fitting = {"tags": tuple(CARD.tags), "sample_rate": 22_050, "num_samples": 4}
    return SimpleNamespace(folder=Path("data/tfrecord"), **fitting | changes)


def test_check_fits_accepts_records_that_do():
    check_fits(CARD, records())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample_rate": 16_000}, "sample_rate 16000 instead of 22050"),
        ({"num_samples": 3}, "num_samples 3 instead of 4"),
        ({"tags": ("high", "low", "loud")}, "number 1 is 'high' instead of 'low'"),
        ({"tags": ("low", "high")}, "2 tags instead of 3, without loud"),
        ({"tags": (*CARD.tags, "rock")}, "4 tags instead of 3, with rock"),
        (
            {"tags": tuple("abcdefg")},
            "7 tags instead of 3, without low, high, loud and with a, b, c, d, e, ...",
        ),
        (
            {"num_samples": 3, "sample_rate": 1},
            "sample_rate 1 instead of 22050; num_samples 3 instead of 4",
        ),
    ],
)
def test_check_fits_says_what_differs(changes, message):
    with pytest.raises(DatasetError) as error:
        check_fits(CARD, records(**changes))
    assert message in str(error.value)
    assert "data/tfrecord was not built for this model" in str(error.value)
