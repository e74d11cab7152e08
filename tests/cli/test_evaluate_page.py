"""The commands on the page about scores are ones that the parsers take."""

import importlib
import re
import shlex
from pathlib import Path

from resemul.cli import COMMANDS

PAGE = Path(__file__).parents[2] / "docs" / "evaluate.md"
SCRIPTS = {"train.py": "train", "eval.py": "eval"}


def commands():
    text = PAGE.read_text("utf-8")
    lines = [
        line
        for block in re.findall(r"```sh\n(.*?)```", text, re.S)
        for line in block.splitlines()
    ]
    lines += re.findall(r"`((?:resemul|python) [^`\n]+)`", text)
    for line in lines:
        program, name, *arguments = shlex.split(line)
        if program == "python" and name not in SCRIPTS:
            continue
        yield SCRIPTS.get(name, name), arguments


def test_every_command_on_the_page_can_be_given():
    found = list(commands())
    assert {name for name, _ in found} >= {"eval", "compare", "thresholds", "train"}
    for name, arguments in found:
        module = importlib.import_module(COMMANDS[name][0])
        module.build_parser().parse_args(arguments)
