"""Texts and JSON to the values of config fields."""

import dataclasses

import pytest

from resemul.configs import SampleCNNConfig, Stage, TrainConfig
from resemul.configs.values import fields_from_json, parse_field
from resemul.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("batch_size", "16", 16),
        ("lr", "1e-3", 0.001),
        ("momentum", "0", 0.0),
        ("crop", "random", "random"),
        ("freeze_body", "true", True),
        ("freeze_body", "No", False),
        ("patience", "3", 3),
        ("patience", "none", None),
        ("loss_scale", "None", None),
        ("loss_scale", "1024", 1024.0),
        (
            "stages",
            "adam:1e-4:80,sgd:0.001",
            (Stage("adam", 1e-4, 80), Stage("sgd", 0.001)),
        ),
        ("stages", "none", ()),
    ],
)
def test_parse_field_gives_the_value_of_a_text(name, text, value):
    parsed = parse_field(TrainConfig, name, text, "options")
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("batch_size", "1.5", "batch_size takes a whole number, got '1.5'"),
        ("batch_size", "none", "batch_size takes a whole number, got 'none'"),
        ("patience", "x", "patience takes a whole number or none, got 'x'"),
        ("lr", "fast", "lr takes a number, got 'fast'"),
        ("freeze_body", "maybe", "freeze_body takes true or false, got 'maybe'"),
        ("stages", "adam", "stages takes none or stages such as adam:0.0001:80"),
        ("stages", "adam:1:2:3", "stages takes none or stages such as adam:0.0001"),
        ("stages", "adam:0.1,", "stages takes none or stages such as adam:0.0001:80"),
        ("stages", "rms:0.1", "optimizer must be one of sgd, adam, got 'rms'"),
        ("stages", "adam:0.1:0", "max_epochs must be at least 1, got 0"),
    ],
)
def test_parse_field_says_what_the_field_takes(name, text, message):
    with pytest.raises(ConfigError, match=message):
        parse_field(TrainConfig, name, text, "options")


def test_parse_field_names_the_fields_there_are():
    with pytest.raises(ConfigError, match=r"fcn: no option 'heads'; there are .*block"):
        parse_field(SampleCNNConfig, "heads", "1", "fcn")


def test_fields_from_json_reads_what_json_wrote():
    config = TrainConfig(
        stages=(Stage("adam", 1e-4, 80), Stage("sgd", 0.001)),
        patience=None,
        loss_scale=2.0,
        freeze_body=True,
    )
    content = dataclasses.asdict(config)
    content["stages"] = [dataclasses.asdict(stage) for stage in config.stages]
    assert TrainConfig(**fields_from_json(TrainConfig, content, "a.json")) == config


def test_fields_from_json_takes_whole_numbers_for_numbers():
    [lr] = fields_from_json(TrainConfig, {"lr": 1}, "a.json").values()
    assert (lr, type(lr)) == (1.0, float)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"lr": "0.1"}, "a.json: lr takes a number, got '0.1'"),
        ({"lr": None}, "a.json: lr takes a number, got None"),
        ({"lr": True}, "a.json: lr takes a number, got True"),
        ({"batch_size": 8.0}, "a.json: batch_size takes a whole number, got 8.0"),
        ({"batch_size": True}, "a.json: batch_size takes a whole number, got True"),
        ({"freeze_body": 1}, "a.json: freeze_body takes true or false, got 1"),
        ({"crop": 1}, "a.json: crop takes a text, got 1"),
        ({"patience": "2"}, "a.json: patience takes a whole number or none, got '2'"),
        ({"speed": 1}, "a.json: no option 'speed'; there are batch_size, "),
        ({"stages": "adam:1"}, "a.json: stages takes none or stages"),
        ({"stages": ["adam"]}, "a.json: stages takes none or stages"),
        ({"stages": [{"optimizer": "adam"}]}, "a.json: stages: a stage has no lr"),
        ({"stages": [{}]}, "a.json: stages: a stage has no lr and no optimizer"),
        ({"stages": [{"optimizer": "sgd", "lr": "1"}]}, "a.json: stages: lr takes a"),
        (
            {"stages": [{"optimizer": "sgd", "lr": 1, "x": 1}]},
            "a.json: stages: no option 'x'; there are optimizer, lr, max_epochs",
        ),
    ],
)
def test_fields_from_json_says_what_is_wrong(content, message):
    with pytest.raises(ConfigError) as error:
        fields_from_json(TrainConfig, content, "a.json")
    assert str(error.value).startswith(message)
