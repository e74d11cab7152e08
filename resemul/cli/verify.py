"""`resemul verify`: check that every annotated file can be used."""

import argparse
import os
import sys
from pathlib import Path

from resemul.cli.options import add_data_dir
from resemul.cli.parser import new_parser
from resemul.configs import BuildConfig, DatasetConfig, TagsConfig
from resemul.errors import ConfigError

_STANDARD_OUTPUT = Path("-")


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul verify`."""
    parser = new_parser(
        "Checks that every annotated audio file of MTT is there, can be decoded and "
        "is long enough. Lists the others as CSV.",
        epilog="Exit status: 0 if nothing is wrong but the files that are empty in "
        "the published archive too, 1 otherwise.",
    )
    add_data_dir(parser)
    parser.add_argument(
        "--keep-untagged",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="check the clips that have none of the top tags too",
    )
    parser.add_argument(
        "--csv",
        type=Path,
        default=_STANDARD_OUTPUT,
        metavar="PATH",
        help="where to write the list; - is standard output",
    )
    parser.add_argument(
        "--num-workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes that decode",
    )
    parser.add_argument(
        "--no-decode",
        action="store_true",
        help="only check that the files are there and not empty: takes seconds",
    )
    return parser


def main(args: argparse.Namespace) -> int:
    """Prints or writes the list, and a summary on standard error."""
    from resemul.datasets import load_annotations
    from resemul.records.verification import verify_audio, write_findings

    if args.num_workers < 1:
        raise ConfigError(f"--num-workers must be at least 1, got {args.num_workers}")
    if not args.csv.parent.is_dir():
        raise ConfigError(f"--csv {args.csv}: there is no folder {args.csv.parent}")
    result = verify_audio(
        load_annotations(
            DatasetConfig(
                data_dir=args.data_dir,
                tags=TagsConfig(keep_untagged=args.keep_untagged),
            )
        ),
        BuildConfig(),
        decode=not args.no_decode,
        num_workers=args.num_workers,
    )
    if args.csv == _STANDARD_OUTPUT:
        write_findings(result.findings, sys.stdout)
    else:
        temporary = args.csv.with_name(args.csv.name + ".part")
        with temporary.open("w", encoding="utf-8", newline="") as file:
            write_findings(result.findings, file)
        temporary.replace(args.csv)
    print(result.summary(), file=sys.stderr)
    return 1 if result.num_unknown else 0
