"""Fields with help and bounds: what is checked, in which words."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import pytest

from resemul.configs.fields import (
    OptionError,
    check_options,
    kinds_of,
    option,
    options_of,
)
from resemul.configs.values import fields_from_json, parse_field
from resemul.errors import ConfigError


@dataclass(frozen=True)
class Oven:
    """A config with a field of each kind."""

    degrees: int = option(180, help="of the oven", minimum=50, maximum=300)
    hours: float = option(1.5, help="how long", above=0, below=24)
    kind: str = option("cake", help="what is in it", choices=("cake", "bread"))
    has_light: bool = option(False, help="whether one sees it")
    trays: tuple[int, ...] = option((1, 2), help="heights of the trays", minimum=1)
    limit: int | None = option(None, help="none: without", minimum=1)
    recipe: Path | None = None

    def __post_init__(self):
        check_options(self)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"degrees": 49}, "degrees must be at least 50 and at most 300, got 49"),
        ({"degrees": 301}, "degrees must be at least 50 and at most 300, got 301"),
        ({"degrees": 100.0}, "degrees takes a whole number, got 100.0"),
        ({"degrees": True}, "degrees takes a whole number, got True"),
        ({"degrees": None}, "degrees takes a whole number, got None"),
        ({"hours": 0}, "hours must be above 0 and below 24, got 0"),
        ({"hours": float("nan")}, "hours must be above 0 and below 24, got nan"),
        ({"hours": "2"}, "hours takes a number, got '2'"),
        ({"kind": "stew"}, "kind must be one of cake, bread, got 'stew'"),
        ({"has_light": 1}, "has_light takes true or false, got 1"),
        ({"trays": [1]}, "trays takes whole numbers, separated by commas, got [1]"),
        ({"trays": (1, 0)}, "trays must be at least 1, got (1, 0)"),
        ({"trays": (1, "2")}, "trays takes whole numbers, separated by commas, got"),
        ({"limit": 0}, "limit must be at least 1, got 0"),
        ({"limit": "x"}, "limit takes a whole number or none, got 'x'"),
        ({"recipe": 3}, "recipe takes a path or none, got 3"),
    ],
)
def test_values_out_of_bounds_or_of_another_type_are_named(values, message):
    with pytest.raises(ConfigError) as error:
        Oven(**values)
    assert str(error.value).startswith(message)


def test_bounds_themselves_may_be_reached_where_they_are_included():
    assert Oven(degrees=50).degrees == 50
    assert Oven(degrees=300, hours=3, trays=(), limit=1).trays == ()


def test_number_that_is_not_finite_is_refused_without_bounds_too():
    config = dataclasses.make_dataclass("Free", [("rate", float, option(help="any"))])
    with pytest.raises(ConfigError, match="rate must be a finite number, got inf"):
        check_options(config(float("inf")))


def test_fields_tell_help_type_and_default():
    assert options_of(Oven)["degrees"].help == "of the oven"
    assert options_of(Oven)["recipe"].help == ""
    assert Oven().trays == (1, 2)
    words = {name: kind.describe() for name, kind in kinds_of(Oven).items()}
    assert words["trays"] == "whole numbers, separated by commas"
    assert words["limit"] == "a whole number or none"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("trays", "3", (3,)),
        ("trays", "3,4,5", (3, 4, 5)),
        ("trays", "none", ()),
        ("recipe", "a/b", Path("a/b")),
        ("recipe", "none", None),
    ],
)
def test_texts_of_tuples_and_paths_are_read(name, text, value):
    assert parse_field(Oven, name, text, "options") == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("trays", "3,x", "--it takes whole numbers, separated by commas, got '3,x'"),
        ("trays", "3,0", "--it must be at least 1, got 3,0"),
        ("degrees", "0400", "--it must be at least 50 and at most 300, got 0400"),
        ("kind", "stew", "--it must be one of cake, bread, got 'stew'"),
    ],
)
def test_errors_of_texts_are_in_the_words_that_were_typed(name, text, message):
    with pytest.raises(ConfigError) as error:
        parse_field(Oven, name, text, "options", "--it")
    assert str(error.value) == message


def test_json_of_tuples_and_paths_is_read_and_bounds_name_the_file():
    content = {"trays": [4, 5], "recipe": "a"}
    assert fields_from_json(Oven, content, "a.json") == {
        "trays": (4, 5),
        "recipe": Path("a"),
    }
    with pytest.raises(ConfigError, match=r"^a\.json: degrees must be at least 50"):
        fields_from_json(Oven, {"degrees": 0}, "a.json")


def test_error_of_options_that_do_not_go_together_takes_other_names():
    error = OptionError("<max_epochs> 5 is less than <patience>")
    assert str(error) == "max_epochs 5 is less than patience"
    assert error.with_names({"max_epochs": "--epochs"}) == (
        "--epochs 5 is less than patience"
    )
