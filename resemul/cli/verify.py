"""`resemul verify`: check that every annotated file can be used."""

import argparse
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.build_options import (
    accept_any_name,
    add_build_options,
    add_decoding,
    build_config,
    check_decoding,
)
from resemul.cli.dataset_options import add_dataset_options, dataset_config
from resemul.cli.executor_options import (
    add_executor,
    executor_given,
    say_done,
    share_given,
)
from resemul.cli.parser import new_parser
from resemul.errors import ConfigError
from resemul.runtime.tasks import Share

if TYPE_CHECKING:
    from resemul.datasets import Annotations

_STANDARD_OUTPUT = Path("-")


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul verify`."""
    parser = new_parser(
        "Checks that every annotated audio file is there, can be decoded and is long "
        "enough for the records that the same options of 'resemul build' make. Lists "
        "the others as CSV.",
        epilog="Exit status: 0 if nothing is wrong but the files that are empty in "
        "the published archive too, 1 otherwise. A stopped check goes on where it was "
        "when the same command is given again.",
        examples=[
            "resemul verify --data-dir dataset",
            "resemul verify --dataset folders --audio-dir sounds --csv broken.csv",
        ],
    )
    add_dataset_options(parser)
    add_build_options(parser.add_argument_group("records"))
    group = parser.add_argument_group("check")
    group.add_argument(
        "--csv",
        type=Path,
        default=_STANDARD_OUTPUT,
        metavar="PATH",
        help="where to write the list; - is standard output",
    )
    add_decoding(group)
    group.add_argument(
        "--no-decode",
        action="store_true",
        help="only check that the files are there and not empty: takes seconds",
    )
    add_executor(parser, "write the list of what tasks have found")
    # Clips without a tag are checked too: which tags are learned may change.
    parser.set_defaults(keep_untagged=True)
    return parser


def main(args: argparse.Namespace) -> int:
    """Prints or writes the list, and a summary on standard error."""
    check_decoding(args)
    config = build_config(args)
    dataset = dataset_config(args)
    share = share_given(args)
    from resemul.datasets import load_annotations
    from resemul.records.verification import verify_audio, write_findings
    from resemul.runtime.outputs import output, require_writable

    if args.csv != _STANDARD_OUTPUT:
        require_writable(args.csv)
    annotations = load_annotations(dataset, require_files=False)
    with executor_given(args) as executor:
        result = verify_audio(
            annotations,
            config,
            decode=not args.no_decode,
            num_workers=args.num_workers,
            timeout_seconds=args.decode_timeout,
            journal_path=_journal_path(args, annotations, share),
            executor=executor,
            share=share,
        )
    if result is None:
        say_done(share)
        return 0
    if args.csv == _STANDARD_OUTPUT:
        accept_any_name(sys.stdout)
        write_findings(result.findings, sys.stdout)
    else:
        with output(args.csv) as table:
            write_findings(result.findings, table)
    print(result.summary(), file=sys.stderr)
    return 1 if result.num_unknown else 0


def _journal_path(
    args: argparse.Namespace, annotations: "Annotations", share: Share
) -> Path:
    """Of a whole pass in the cache; of tasks beside the list, where all find it."""
    if not share.is_whole:
        if args.csv == _STANDARD_OUTPUT:
            raise ConfigError("--task and --finish need --csv PATH, the same for all")
        return Path(args.csv.with_name(f".{args.csv.name}.journal"))
    from resemul.weights.cache import cache_folder

    about = f"{annotations.audio_dir.resolve()} {annotations.source_sha256}"
    digest = hashlib.sha256(about.encode(errors="surrogateescape")).hexdigest()
    return cache_folder() / "verified" / f"{digest[:32]}.journal"
