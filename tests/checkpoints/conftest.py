"""A small model of this package on disk, made once."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from checkpoint_files import CARD, OPTIONS

from resemul.checkpoints.card import card_path


@pytest.fixture(scope="session")
def model():
    from resemul.models import build_model

    return build_model("short_chunk_cnn", 3, **OPTIONS)


@pytest.fixture(scope="session")
def _master(model, tmp_path_factory):
    from resemul.checkpoints.model_file import save_model

    path = tmp_path_factory.mktemp("model") / "model.keras"
    save_model(model, CARD, path)
    return path


@pytest.fixture
def path(_master, tmp_path):
    """A saved model of one's own."""
    shutil.copy(card_path(_master), tmp_path / "model.json")
    return Path(shutil.copy(_master, tmp_path / "model.keras"))


@pytest.fixture
def described_path(tmp_path):
    """A model that is not of this package: one layer, known to its own file alone."""
    import keras

    from resemul.checkpoints.model_file import save_model

    waveform = keras.Input((4,), name="waveform")
    tags = keras.layers.Dense(3, activation="sigmoid", name="tags")(waveform)
    card = dataclasses.replace(CARD, model="dense", options={}, num_samples=4)
    save_model(keras.Model(waveform, tags, name="small"), card, tmp_path / "own.keras")
    return tmp_path / "own.keras"
