"""Options that say which model to train, and how: a recipe, a file, single fields."""

import argparse
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from resemul.configs import (
    BLOCK_NAMES,
    DEFAULT_MODEL,
    MODEL_CONFIGS,
    RECIPES,
    RunConfig,
    SampleCNNConfig,
    TrainConfig,
    change_run,
    make_run,
    read_run,
)
from resemul.configs.values import parse_field
from resemul.errors import ConfigError

# Flag, name in SampleCNNConfig, help. Other models have some of them, too.
_MODEL_OPTIONS: list[tuple[str, str, str]] = [
    ("--block", "block", f"kind: {', '.join(BLOCK_NAMES)}"),
    ("--alpha", "alpha", "amplifying ratio of the excitations"),
    (
        "--init-features",
        "init_features",
        "channels of the first blocks; fewer make a smaller, faster model",
    ),
    ("--dropout", "dropout", "before the last layer"),
    (
        "--weight-decay",
        "weight_decay",
        "L2 penalty on the kernels of the convolutions",
    ),
]

# Heading, then flag, name in TrainConfig, help.
_TRAINING_OPTIONS: dict[str, list[tuple[str, str, str]]] = {
    "steps": [
        ("--batch-size", "batch_size", "segments in a batch"),
        (
            "--steps-per-epoch",
            "steps_per_epoch",
            "batches in an epoch; none is one pass over the records",
        ),
        (
            "--crop",
            "crop",
            "of records longer than the model's input: segments (all, one after the "
            "other), random (one per record and epoch), centre",
        ),
        ("--optimizer", "optimizer", "sgd (with Nesterov's correction) or adam"),
        ("--lr", "lr", "learning rate of stage 0"),
        ("--momentum", "momentum", "of SGD"),
        ("--adam-epsilon", "adam_epsilon", "of Adam"),
        (
            "--coupled-weight-decay",
            "coupled_weight_decay",
            "PyTorch's weight decay: this times each weight is added to its gradient",
        ),
        ("--loss-scale", "loss_scale", "factor on the loss, taken off the gradients"),
        (
            "--precision",
            "precision",
            "of the steps: float32, mixed_bfloat16, mixed_float16, or auto, by what "
            "the machine does fast",
        ),
        (
            "--freeze-body",
            "freeze_body",
            "train the last layer only, with --init-from",
        ),
        ("--num-read-threads", "num_read_threads", "shards read at a time"),
        (
            "--shuffle-buffer",
            "shuffle_buffer",
            "segments to draw batches from, 236 kB of memory each",
        ),
        ("--seed", "seed", "of weights, order, crops and dropout"),
    ],
    "learning rate": [
        (
            "--lr-schedule",
            "lr_schedule",
            "inverse_time, constant, plateau, triangular or one_cycle",
        ),
        ("--lr-time-decay", "lr_time_decay", "inverse_time: lr / (1 + this * step)"),
        (
            "--plateau-patience",
            "plateau_patience",
            "plateau: epochs without progress that are waited for",
        ),
        ("--plateau-factor", "plateau_factor", "plateau: of the rate, then"),
        ("--plateau-monitor", "plateau_monitor", "plateau: val_loss or another score"),
        (
            "--plateau-min-delta",
            "plateau_min_delta",
            "plateau: less than this is no progress",
        ),
        ("--plateau-min-lr", "plateau_min_lr", "plateau: no rate below"),
        (
            "--cycle-ratio",
            "cycle_ratio",
            "triangular, one_cycle: of the highest rate to that at the start",
        ),
        ("--cycle-epochs", "cycle_epochs", "triangular: epochs of a rise"),
    ],
    "schedule": [
        ("--num-lr-decays", "num_lr_decays", "number of stages"),
        ("--lr-decay", "lr_decay", "factor from one stage's rate to the next's"),
        (
            "--stages",
            "stages",
            "instead: optimizer, rate and epochs of each, adam:0.0001:80,sgd:0.001:20; "
            "none: as by the two above",
        ),
        ("--initial-stage", "initial_stage", "stage to start at"),
        (
            "--start-from",
            "start_from",
            "first weights of a stage: best of the previous one, or best of all",
        ),
        (
            "--patience",
            "patience",
            "a stage ends after this many epochs plus one without progress; none: not",
        ),
        ("--min-delta", "min_delta", "less than this is no progress"),
        ("--epochs", "max_epochs", "epochs of all stages together, at most"),
        (
            "--epochs-per-stage",
            "max_epochs_per_stage",
            "epochs of one stage, at most; none: no limit",
        ),
    ],
    "validation": [
        (
            "--monitor",
            "monitor",
            "picks the best epoch: val_loss, val_roc_auc or val_pr_auc",
        ),
        (
            "--validation",
            "validation",
            "windows of a record that are scored, and averaged: segments, chunks (at "
            "equal distances), random (one), centre",
        ),
        ("--num-chunks", "num_chunks", "of --validation chunks"),
    ],
}


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--model`, `--recipe`, `--config`, and a flag for every field."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "--model",
        choices=MODEL_CONFIGS,
        help=f"what to train, by its own recipe (default: {DEFAULT_MODEL})",
    )
    _add_fields(group, _MODEL_OPTIONS, SampleCNNConfig, f"{DEFAULT_MODEL}: ")
    group.add_argument(
        "--no-multi",
        action="store_true",
        help=f"{DEFAULT_MODEL}: classify from the last block alone, not from the last "
        "three",
    )
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
    for title, options in _TRAINING_OPTIONS.items():
        _add_fields(parser.add_argument_group(title), options, TrainConfig, "")


def run_config(args: argparse.Namespace, model: str | None = None) -> RunConfig:
    """The run that the parsed options ask for.

    Args:
        args: parsed by a parser with `add_run_options`.
        model: the only one that may be asked for.

    Raises:
        ConfigError: an option has a value that cannot work, or no effect.
    """
    content = read_run(args.config) if args.config else {}
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
    return change_run(
        run,
        _given_model_options(args, run.model),
        _given_training_options(args),
        "options",
    )


def _given_model_options(args: argparse.Namespace, model: str) -> dict[str, Any]:
    texts = _given(args, _MODEL_OPTIONS)
    if args.no_multi:
        texts["multi"] = "false"
    for pair in args.option:
        name, separator, text = pair.partition("=")
        if not separator:
            raise ConfigError(f"--option takes NAME=VALUE, got {pair!r}")
        texts[name] = text
    return _parse(MODEL_CONFIGS[model], texts, f"model {model}")


def _given_training_options(args: argparse.Namespace) -> dict[str, Any]:
    options = [option for group in _TRAINING_OPTIONS.values() for option in group]
    return _parse(TrainConfig, _given(args, options), "options")


def _given(
    args: argparse.Namespace, options: list[tuple[str, str, str]]
) -> dict[str, str]:
    """Texts by field name, of the flags that were given."""
    given = vars(args)
    return {name: given[name] for _, name, _ in options if name in given}


def _parse(config_class: type, texts: Mapping[str, str], where: str) -> dict[str, Any]:
    return {
        name: parse_field(config_class, name, text, where)
        for name, text in texts.items()
    }


def _add_fields(
    group: argparse._ArgumentGroup,
    options: list[tuple[str, str, str]],
    config_class: type,
    prefix: str,
) -> None:
    """Adds flags that are absent from the namespace unless they are given."""
    for flag, name, text in options:
        default = getattr(config_class, name)
        shown = "" if default in (None, ()) else f" ({default})"
        extra: dict[str, Any] = {"metavar": "X"}
        if default is False:
            extra, shown = {"action": "store_const", "const": "true"}, ""
        group.add_argument(
            flag,
            dest=name,
            default=argparse.SUPPRESS,
            help=f"{prefix}{text}{shown}",
            **extra,
        )
