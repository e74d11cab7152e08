"""`resemul msd config`: the JSON by which the original was trained."""

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

from resemul.cli.stages import Stages, add_stage, writing
from resemul.configs.msd import (
    LAYOUTS,
    MsdSettings,
    change_settings,
    format_settings,
    read_settings,
)
from resemul.configs.msd_run import (
    FRONT_ENDS,
    as_run,
    build_options,
    read_options,
)
from resemul.errors import ConfigError, OutputExistsError

_OURS = "resemul"
_LISTS = ("with", "without")


def add_config(stages: Stages) -> None:
    """Adds the stage."""
    stage = add_stage(
        stages,
        "config",
        "write or translate the JSON of a training",
        "Settings are those of the original, in the layout of 2019 (groups) or of its "
        "last version, or in that of 'resemul train --config', for which the front "
        "end has to be named.",
        "msd config config.json top=50 without=rap learning_rate=0.0005",
        "msd config ours.json --from theirs.json --as resemul",
    )
    stage.add_argument(
        "output",
        type=Path,
        metavar="OUT",
        help="file to write; in a folder, without .json, it is called config.json",
    )
    stage.add_argument(
        "values", nargs="*", metavar="NAME=VALUE", help="settings that differ"
    )
    stage.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FILE",
        help="settings to begin with, in any layout of the original",
    )
    stage.add_argument(
        "--as",
        dest="layout",
        default=LAYOUTS[0],
        choices=(*LAYOUTS, _OURS),
        help="layout to write",
    )
    stage.add_argument(
        "--front-end", choices=tuple(FRONT_ENDS), help=f"of the model, for --as {_OURS}"
    )
    stage.set_defaults(run=write_config)


def write_config(args: argparse.Namespace) -> None:
    """Writes the file, and says how to build and train by it."""

    settings = read_settings(args.source) if args.source else MsdSettings()
    settings = change_settings(settings, dict(map(_parse, args.values)), "options")
    if args.layout == _OURS:
        if args.front_end is None:
            raise ConfigError(f"--as {_OURS} needs --front-end {'|'.join(FRONT_ENDS)}")
        text = json.dumps(as_run(settings, args.front_end), indent=1) + "\n"
    else:
        text = format_settings(settings, args.layout)
    output = args.output
    if output.suffix != ".json":
        output = output / "config.json"
    if output.exists():
        raise OutputExistsError(
            f"{output} exists and is not overwritten; remove it or give another name"
        )
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with writing(output) as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}") from error
    print(output)
    print(f"build:  resemul build {shlex.join(build_options(settings))} ...")
    if args.layout == _OURS:
        print(f"train:  resemul train --config {shlex.quote(str(output))} ...")
        # Our own layout says neither tags nor files.
        print(f"        with, on whole tracks, {shlex.join(read_options(settings))}")


def _parse(text: str) -> tuple[str, Any]:
    """Reads NAME=VALUE; the value is JSON, or a text, or, of lists, texts by commas."""
    name, separator, value = text.partition("=")
    if not separator:
        raise ConfigError(f"settings are NAME=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        pass
    if name == "split":
        return name, [_number(part) for part in value.split(",")]
    if name == "merge":
        return name, [value.split(",")]
    return name, value.split(",") if name in _LISTS else value


def _number(text: str) -> Any:
    """The number that a text is, or else the text, of which the settings complain."""
    try:
        return json.loads(text)
    except ValueError:
        return text
