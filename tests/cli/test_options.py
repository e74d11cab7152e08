"""Flags that are made of the fields of a config."""

import argparse
from dataclasses import dataclass

import pytest

from resemul.cli.options import add_fields, fields_given
from resemul.cli.parser import new_parser
from resemul.configs.fields import option
from resemul.errors import ConfigError


@dataclass(frozen=True)
class Oven:
    """A config with a field of each kind."""

    degrees: int = option(180, help="of the oven", minimum=50)
    kind: str = option("cake", help="what is in it", choices=("cake", "bread"))
    has_light: bool = option(False, help="show it")
    has_fan: bool = option(True, help="use the fan")
    trays: tuple[int, ...] = option((), help="heights of the trays")
    max_hours: float | None = option(None, help="at most", above=0, flag="--hours")
    seed: int = option(0, help="of chance")


@dataclass(frozen=True)
class Shop:
    """Another config, with a field of the same name."""

    seed: int = option(1, help="of the shop")


def given(*arguments, **options):
    parser = argparse.ArgumentParser()
    add_fields(parser, Oven, **options)
    return fields_given(parser.parse_args(arguments), Oven)


def test_only_flags_that_were_given_are_there():
    assert given() == {}
    assert given("--degrees", "60", "--has-light", "--no-has-fan") == {
        "degrees": 60,
        "has_light": True,
        "has_fan": False,
    }
    assert given("--trays", "1,2", "--hours", "2") == {
        "trays": (1, 2),
        "max_hours": 2.0,
    }


def test_field_can_have_another_flag_and_be_left_out():
    assert given("--heat", "60", flags={"degrees": "--heat"}) == {"degrees": 60}
    with pytest.raises(SystemExit):
        given("--kind", "bread", names=["degrees"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--degrees", "9"], "--degrees must be at least 50, got 9"),
        (["--hours", "-1"], "--hours must be above 0, got -1"),
        (["--hours", "x"], "--hours takes a number or none, got 'x'"),
        (["--kind", "stew"], "--kind must be one of cake, bread, got 'stew'"),
    ],
)
def test_errors_are_in_the_words_that_were_typed(arguments, message):
    with pytest.raises(ConfigError) as error:
        given(*arguments)
    assert str(error.value) == message


def test_two_configs_of_one_parser_may_have_fields_of_one_name():
    parser = argparse.ArgumentParser()
    add_fields(parser, Oven)
    add_fields(parser, Shop, flags={"seed": "--shop-seed"})
    args = parser.parse_args(["--seed", "3", "--shop-seed", "4"])
    assert fields_given(args, Oven) == {"seed": 3}
    assert fields_given(args, Shop) == {"seed": 4}


def test_help_says_what_is_expected_and_the_default():
    parser = new_parser("Bakes.")
    add_fields(parser, Oven, prefix="oven: ")
    lines = [" ".join(line.split()) for line in parser.format_help().split("\n")]
    assert "--degrees N oven: of the oven (180)" in lines
    assert "--kind cake|bread oven: what is in it (cake)" in lines
    assert "--has-light oven: show it" in lines
    assert "--no-has-fan oven: do not use the fan" in lines
    assert "--trays N,... oven: heights of the trays" in lines
    assert "--hours NUMBER|none oven: at most" in " ".join(lines)
    assert "--seed N oven: of chance (0)" in lines
