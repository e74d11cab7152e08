"""Options that say which model to train, and how: a recipe, a file, single fields."""

import argparse
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from resemul.cli.options import add_fields, fields_given, flags_of, in_typed_words
from resemul.configs import (
    DEFAULT_MODEL,
    MODEL_ENTRIES,
    RECIPES,
    SCHEDULES,
    RunConfig,
    SampleCNNConfig,
    Schedule,
    TrainConfig,
    change_run,
    make_run,
    model_entry,
    read_run,
)
from resemul.configs.msd import is_settings_file, read_settings
from resemul.configs.msd_run import FRONT_ENDS, as_run
from resemul.configs.values import parse_field
from resemul.errors import ConfigError

# Of the default model, those with a flag of their own; the others by --option.
_MODEL_FIELDS = ("block", "alpha", "init_features", "dropout", "weight_decay", "multi")

# The field with which a part of the help begins, and its heading.
_HEADINGS = {
    "batch_size": "steps",
    "schedule": "learning rate",
    "patience": "schedule",
    "monitor": "validation",
}


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--model`, `--recipe`, `--config`, and a flag for every field."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "--model",
        metavar="NAME",
        help=f"what to train, by its own recipe: {', '.join(MODEL_ENTRIES)}, or your "
        f"own as module:function (default: {DEFAULT_MODEL})",
    )
    add_fields(group, SampleCNNConfig, _MODEL_FIELDS, prefix=f"{DEFAULT_MODEL}: ")
    group.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other option of the model; an unknown name lists them",
    )
    group = parser.add_argument_group("recipe")
    group.add_argument("--recipe", choices=RECIPES, help="another than the model's")
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="JSON with model, model_options and training; options given here too go "
        "before it",
    )
    group.add_argument(
        "--save-config",
        type=Path,
        metavar="FILE",
        help="write such a file, with every option, and train nothing",
    )
    for field in fields(TrainConfig):
        if field.name in _HEADINGS:
            group = parser.add_argument_group(_HEADINGS[field.name])
        if field.name == "schedule":
            _add_schedules(group)
        else:
            add_fields(group, TrainConfig, [field.name])


def _add_schedules(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--lr-schedule",
        choices=SCHEDULES,
        help="how the rate changes within a stage (inverse_time)",
    )
    users: dict[str, list[str]] = {}
    for name, schedule in SCHEDULES.items():
        for flag in flags_of(schedule).values():
            users.setdefault(flag, []).append(name)
    for schedule in SCHEDULES.values():
        for field, flag in flags_of(schedule).items():
            if names := users.pop(flag, []):
                add_fields(group, schedule, [field], prefix=f"{', '.join(names)}: ")


def run_config(args: argparse.Namespace, model: str | None = None) -> RunConfig:
    """The run that the parsed options ask for.

    Args:
        args: parsed by a parser with `add_run_options`.
        model: the only one that may be asked for.

    Raises:
        ConfigError: an option has a value that cannot work, or no effect.
    """
    content = _read_config(args, model) if args.config else {}
    asked = args.model or content.get("model")
    if model and asked and asked != model:
        raise ConfigError(f"--init-from is a {model}, --model or --config a {asked}")
    if args.config and args.model and content.get("model", args.model) != args.model:
        raise ConfigError(f"{args.config} is of model {content['model']}; drop --model")
    content["model"] = model or asked or DEFAULT_MODEL
    if args.recipe:
        if content.get("training", {}).keys() >= {f.name for f in fields(TrainConfig)}:
            raise ConfigError(
                f"--recipe would have no effect, as {args.config} lists every option"
            )
        content["recipe"] = args.recipe
    where = str(args.config) if args.config else "options"
    run = make_run(**content, where=where)
    training = fields_given(args, TrainConfig)
    schedule = _given_schedule(args, run.training.schedule)
    if schedule != run.training.schedule:
        training["schedule"] = schedule
    with in_typed_words(TrainConfig):
        return change_run(
            run, _given_model_options(args, run.model), training, "options"
        )


def _read_config(args: argparse.Namespace, model: str | None) -> dict[str, Any]:
    """What the file says, ours or one of the Million Song Dataset system."""
    if not is_settings_file(args.config):
        return read_run(args.config)
    # Such a file does not say for which of the two models it is.
    asked = args.model or model
    front_ends = {ours: theirs for theirs, ours in FRONT_ENDS.items()}
    if asked not in front_ends:
        raise ConfigError(
            f"{args.config} is for {' or '.join(front_ends)}: say which as --model"
        )
    return as_run(read_settings(args.config), front_ends[asked])


def _given_schedule(args: argparse.Namespace, schedule: Schedule) -> Schedule:
    """The schedule that the flags make of the recipe's."""
    name = args.lr_schedule or schedule.name
    if name != schedule.name:
        schedule = SCHEDULES[name]()
    for other in SCHEDULES.values():
        flags = flags_of(other)
        for field in fields_given(args, other):
            if flags[field] not in flags_of(type(schedule)).values():
                raise ConfigError(
                    f"{flags[field]} would have no effect, as the schedule is {name}"
                )
    return replace(schedule, **fields_given(args, type(schedule)))


def _given_model_options(args: argparse.Namespace, model: str) -> dict[str, Any]:
    config_class, where = model_entry(model).config, f"model {model}"
    given = fields_given(args, SampleCNNConfig, config_class, where)
    for pair in args.option:
        name, separator, text = pair.partition("=")
        if not separator:
            raise ConfigError(f"--option takes NAME=VALUE, got {pair!r}")
        shown = f"--option {name}"
        given[name] = parse_field(config_class, name, text, where, shown)
    return given
