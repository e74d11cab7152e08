"""`resemul completion`: a script by which a shell completes commands and options."""

import argparse
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from resemul.cli.parser import new_parser
from resemul.configs import MODEL_ENTRIES

SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")
# As metavars say it.
_FILE, _FOLDER, _MODEL = re.compile("FILE|PATH|OUT"), "DIR", "NAME"
_CHOICES = re.compile(r"[a-z][\w-]*(\|[a-z][\w-]*)+")


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul completion`."""
    parser = new_parser(
        "Prints a script for a shell, which then completes commands, options and their "
        "choices, and files. It does not start this program, so it has to be made anew "
        "after an upgrade.",
        examples=[
            "resemul completion bash > ~/.local/share/bash-completion/completions/"
            "resemul",
            "resemul completion fish > ~/.config/fish/completions/resemul.fish",
        ],
    )
    parser.add_argument("shell", choices=SHELLS, help="which shell you use")
    return parser


def main(args: argparse.Namespace) -> None:
    """Prints the script."""
    import shtab

    parser = whole_parser()
    for action in _actions(parser):
        words = action.metavar if isinstance(action.metavar, str) else ""
        if "--model" in action.option_strings and words == _MODEL:
            action.choices = list(MODEL_ENTRIES)
        elif action.choices is None and _CHOICES.fullmatch(words):
            action.choices = words.split("|")
        elif action.choices is None and words == _FOLDER:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.choices is None and (action.type is Path or _FILE.search(words)):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, args.shell))


def whole_parser() -> argparse.ArgumentParser:
    """One parser with every command below it."""
    from resemul.cli import COMMANDS

    parser = argparse.ArgumentParser(prog="resemul")
    parser.add_argument("--version", action="version", version="")
    commands = parser.add_subparsers()
    for name, command in COMMANDS.items():
        own = importlib.import_module(command.module).build_parser()
        commands.add_parser(
            name, help=command.summary, parents=[own], add_help=False, description=""
        )
    return parser


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All arguments, also those of the commands below."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)
        else:
            yield action
