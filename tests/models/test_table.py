"""The contract of every model: what its entry says, and what is built from it."""

import dataclasses

import keras
import pytest

from resemul.configs import (
    MODEL_ENTRIES,
    RECIPES,
    AudioConfig,
    ModelConfig,
    model_entry,
)
from resemul.errors import ConfigError
from resemul.models import MODELS, build_model, remove_top


def test_every_entry_has_a_builder():
    assert list(MODEL_ENTRIES) == list(MODELS)


@pytest.mark.parametrize("name", MODEL_ENTRIES)
def test_entry_says_what_others_need(name):
    entry = MODEL_ENTRIES[name]
    config = entry.config()
    assert entry.recipe in RECIPES
    assert entry.paper
    assert entry.url.startswith("https://")
    assert (entry.roc_auc is None) == (entry.data == "")
    assert entry.clip_seconds is None or (
        entry.clip_seconds * config.sample_rate >= config.num_samples
    )
    assert isinstance(config, ModelConfig)
    assert config.audio.sample_rate == config.sample_rate
    assert config.audio.resampler.startswith("swr")


@pytest.mark.parametrize("name", MODEL_ENTRIES)
def test_model_takes_waveforms_and_gives_probabilities(name):
    config = MODEL_ENTRIES[name].config()
    with keras.StatelessScope():  # no weights are drawn
        model, again = (build_model(name, 3) for _ in range(2))
    assert model.input_shape == (None, config.num_samples)
    assert model.output_shape == (None, 3)
    assert model.output.dtype == "float32"
    assert model.name == again.name == name
    assert [x.name for x in model.layers] == [x.name for x in again.layers]
    assert model.get_layer("tags").activation is keras.activations.sigmoid


def test_audio_of_the_default_model_is_the_originals():
    assert MODEL_ENTRIES["sample_cnn"].config().audio == AudioConfig()
    assert MODEL_ENTRIES["fcn5"].config().audio == AudioConfig(16_000, "mean")


def test_audio_of_musicnn_is_cut_as_its_frames_follow_each_other():
    audio = MODEL_ENTRIES["musicnn"].config().audio
    assert audio == AudioConfig(16_000, "mean", "swr-long", 256, 47_872, "repeat")


def test_options_of_audio_are_checked_and_change_no_layer():
    with pytest.raises(ConfigError, match="mix must be one of ffmpeg, mean"):
        build_model("fcn5", 3, mix="left")
    assert build_model("won_sample_cnn", 3, channels=1, mix="ffmpeg").count_params() > 0


def test_unknown_model_suggests_the_nearest():
    with pytest.raises(ConfigError, match=r"got 'fnc5'; did you mean fcn5\?"):
        model_entry("fnc5")


MODULE = """
from dataclasses import dataclass
import keras
from resemul.configs import ModelConfig
from resemul.configs.fields import option

def plain(num_tags, *, num_samples=4000, sample_rate=8000, channels=2):
    waveform = keras.Input((num_samples,))
    x = keras.layers.Reshape((num_samples, 1))(waveform)
    x = keras.layers.Conv1D(channels, 8, strides=8, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dense(num_tags)(x)
    return keras.Model(waveform, keras.layers.Activation("sigmoid")(x))

plain.recipe = "adam_l2"

def open_(num_tags, **options):
    return plain(num_tags, num_samples=options["num_samples"])

@dataclass(frozen=True)
class Config(ModelConfig):
    num_samples: int = 4000
    channels: int = option(3, help="filters", minimum=1)
    mix: str = "mean"

def with_config(num_tags, config):
    return plain(num_tags, num_samples=config.num_samples, channels=config.channels)

with_config.config_class = Config

def of_one_length(num_tags):
    return plain(num_tags, num_samples=3000)

def wrong_length(num_tags, num_samples=5000):
    return plain(num_tags)

def without_default(num_tags, channels):
    return plain(num_tags)

number = 5
"""


@pytest.fixture
def outside(tmp_path, monkeypatch):
    (tmp_path / "outside_models.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return "outside_models"


def test_model_from_outside_has_the_options_of_its_function(outside):
    entry = model_entry(f"{outside}:plain")
    assert entry.recipe == "adam_l2"
    options = dataclasses.asdict(entry.config(channels=5))
    assert options == {
        "sample_rate": 8000,
        "num_samples": 4000,
        "mix": "mean",
        "resampler": "swr",
        "channels": 5,
    }
    model = build_model(f"{outside}:plain", 3, **options)
    assert model.input_shape == (None, 4000)
    assert remove_top(model).output_shape == (None, 5)


def test_model_from_outside_may_take_options_or_a_config(outside):
    model = build_model(f"{outside}:open_", 2)
    assert model.input_shape == (None, 59_049)
    assert model_entry(f"{outside}:of_one_length").config().num_samples == 3000
    assert build_model(f"{outside}:of_one_length", 2).input_shape == (None, 3000)
    model = build_model(f"{outside}:with_config", 2)
    assert remove_top(model).output_shape == (None, 3)
    with pytest.raises(ConfigError, match="channels must be at least 1, got 0"):
        build_model(f"{outside}:with_config", 2, channels=0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong_length", r"from \(None, 5000\), samples, .* is from \(None, 4000\)"),
        ("without_default", "its option channels needs a default"),
        ("number", "is no function that builds a model"),
        ("missing", "has no 'missing'"),
    ],
)
def test_model_from_outside_that_does_not_fit_is_refused(outside, name, message):
    with pytest.raises(ConfigError, match=message):
        build_model(f"{outside}:{name}", 2)


def test_table_and_builders_need_no_keras_to_be_imported():
    import subprocess
    import sys

    code = (
        "import sys; import resemul.models, resemul.models.mel, resemul.configs; "
        "sys.exit('keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
