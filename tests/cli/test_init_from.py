"""`resemul train --init-from`: with the weights of a trained model."""

import dataclasses
import json

import numpy as np
import pytest

from resemul.checkpoints.card import ModelCard
from resemul.checkpoints.model_file import load_model, save_model
from resemul.cli import run
from resemul.configs import SampleCNNConfig
from resemul.models import build_model


@pytest.fixture
def source(tmp_path, tiny_model_options):
    """A model of two other tags than those of the records."""
    options = dataclasses.asdict(SampleCNNConfig(**tiny_model_options))
    model = build_model("sample_cnn", 2, **options)
    card = ModelCard("sample_cnn", options, ["rock", "slow"], 22_050, 59_049)
    save_model(model, card, tmp_path / "source.keras")
    return tmp_path / "source.keras"


def train(data_dir, train_dir, source, *options):
    where = ["--data-dir", str(data_dir), "--train-dir", str(train_dir)]
    return run(["train", *where, "--init-from", str(source), *options])


SHORT = ["--num-lr-decays", "1", "--epochs", "1", "--steps-per-epoch", "1"]


def test_frozen_body_is_that_of_the_source_under_new_tags(
    tiny_records, tmp_path, source
):
    options = [*SHORT, "--batch-size", "4", "--freeze-body"]
    assert train(tiny_records, tmp_path / "log", source, *options) == 0
    before, source_card = load_model(source)
    model, card = load_model(tmp_path / "log" / "best.keras")
    assert set(card.tags) == {"low", "high", "loud"}
    assert card.options == source_card.options
    assert card.source["init_from"]["sha256"] == source_card.sha256
    assert card.training["freeze_body"] is True
    for layer in before.layers:
        if layer.name != "tags":
            found = model.get_layer(layer.name).get_weights()
            for array, other in zip(found, layer.get_weights(), strict=True):
                np.testing.assert_array_equal(array, other)


def test_saved_configuration_has_the_options_of_the_source(tmp_path, source):
    path = tmp_path / "a.json"
    options = ["--dropout", "0.25", "--save-config", str(path)]
    assert train(tmp_path, tmp_path / "log", source, *options) == 0
    content = json.loads(path.read_text())
    assert content["model_options"]["init_features"] == 4
    assert content["model_options"]["dropout"] == 0.25


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--model", "fcn5"],
            "--init-from is a sample_cnn, --model or --config a fcn5",
        ),
        (["--init-features", "8"], "leave out the options that change the model"),
        (["--option", "sample_rate=16000"], "has 22050 Hz, sample_cnn takes 16000 Hz"),
    ],
)
def test_what_does_not_fit_the_source_is_one_line(
    tiny_records, tmp_path, source, capsys, options, message
):
    assert train(tiny_records, tmp_path / "log", source, *options) == 1
    err = capsys.readouterr().err
    assert message in err
    [line] = [line for line in err.splitlines() if "error" in line]
    assert line.startswith("resemul train: error: ")
    assert not (tmp_path / "log").exists()
