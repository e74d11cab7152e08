"""Recipe, file and flags: what a training is made of."""

import argparse
import dataclasses
import json

import pytest

from resemul.cli import run
from resemul.cli.run_options import add_run_options, run_config
from resemul.configs import (
    MODEL_ENTRIES,
    RECIPES,
    Constant,
    InverseTime,
    OneCycle,
    Plateau,
    SampleCNNConfig,
    Stage,
    TrainConfig,
    Triangular,
)
from resemul.errors import ConfigError

# A value for each field, as text, that is not the default.
TEXTS = {
    "batch_size": "7",
    "steps_per_epoch": "7",
    "crop": "random",
    "optimizer": "adam",
    "lr": "0.5",
    "momentum": "0.5",
    "adam_epsilon": "0.5",
    "coupled_weight_decay": "0.5",
    "loss_scale": "2.0",
    "precision": "mixed_bfloat16",
    "patience": "none",
    "min_delta": "0.5",
    "monitor": "val_roc_auc",
    "lr_decay": "0.5",
    "num_lr_decays": "7",
    "max_epochs_per_stage": "7",
    "stages": "adam:0.5:7",
    "start_from": "best",
    "initial_stage": "1",
    "max_epochs": "7",
    "validation": "chunks",
    "num_chunks": "7",
    "num_read_threads": "7",
    "shuffle_buffer": "7",
    "seed": "7",
    "block": "res",
    "alpha": "7",
    "init_features": "7",
    "dropout": "0.25",
    "weight_decay": "0.5",
}
# By a flag of another name than the field.
FLAGS = {"max_epochs": "--epochs", "max_epochs_per_stage": "--epochs-per-stage"}


def config_of(*options, model=None):
    parser = argparse.ArgumentParser()
    add_run_options(parser)
    return run_config(parser.parse_args(options), model)


def write_json(path, content):
    path.write_text(json.dumps(content))
    return str(path)


def names_of(config_class):
    return [field.name for field in dataclasses.fields(config_class)]


@pytest.mark.parametrize("name", names_of(TrainConfig))
def test_every_training_option_has_a_flag(name):
    if name == "schedule":
        assert config_of("--lr-schedule", "constant").training.schedule == Constant()
        return
    flag = FLAGS.get(name, "--" + name.replace("_", "-"))
    if name in ("freeze_body", "sync_batch_norm"):
        assert getattr(config_of(flag).training, name) is True
        return
    found = getattr(config_of(flag, TEXTS[name]).training, name)
    assert found != getattr(TrainConfig, name)
    if name == "stages":
        assert found == (Stage("adam", 0.5, 7),)
    else:
        assert str(found).lower() == TEXTS[name]


@pytest.mark.parametrize(
    ("options", "schedule"),
    [
        (["--lr-time-decay", "0.5"], InverseTime(time_decay=0.5)),
        (["--plateau-monitor", "val_pr_auc"], Plateau(monitor="val_pr_auc")),
        (["--plateau-patience", "7"], Plateau(patience=7)),
        (["--plateau-factor", "0.5"], Plateau(factor=0.5)),
        (["--plateau-min-delta", "0.5"], Plateau(min_delta=0.5)),
        (["--plateau-min-lr", "0.5"], Plateau(min_lr=0.5)),
        (["--cycle-ratio", "7"], Triangular(ratio=7.0)),
        (["--cycle-epochs", "0.5"], Triangular(epochs=0.5)),
        (["--cycle-ratio", "7", "--epochs-per-stage", "2"], OneCycle(ratio=7.0)),
    ],
)
def test_every_option_of_a_schedule_has_a_flag(options, schedule):
    config = config_of("--lr-schedule", schedule.name, *options)
    assert config.training.schedule == schedule


def test_option_of_a_schedule_changes_that_of_the_recipe():
    config = config_of("--recipe", "adam_early_stopping", "--plateau-patience", "7")
    expected = dataclasses.replace(RECIPES["adam_early_stopping"].schedule, patience=7)
    assert config.training.schedule == expected
    config = config_of("--recipe", "adam_early_stopping", "--lr-schedule", "plateau")
    assert config.training == RECIPES["adam_early_stopping"]


@pytest.mark.parametrize("name", names_of(SampleCNNConfig))
def test_every_option_of_the_default_model_has_a_flag(name):
    if name in ("mix", "resampler"):
        text = {"mix": "mean", "resampler": "swr-long"}[name]
        assert config_of("--option", f"{name}={text}").model_options == {name: text}
    elif name in ("sample_rate", "num_samples"):
        # Follow from the records; other values by --option.
        config = config_of("--option", f"{name}=60000")
        assert config.model_options == {name: 60_000}
    elif name == "multi":
        assert config_of("--no-multi").model_options == {"multi": False}
    else:
        options = config_of(f"--{name.replace('_', '-')}", TEXTS[name]).model_options
        assert {key: str(value) for key, value in options.items()} == {
            name: TEXTS[name]
        }


@pytest.mark.parametrize("model", MODEL_ENTRIES)
def test_model_brings_its_recipe(model):
    config = config_of("--model", model)
    assert (config.model, config.model_options) == (model, {})
    assert config.training == RECIPES[MODEL_ENTRIES[model].recipe]


def test_flags_go_before_the_file_and_the_file_before_the_recipe(tmp_path):
    content = {
        "model": "fcn5",
        "recipe": "sgd_plateau",
        "model_options": {"channels": 8, "num_bands": 128},
        "training": {"batch_size": 3, "seed": 5},
    }
    options = ["--config", write_json(tmp_path / "a.json", content)]
    config = config_of(*options, "--seed", "6", "--option", "channels=2")
    assert config.model == "fcn5"
    assert config.model_options == {"channels": 2, "num_bands": 128}
    assert (config.training.batch_size, config.training.seed) == (3, 6)
    assert config.training.schedule.name == "plateau"
    config = config_of(*options, "--recipe", "adam_l2")
    assert config.training == dataclasses.replace(
        RECIPES["adam_l2"], batch_size=3, seed=5
    )


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--model", "fcn4"],
        ["--model", "fcn5", "--option", "num_bands=128", "--batch-size", "4"],
        ["--no-multi", "--block", "res", "--recipe", "sgd_plateau", "--patience", "9"],
        ["--stages", "adam:0.1:3,sgd:0.5"],
    ],
)
def test_saved_file_gives_the_same_run(tmp_path, options):
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    assert run(["train", *options, "--save-config", str(first)]) == 0
    saved = ["--config", str(first)]
    assert run(["train", *saved, "--save-config", str(second)]) == 0
    assert first.read_text() == second.read_text()
    asked, found = config_of(*options), config_of(*saved)
    assert (found.model, found.training) == (asked.model, asked.training)
    assert asked.model_options.items() <= found.model_options.items()
    assert config_of("--config", str(second)) == found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epochs": 3}, "there is no 'epochs', only model, recipe"),
        ({"model": "fcn6"}, "model must be one of sample_cnn, "),
        ({"recipe": "luck"}, "recipe must be one of staged_sgd, "),
        ({"training": {"epochs": 3}}, "no option 'epochs'; there are batch_size, "),
        ({"training": {"lr": "high"}}, "lr takes a number, got 'high'"),
        ({"training": {"lr": -1}}, "lr must be above 0, got -1.0"),
        ({"training": {"stages": [{"lr": 1}]}}, "a stage has no optimizer"),
        ({"model_options": {"heads": 2}}, "sample_cnn: no option 'heads'; there are "),
        ({"model": "fcn5", "training": {"lr": 1}}, "lr would have no effect, as the"),
        ([], "is not an object of model, recipe, model_options, training"),
    ],
)
def test_file_that_cannot_work_is_one_line(tmp_path, capsys, content, message):
    path = write_json(tmp_path / "a.json", content)
    assert run(["train", "--config", path]) == 1
    err = capsys.readouterr().err
    assert err.startswith("resemul train: error: ")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "a.json cannot be read: No such"), ("x", "is not JSON")],
)
def test_file_that_cannot_be_read_is_one_line(tmp_path, capsys, text, message):
    if text:
        (tmp_path / "a.json").write_text(text)
    assert run(["train", "--config", str(tmp_path / "a.json")]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_file_with_the_flat_fields_of_before_is_read(tmp_path):
    path = write_json(tmp_path / "a.json", {"training": {"lr_time_decay": 0.5}})
    assert config_of("--config", path).training.schedule == InverseTime(time_decay=0.5)
    content = {"recipe": "adam_early_stopping", "training": {"plateau_patience": 5}}
    path = write_json(tmp_path / "a.json", content)
    assert config_of("--config", path).training.schedule == dataclasses.replace(
        RECIPES["adam_early_stopping"].schedule, patience=5
    )


def test_file_of_another_model_than_asked_for_is_refused(tmp_path):
    path = write_json(tmp_path / "a.json", {"model": "fcn5"})
    with pytest.raises(ConfigError, match=r"a\.json is of model fcn5; drop --model"):
        config_of("--config", path, "--model", "fcn4")
    assert config_of("--config", path, "--model", "fcn5").model == "fcn5"


def test_another_model_than_that_of_the_weights_is_refused(tmp_path):
    message = "--init-from is a fcn5, --model or --config a fcn4"
    with pytest.raises(ConfigError, match=message):
        config_of("--model", "fcn4", model="fcn5")
    path = write_json(tmp_path / "a.json", {"model": "fcn4"})
    with pytest.raises(ConfigError, match=message):
        config_of("--config", path, model="fcn5")
    assert config_of(model="fcn5").training == RECIPES["adam_then_sgd"]


def test_recipe_beside_a_file_of_every_option_is_refused(tmp_path):
    path = tmp_path / "a.json"
    assert run(["train", "--save-config", str(path)]) == 0
    with pytest.raises(ConfigError, match="--recipe would have no effect"):
        config_of("--config", str(path), "--recipe", "adam_l2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "fcn5", "--lr", "0.1"], "options: lr would have no effect"),
        (["--stages", "adam:0.1", "--lr", "0.1"], "options: lr would have no effect"),
        (["--model", "fcn5", "--no-multi"], "model fcn5: no option 'multi'; there are"),
        (["--option", "heads=2"], "model sample_cnn: no option 'heads'"),
        (["--option", "heads"], "--option takes NAME=VALUE, got 'heads'"),
        (["--batch-size", "many"], "--batch-size takes a whole number, got 'many'"),
        (["--lr", "-1"], "--lr must be above 0, got -1"),
        (["--momentum", "1e0"], "--momentum must be at least 0 and below 1, got 1e0"),
        (
            ["--crop", "end"],
            "--crop must be one of segments, random, centre, got 'end'",
        ),
        (["--alpha", "0"], "--alpha must be at least 1, got 0"),
        (["--option", "alpha=0"], "--option alpha must be at least 1, got 0"),
        (["--stages", "rms:0.1"], "--stages: optimizer must be one of sgd, adam, got"),
        (["--initial-stage", "9"], "--initial-stage must be 0 to 4 (there are 5"),
        (["--recipe", "adam_one_cycle", "--epochs", "5"], "--epochs 5 would cut off"),
        (["--precision", "mixed_float16"], "mixed_float16 needs a --loss-scale, such"),
    ],
)
def test_flags_that_cannot_work_are_refused(options, message):
    with pytest.raises(ConfigError) as error:
        config_of(*options)
    assert str(error.value).startswith(message)


def test_stages_none_makes_way_for_a_rate():
    options = ["--model", "fcn5", "--stages", "none", "--lr", "0.1"]
    config = config_of(*options, "--num-lr-decays", "1")
    assert config.training.plan() == (Stage("sgd", 0.1),)
