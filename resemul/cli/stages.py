"""What commands of several stages share."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

from resemul.cli.executor_options import add_dask
from resemul.cli.parser import examples_text, new_parser
from resemul.configs.curation import PADDINGS
from resemul.errors import ConfigError

Stages: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_stage(
    stages: Stages, name: str, what: str, description: str, *examples: str
) -> argparse.ArgumentParser:
    """A stage of a command.

    Args:
        stages: of the command.
        name: of the stage.
        what: it does, in a few words.
        description: what else one should know.
        examples: command lines, without the program's name.
    """
    usual = new_parser("")
    stage: argparse.ArgumentParser = stages.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}. {description}",
        epilog=examples_text(f"resemul {line}" for line in examples),
        formatter_class=usual.formatter_class,
    )
    stage.set_defaults(stage=stage)
    return stage


@contextmanager
def writing(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """`atomic_write`; what goes wrong is said in one line."""
    from resemul.runtime.files import atomic_write

    try:
        with atomic_write(path, mode) as file:
            yield file
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error


def add_output(stage: argparse.ArgumentParser, what: str = "the table") -> None:
    """Adds OUTPUT, which is never overwritten."""
    stage.add_argument(
        "output",
        type=Path,
        metavar="OUT",
        help=f"{what} to write; it must not be there yet",
    )


def add_scan_options(stage: argparse.ArgumentParser) -> None:
    """Adds what a list of files holds."""
    for flag, name, what in (
        ("--abs", "absolute", "write absolute paths instead of relative ones"),
        ("--no-size", "no_size", "leave out file_size"),
        ("--no-mut-length", "no_length", "leave out clip_length"),
        ("--no-mut-channels", "no_channels", "leave out channels"),
    ):
        stage.add_argument(flag, dest=name, action="store_true", help=what)


def add_silence_options(stage: argparse.ArgumentParser) -> None:
    """Adds filters, and how the files are decoded."""
    for flag, kind, what in (
        ("--min-size", int, "bytes; files have to be larger"),
        ("--filter-trim-length", float, "s; from the first sound to the last"),
        ("--filter-tot-silence", float, "s; at most so much silence between them"),
        ("--filter-max-silence", float, "s; the longest silence between them at most"),
    ):
        stage.add_argument(
            flag, type=kind, default=0, metavar="X", help=f"{what}; 0 turns it off"
        )
    stage.add_argument(
        "--padding",
        default=PADDINGS[0],
        choices=PADDINGS,
        help="what is before and after a file: as librosa has it now, or had in 2019",
    )
    stage.add_argument(
        "--num-workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes that decode",
    )
    add_dask(stage)


def call_comment(args: argparse.Namespace) -> str:
    """The comment line of a table: the options that were given."""
    from resemul.datasets.file_tables import comment_line

    options: list[str] = []
    files: list[str] = []
    for action in args.stage._actions:
        value: Any = getattr(args, action.dest, None)
        # Who does the work does not change what comes of it.
        if action.dest in ("help", "dask") or (
            action.option_strings and value == action.default
        ):
            continue
        many = value if isinstance(value, list | tuple) else [value]
        shown = [] if value is True else [",".join(map(str, many))]
        if action.option_strings:
            options += [action.option_strings[0], *shown]
        else:
            files += shown
    return comment_line(args.stage.prog, [*options, *files])


def add_tag_source(stage: argparse.ArgumentParser) -> None:
    """Adds SOURCE and `--in-memory`."""
    stage.add_argument(
        "source",
        type=Path,
        metavar="TAGS",
        help="lastfm_tags.db, a folder of its three CSVs, a folder of Last.fm's JSON "
        "files, or a file with such an object on each line",
    )
    stage.add_argument(
        "--in-memory",
        action="store_true",
        help="read the whole database first: faster for many questions",
    )
