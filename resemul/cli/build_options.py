"""Options of records, for the commands that make them or look at what they need."""

import argparse
import dataclasses
import io
import os
from typing import TextIO

from resemul.cli.options import add_fields, fields_given, in_typed_words
from resemul.configs import DEFAULT_MODEL, BuildConfig, records_of_model
from resemul.errors import ConfigError

# Far more than decoding a clip takes, on the slowest disk.
DECODE_TIMEOUT_SECONDS = 300.0


def add_build_options(group: argparse._ArgumentGroup) -> None:
    """Adds `--model` and the fields of `BuildConfig`, which `build_config` reads."""
    group.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME",
        help="whose recipe decides the options below that are not given; values in "
        f"parentheses are those of {DEFAULT_MODEL} and mtt",
    )
    add_fields(group, BuildConfig)


def build_config(args: argparse.Namespace) -> BuildConfig:
    """The records of the model and the data set, but for what is asked for.

    Raises:
        ConfigError: an option cannot work; says so in the words that were typed.
    """
    _accept_all(args)
    config = records_of_model(args.model, args.dataset)
    with in_typed_words(BuildConfig):
        return dataclasses.replace(config, **fields_given(args, BuildConfig))


def _accept_all(args: argparse.Namespace) -> None:
    """`--clip-seconds all` is another word for `none`."""
    dest = f"{BuildConfig.__name__}.clip_seconds"
    flag, text = getattr(args, dest, (None, None))
    if text == "all":
        setattr(args, dest, (flag, "none"))


def add_decoding(group: argparse._ArgumentGroup) -> None:
    """Adds `--num-workers` and `--decode-timeout`; see `check_decoding`."""
    group.add_argument(
        "--num-workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes that decode; the results are the same for any number",
    )
    group.add_argument(
        "--decode-timeout",
        type=float,
        default=DECODE_TIMEOUT_SECONDS,
        metavar="S",
        help="seconds after which a file whose decoding does not end is given up",
    )


def accept_any_name(stream: TextIO) -> None:
    """Lets names of files that are not Unicode out as the bytes they are."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="surrogateescape")


def check_decoding(args: argparse.Namespace) -> None:
    """Checks what `add_decoding` added.

    Raises:
        ConfigError: a value cannot work.
    """
    if args.num_workers < 1:
        raise ConfigError(f"--num-workers must be at least 1, got {args.num_workers}")
    if not args.decode_timeout > 0:
        raise ConfigError(
            f"--decode-timeout must be above 0, got {args.decode_timeout}"
        )
