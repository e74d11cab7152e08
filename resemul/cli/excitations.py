"""`resemul excitations`: the excitations of a model's blocks, for every test clip."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.options import (
    add_data_dir,
    add_precision,
    add_records_dir,
    add_trust,
    start_for_model,
)
from resemul.cli.parser import new_parser
from resemul.errors import AudioError

if TYPE_CHECKING:
    import pandas as pd


def build_parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = new_parser(
        "Writes a table of the excitations of every test clip in "
        "<data-dir>/tfrecord, one row per clip and block; or of audio files, which "
        "need no labels, one row per segment and block.",
        "Needs a model with blocks se or rese.",
        (
            "resemul excitations log/best.keras --out excitations.parquet",
            "resemul excitations log/best.keras --audio song.mp3 --out song.parquet",
        ),
    )
    parser.add_argument(
        "path",
        type=Path,
        metavar="MODEL",
        help="a .keras file, its card beside it, or a published name",
    )
    parser.add_argument(
        "--audio",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="audio files, of any length, in place of the test clips",
    )
    add_data_dir(parser)
    add_records_dir(parser)
    add_trust(parser)
    add_precision(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("./excitations.pkl"),
        metavar="PATH",
        help="file to write: .parquet, or .pkl as the original wrote",
    )
    return parser


def main(args: argparse.Namespace) -> None:
    """Extracts, writes and says what was written."""
    from resemul.excitations import require_writable, save_excitations

    require_writable(args.out)
    for path in args.audio or ():
        if not path.is_file():
            raise AudioError(f"{path} is no file")
    start_for_model(args.path)
    table = _extract_from_files(args) if args.audio else _extract(args)
    table.attrs["model"] = args.path.name
    save_excitations(table, args.out)
    num_blocks = table["depth"].nunique()
    print(
        f"{args.out}: {len(table)} rows, {len(table) // num_blocks} "
        f"{'segments' if args.audio else 'clips'} x {num_blocks} blocks"
    )


def _extract_from_files(args: argparse.Namespace) -> "pd.DataFrame":
    from resemul.checkpoints.model_file import open_model
    from resemul.excitations import extract_from_files
    from resemul.prediction.precision import choose_precision

    model, card = open_model(args.path, trust=args.trust)
    precision = choose_precision(args.precision)
    return extract_from_files(model, args.audio, card.audio, precision=precision)


def _extract(args: argparse.Namespace) -> "pd.DataFrame":
    from resemul.checkpoints.card import check_fits
    from resemul.checkpoints.model_file import open_model
    from resemul.evaluation.clips import scoring_clips, scoring_scheme
    from resemul.excitations import build_excitation_model, extract_excitations
    from resemul.prediction.precision import choose_precision
    from resemul.records import read_record_set

    model, card = open_model(args.path, trust=args.trust)
    build_excitation_model(model)  # an unfit model is told before the records are read
    records = read_record_set(args.data_dir, args.records_dir)
    check_fits(card, records)
    table = extract_excitations(
        model,
        scoring_clips(
            records, "test", card.num_samples, "excitations", *scoring_scheme(card)
        ),
        records.tags,
        precision=choose_precision(args.precision),
    )
    table.attrs["split_name"] = records.split_name
    return table
