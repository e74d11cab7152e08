"""What `-h` of every command, and of every step of one, has to say."""

import argparse
import importlib
import shlex

import pytest

from resemul.cli import COMMANDS


def below(parser, name):
    """A parser and those of its steps, each with its name."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for step, of_step in action.choices.items():
                yield from below(of_step, f"{name} {step}")


def parser_of(command):
    return importlib.import_module(COMMANDS[command].module).build_parser()


PARSERS = [found for name in COMMANDS for found in below(parser_of(name), name)]
each = pytest.mark.parametrize(
    ("name", "parser"), PARSERS, ids=[name for name, _ in PARSERS]
)


def examples_of(parser):
    text = parser.format_help().partition("\nexamples:\n")[2]
    return [line.strip() for line in text.splitlines() if line.startswith("  ")]


def shown_arguments(parser):
    return [
        action
        for action in parser._actions
        if action.help is not argparse.SUPPRESS
        and not isinstance(action, argparse._SubParsersAction)
    ]


@each
def test_help_has_two_examples(name, parser):
    assert len(examples_of(parser)) >= 2


@each
def test_examples_are_command_lines_that_can_be_parsed(name, parser):
    for line in examples_of(parser):
        program, *words = shlex.split(line.partition(" > ")[0])
        if program == "resemul":
            command, *options = words
            # Ends the process if anything is wrong.
            parser_of(command).parse_args(options)


@each
def test_every_argument_says_what_is_expected_and_what_it_does(name, parser):
    for action in shown_arguments(parser):
        what = action.option_strings or action.dest
        assert action.help, what
        takes_nothing = action.nargs == 0
        assert takes_nothing or action.metavar or action.choices, what
