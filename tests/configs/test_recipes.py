"""The recipes, field by field, and the records that they are for."""

from pathlib import Path

import numpy as np
import pytest

from resemul.audio.segments import cut_clip
from resemul.configs import (
    MODEL_ENTRIES,
    RECIPES,
    BuildConfig,
    Constant,
    InverseTime,
    OneCycle,
    Plateau,
    Stage,
    TrainConfig,
    Triangular,
    records_of_model,
)

# What each publication says. What is not listed has no part in its recipe.
PUBLISHED = {
    "staged_sgd": {
        "batch_size": 23,
        "crop": "segments",
        "optimizer": "sgd",
        "lr": 0.01,
        "momentum": 0.9,
        "coupled_weight_decay": 0.0,
        "loss_scale": None,
        "precision": "float32",
        "schedule": InverseTime(time_decay=1e-6),
        "patience": 2,
        "min_delta": 0.0,
        "monitor": "val_loss",
        "lr_decay": 0.2,
        "num_lr_decays": 5,
        "max_epochs_per_stage": None,
        "stages": (),
        "start_from": "previous",
        "max_epochs": 100,
        "validation": "segments",
    },
    "adam_loss_scale": {
        "batch_size": 32,
        "crop": "centre",
        "optimizer": "adam",
        "lr": 0.0005,
        "adam_epsilon": 1e-8,
        "coupled_weight_decay": 0.0,
        "loss_scale": 1024.0,
        "precision": "auto",
        "schedule": Constant(),
        "patience": None,
        "num_lr_decays": 1,
        "stages": (),
        "max_epochs": 50,
        "monitor": "val_loss",
        "validation": "centre",
    },
    "sgd_plateau": {
        "batch_size": 16,
        "crop": "random",
        "optimizer": "sgd",
        "lr": 0.01,
        "momentum": 0.9,
        "coupled_weight_decay": 1e-6,
        "loss_scale": None,
        "precision": "float32",
        # PyTorch's threshold of 1e-4 is a share of the best loss, about 0.14 there.
        "schedule": Plateau("val_loss", 3, 0.2, min_delta=1.4e-5, min_lr=0.0),
        "patience": 4,  # ends after 5 epochs without progress
        "min_delta": 0.0,
        "monitor": "val_loss",
        "num_lr_decays": 1,
        "stages": (),
        "max_epochs": 100,
        "validation": "random",
    },
    "adam_then_sgd": {
        "batch_size": 16,
        "crop": "random",
        "momentum": 0.9,
        "adam_epsilon": 1e-8,
        "coupled_weight_decay": 1e-4,
        "loss_scale": None,
        "precision": "float32",
        "schedule": Constant(),
        "patience": None,
        "monitor": "val_loss",
        "stages": (
            Stage("adam", 0.0001, 80),
            Stage("sgd", 0.001, 20),
            Stage("sgd", 0.0001, 20),
            Stage("sgd", 0.00001, 80),
        ),
        "start_from": "best",
        "max_epochs": 200,
        "validation": "chunks",
        "num_chunks": 16,
    },
    "adam_l2": {
        "batch_size": 20,
        "crop": "centre",
        "optimizer": "adam",
        "lr": 0.0001,
        "adam_epsilon": 1e-8,
        "coupled_weight_decay": 1e-4,
        "loss_scale": None,
        "precision": "float32",
        "schedule": Constant(),
        "patience": None,
        "monitor": "val_roc_auc",
        "num_lr_decays": 1,
        "stages": (),
        "max_epochs": 100,
        "validation": "centre",
    },
    "adam_halving": {
        "batch_size": 32,
        "crop": "random",
        "optimizer": "adam",
        "lr": 0.001,
        "adam_epsilon": 1e-8,
        "coupled_weight_decay": 0.0,
        # Half the rate after 75 epochs without progress.
        "schedule": Plateau("val_loss", 74, 0.5),
        "patience": None,
        "monitor": "val_loss",
        "num_lr_decays": 1,
        "stages": (),
        "max_epochs": 600,
    },
    "adam_early_stopping": {
        "batch_size": 64,
        "crop": "random",
        "optimizer": "adam",
        "lr": 0.001,
        "adam_epsilon": 1e-7,
        "coupled_weight_decay": 0.0,
        "loss_scale": None,
        "precision": "float32",
        # Half the rate after 2 epochs without progress.
        "schedule": Plateau("val_loss", 1, 0.5, min_delta=0.1 / 64, min_lr=1e-5),
        "patience": 4,
        "monitor": "val_pr_auc",
        "num_lr_decays": 1,
        "stages": (),
        "validation": "random",
    },
    "adam_triangular": {
        "batch_size": 128,
        "crop": "random",
        "optimizer": "adam",
        "lr": 0.0014,
        "adam_epsilon": 1e-7,
        "coupled_weight_decay": 0.0,
        "schedule": Triangular(ratio=4.0, epochs=2.0),
        "patience": None,
        "monitor": "val_pr_auc",
        "num_lr_decays": 1,
        "stages": (),
        "validation": "random",
    },
    "adam_one_cycle": {
        "batch_size": 64,
        "crop": "random",
        "optimizer": "adam",
        "lr": 0.001,
        "adam_epsilon": 1e-7,
        "coupled_weight_decay": 0.0,
        "schedule": OneCycle(ratio=10.0),
        "patience": None,
        "monitor": "val_pr_auc",
        "num_lr_decays": 1,
        "stages": (),
        "validation": "random",
    },
}


def test_every_recipe_is_compared_with_its_publication():
    assert PUBLISHED.keys() == RECIPES.keys()


@pytest.mark.parametrize("name", PUBLISHED)
def test_recipe_is_as_published(name):
    recipe = {field: getattr(RECIPES[name], field) for field in PUBLISHED[name]}
    assert recipe == PUBLISHED[name]


def test_recipe_of_the_default_model_is_the_default():
    assert RECIPES["staged_sgd"] == TrainConfig()


@pytest.mark.parametrize(
    ("name", "sample_rate", "num_samples"),
    [
        ("sample_cnn", 22_050, 59_049),
        ("fcn4", 12_000, 349_440),
        ("fcn5", 16_000, 465_920),
        ("short_chunk_cnn", 16_000, 465_920),
        ("short_chunk_cnn_res", 16_000, 465_920),
        ("won_sample_cnn", 16_000, 465_920),
        ("won_sample_cnn_se", 16_000, 465_920),
        ("multi_scale_cnn", 11_025, 321_048),
        ("pons_waveform", 16_000, 465_920),
        ("pons_log_mel", 16_000, 465_920),
        ("musicnn", 16_000, 465_920),
        ("musicnn_vgg", 16_000, 465_920),
    ],
)
def test_records_of_mtt_are_those_of_the_recipe(name, sample_rate, num_samples):
    records = records_of_model(name)
    assert (records.sample_rate, records.num_samples) == (sample_rate, num_samples)
    assert num_samples >= MODEL_ENTRIES[name].config().num_samples


@pytest.mark.parametrize("name", [n for n in MODEL_ENTRIES if n != "sample_cnn"])
@pytest.mark.parametrize("seconds", [29.124, 20.0])
def test_record_holds_one_window_of_a_clip_of_mtt(name, seconds):
    records = records_of_model(name)
    read = min(seconds, records.clip_seconds)
    waveform = np.ones(int(read * records.sample_rate), "float32")
    segments = cut_clip(waveform, Path("a.mp3"), records).segments
    assert segments.shape == (1, records.num_samples)
    # A whole clip fills its record, a shorter one is padded.
    assert segments.sum() == min(len(waveform), records.num_samples)
    assert records.segments_per_clip == 1


def test_records_of_the_default_model_are_the_default():
    assert records_of_model("sample_cnn") == BuildConfig()


@pytest.mark.parametrize("name", MODEL_ENTRIES)
def test_records_of_other_collections_are_segments_of_the_model(name):
    config, records = MODEL_ENTRIES[name].config(), records_of_model(name, "csv")
    assert records.num_samples == config.num_samples
    assert records.sample_rate == config.sample_rate
    assert (records.clip_seconds, records.min_segments) == (None, 0)
