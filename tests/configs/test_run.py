"""Runs: a model's recipe, what a file changes, and files of both."""

import json

import pytest

from resemul.configs import (
    MODEL_ENTRIES,
    RECIPES,
    OneCycle,
    Plateau,
    RunConfig,
    Stage,
    TrainConfig,
    change_run,
    make_run,
    read_run,
    write_run,
)
from resemul.errors import ConfigError


@pytest.mark.parametrize("model", MODEL_ENTRIES)
def test_make_run_takes_the_recipe_of_the_model(model):
    recipe = RECIPES[MODEL_ENTRIES[model].recipe]
    assert make_run(model) == RunConfig(model, {}, recipe)


def test_make_run_changes_single_fields_of_the_named_recipe():
    run = make_run("fcn5", "adam_l2", {"channels": 2}, {"batch_size": 4})
    assert run.model_options == {"channels": 2}
    assert run.training.batch_size == 4
    assert run.training.monitor == "val_roc_auc"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "fcn6"}, "configuration: model must be one of sample_cnn, .*'fcn6'"),
        ({"recipe": "luck"}, "configuration: recipe must be one of .*, got 'luck'"),
        ({"model_options": {"x": 1}}, "configuration, sample_cnn: no option 'x'"),
        ({"model_options": {"alpha": 0}}, "alpha must be at least 1, got 0"),
        ({"training": {"lr": -1}}, "lr must be above 0, got -1.0"),
    ],
)
def test_make_run_says_what_cannot_work(arguments, message):
    with pytest.raises(ConfigError, match=message):
        make_run(**arguments)


@pytest.mark.parametrize(
    "name", ["optimizer", "lr", "lr_decay", "num_lr_decays", "max_epochs_per_stage"]
)
def test_rates_are_refused_where_the_recipe_lists_its_stages(name):
    value = {"optimizer": "sgd", "num_lr_decays": 2, "max_epochs_per_stage": 2}
    with pytest.raises(ConfigError) as error:
        make_run("fcn5", training={name: value.get(name, 0.1)}, where="a.json")
    assert str(error.value) == (
        f"a.json: {name} would have no effect, as the stages are listed; change "
        "these: stages adam:0.0001:80,sgd:0.001:20,sgd:0.0001:20,sgd:1e-05:80"
    )


def test_change_run_refuses_a_rate_beside_stages_that_it_gives():
    changes = {"stages": (Stage("adam", 0.1),), "lr": 0.5}
    with pytest.raises(ConfigError, match="options: lr would have no effect"):
        change_run(make_run(), {}, changes, "options")


def test_change_run_without_stages_takes_the_rate():
    changes = {"stages": (), "lr": 0.5}
    assert change_run(make_run("fcn5"), {}, changes, "options").training.lr == 0.5


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("model", ["sample_cnn", "fcn5"])
def test_run_of_a_written_file_is_the_one_written(tmp_path, model, recipe):
    run = make_run(model, recipe, {"dropout": 0.25}, {"batch_size": 3, "seed": 7})
    write_run(run, tmp_path / "a.json")
    again = make_run(**read_run(tmp_path / "a.json"))
    assert (again.model, again.training) == (run.model, run.training)
    write_run(again, tmp_path / "b.json")
    assert (tmp_path / "b.json").read_text() == (tmp_path / "a.json").read_text()


def test_written_file_holds_every_option_but_the_rate_of_the_records(tmp_path):
    write_run(make_run(), tmp_path / "a.json")
    options = read_run(tmp_path / "a.json")["model_options"]
    assert options == {
        "num_samples": 59_049,
        "block": "se",
        "multi": True,
        "alpha": 16,
        "init_features": 128,
        "dropout": 0.5,
        "weight_decay": 0.0,
    }
    write_run(make_run(model_options={"sample_rate": 16_000}), tmp_path / "a.json")
    options = read_run(tmp_path / "a.json")["model_options"]
    assert options["sample_rate"] == 16_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "a.json is not JSON: "),
        ("\udcff", "a.json is not JSON: "),
        ("[]", "a.json is not an object of model, recipe, model_options, training"),
        ('{"epochs": 3}', "a.json: there is no 'epochs', only model, recipe, "),
        ('{"epochs": null}', "a.json: there is no 'epochs', only model, recipe, "),
        ('{"model": 3}', "a.json: model takes a text, got 3"),
        ('{"recipe": null}', "a.json: recipe takes a text, got None"),
        ('{"training": []}', "a.json: training takes an object, got []"),
    ],
)
def test_read_run_says_what_is_wrong_in_one_line(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as error:
        read_run(path)
    assert str(error.value).startswith(f"{tmp_path}/{message}")
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read_or_written_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no\.json cannot be read: No such file"):
        read_run(tmp_path / "no.json")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_run(tmp_path)
    with pytest.raises(ConfigError, match=r"a\.json cannot be written: No such file"):
        write_run(make_run(), tmp_path / "no" / "a.json")


def test_part_of_a_file_is_enough(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"training": {"lr": 0.5}}))
    run = make_run(**read_run(tmp_path / "a.json"))
    assert run == RunConfig(training=TrainConfig(lr=0.5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": OneCycle()}, "how long a stage is: set max_epochs_per_stage"),
        (
            {"schedule": OneCycle(), "max_epochs_per_stage": 9, "max_epochs": 44},
            "max_epochs 44 would cut off one_cycle, which falls until epoch 45",
        ),
        ({"precision": "mixed_float16"}, "mixed_float16 needs a loss_scale, such as"),
        ({"momentum": 1.0}, "momentum must be at least 0 and below 1, got 1.0"),
        ({"loss_scale": 0.0}, "loss_scale must be above 0, got 0.0"),
        ({"patience": -1}, "patience must be at least 0, got -1"),
        ({"crop": "end"}, "crop must be one of segments, random, centre, got 'end'"),
        ({"lr": float("nan")}, "lr must be above 0, got nan"),
        (
            {"stages": (Stage("adam", 0.1),), "initial_stage": 1},
            r"initial_stage must be 0 to 0 \(there are 1 stages\), got 1",
        ),
    ],
)
def test_training_options_that_cannot_work_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        TrainConfig(**options)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (lambda: Plateau(factor=1.0), "factor must be above 0 and below 1, got 1.0"),
        (lambda: OneCycle(ratio=0.5), "ratio must be at least 1, got 0.5"),
    ],
)
def test_options_of_schedules_that_cannot_work_are_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        config()


def test_plan_is_the_listed_stages_or_follows_from_the_rates():
    stages = (Stage("adam", 0.1, 3), Stage("sgd", 0.01))
    assert TrainConfig(stages=stages).plan() == stages
    plan = TrainConfig(
        optimizer="adam", lr=0.08, lr_decay=0.5, num_lr_decays=3, max_epochs_per_stage=4
    ).plan()
    assert plan == (
        Stage("adam", 0.08, 4),
        Stage("adam", 0.04, 4),
        Stage("adam", 0.02, 4),
    )
