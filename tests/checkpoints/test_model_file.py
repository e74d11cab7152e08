"""Models on disk: saved, opened, found."""

import dataclasses
import errno
import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from checkpoint_files import CARD, change_card, vouch_for

import resemul
from resemul.checkpoints.card import card_path, read_card, write_card
from resemul.checkpoints.model_file import (
    find_model,
    load_model,
    open_model,
    save_model,
)
from resemul.checkpoints.weights_hash import weights_sha256
from resemul.errors import WeightsError
from resemul.runtime.files import file_sha256

DATA = Path(__file__).parent / "data"


def noise(num_samples: int) -> np.ndarray:
    return np.random.default_rng(2).normal(0, 0.1, (2, num_samples)).astype("float32")


def test_open_model_undoes_save_model(model, path):
    loaded, card = open_model(path)
    x = noise(CARD.num_samples)
    np.testing.assert_array_equal(loaded.predict_on_batch(x), model.predict_on_batch(x))
    written = dataclasses.replace(
        CARD,
        sha256=card.sha256,
        weights_sha256=card.weights_sha256,
        versions=card.versions,
    )
    assert card == written
    assert loaded.name == "short_chunk_cnn"
    assert resemul.open_model is open_model


def test_a_model_saved_before_this_version_gives_the_same(tmp_path):
    loaded, card = open_model(DATA / "fcn5-before.keras")
    tags = loaded.predict_on_batch(noise(card.num_samples))
    # As the version that saved it computed them.
    expected = [[0.66671771, 0.73812228], [0.66689003, 0.73838997]]
    np.testing.assert_allclose(tags, expected, rtol=0, atol=2e-6)
    assert card.thresholds == {"low": 0.25}
    assert card.scores == {"val_loss": 0.5, "val_roc_auc": None}


def test_keras_reads_a_model_as_well(model, path):
    x = noise(CARD.num_samples)
    np.testing.assert_array_equal(
        keras.saving.load_model(path).predict_on_batch(x), model.predict_on_batch(x)
    )


def test_save_model_fills_in_hashes_and_versions(model, path):
    card = read_card(path)
    assert card.sha256 == file_sha256(path)
    assert card.weights_sha256 == weights_sha256(model)
    assert card.versions["keras"] == keras.__version__
    assert card.versions["backend"] == keras.backend.backend()


def test_save_model_leaves_out_the_optimizer(tmp_path):
    waveform = keras.Input((4,), name="waveform")
    model = keras.Model(waveform, keras.layers.Dense(3, name="tags")(waveform))
    model.compile(optimizer="adam", loss="mse")
    model.fit(np.zeros((2, 4)), np.zeros((2, 3)), verbose=0)
    save_model(model, CARD, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        config = json.loads(file.read("config.json"))
        weights = file.read("model.weights.h5")
    assert not config.get("compile_config")
    assert b"optimizer" not in weights
    assert model.optimizer is not None


def test_save_model_leaves_two_files_and_no_other(path, model):
    save_model(model, CARD, path)
    assert sorted(p.name for p in path.parent.iterdir()) == [
        "model.json",
        "model.keras",
    ]


def test_save_model_replaces_an_earlier_model(path):
    model, card = open_model(path)
    model.get_layer("tags").bias.assign([1, 2, 3])
    again = save_model(model, card, path)
    np.testing.assert_array_equal(open_model(path)[0].get_layer("tags").bias, [1, 2, 3])
    assert again.weights_sha256 != card.weights_sha256


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
    assert open_model(path)[1] == card


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.keras", "gone.keras does not exist, and no published model"),
        ("fcn-msdd", "did you mean fcn-msd?"),
        (".", "is no file"),
    ],
)
def test_a_model_that_is_not_there_is_told(name, message):
    with pytest.raises(WeightsError) as error:
        open_model(name)
    assert message in str(error.value)


def test_find_model_takes_a_file_or_a_published_name(path, monkeypatch):
    installed = []

    def install(name):
        installed.append(name)
        return path

    monkeypatch.setattr("resemul.checkpoints.model_file.install_pretrained", install)
    assert find_model(str(path)) == path
    assert find_model("fcn-msd") == path
    assert installed == ["fcn-msd"]


def test_load_model_of_nothing_says_so(tmp_path):
    with pytest.raises(WeightsError, match=r"gone\.keras does not exist"):
        load_model(tmp_path / "gone.keras")


def test_open_model_without_its_card_says_what_to_copy(path):
    card_path(path).unlink()
    with pytest.raises(WeightsError, match=r"model\.json does not exist.*copy it"):
        open_model(path)


def test_open_model_refuses_a_file_that_its_card_does_not_describe(path):
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(WeightsError, match="its SHA-256 differs"):
        open_model(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tags": ["low", "high"]}, "they do not belong together"),
        ({"num_samples": 59_049}, "its card says 59049 at 16000 Hz"),
        ({"sample_rate": 22_050, "options": None}, "its card says 32512 at 22050 Hz"),
        ({"options": {"channels": 2}}, "they do not belong together"),
        ({"options": {"colour": 2}}, "make no model"),
        ({"options": {"channels": "two"}}, "make no model"),
        ({"options": {"num_samples": 1}}, "make no model: num_samples must be"),
    ],
)
def test_open_model_refuses_a_card_of_another_model(path, changes, message):
    if changes.get("options", 0) is None:
        changes = changes | {"options": CARD.options | {"sample_rate": 16_000}}
    change_card(path, **changes)
    with pytest.raises(WeightsError) as error:
        open_model(path)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_model_of_nobody_needs_trust(described_path):
    with pytest.raises(WeightsError, match=r"no model of this package.*--trust"):
        open_model(described_path)
    model, card = open_model(described_path, trust=True)
    assert model.name == "small"
    assert card.model == "dense"


def test_even_a_trusted_file_is_refused_in_one_line_if_it_is_broken(described_path):
    described_path.write_bytes(b"PK\x03\x04 half a zip")
    vouch_for(described_path)
    with pytest.raises(WeightsError, match="is not a model that Keras can read"):
        open_model(described_path, trust=True)


def test_a_model_from_outside_is_built_by_the_code_that_its_card_names(
    tmp_path, monkeypatch
):
    (tmp_path / "my_nets.py").write_text(
        "import keras\n"
        "print('imported')\n"
        "def tiny(num_tags, units=2):\n"
        "    waveform = keras.Input((4,), name='waveform')\n"
        "    x = keras.layers.Dense(units, name='hidden')(waveform)\n"
        "    return keras.Model(waveform, keras.layers.Dense(num_tags)(x))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    import my_nets

    monkeypatch.delitem(__import__("sys").modules, "my_nets")
    card = dataclasses.replace(
        CARD, model="my_nets:tiny", options={"units": 3}, num_samples=4
    )
    model = my_nets.tiny(3, 3)
    path = tmp_path / "tiny.keras"
    save_model(model, card, path)
    with pytest.raises(WeightsError, match="'my_nets:tiny', which is no model of this"):
        open_model(path)
    assert "my_nets" not in __import__("sys").modules
    x = noise(4)
    np.testing.assert_array_equal(
        open_model(path, trust=True)[0].predict_on_batch(x), model.predict_on_batch(x)
    )
