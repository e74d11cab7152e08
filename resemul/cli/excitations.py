"""`resemul excitations`: the excitations of a model's blocks, for every test clip."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.options import add_data_dir, add_precision, add_trust
from resemul.cli.parser import new_parser

if TYPE_CHECKING:
    import pandas as pd


def build_parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = new_parser(
        "Writes a table of the excitations of every test clip in "
        "<data-dir>/tfrecord, one row per clip and block.",
        "Needs a model with blocks se or rese.",
    )
    parser.add_argument(
        "path",
        type=Path,
        metavar="MODEL",
        help="a .keras file, its card beside it, or a published name",
    )
    add_data_dir(parser)
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
    from resemul.runtime.tensorflow import start_tensorflow

    start_tensorflow()
    from resemul.excitations import require_writable, save_excitations

    require_writable(args.out)
    table = _extract(args)
    save_excitations(table, args.out)
    num_blocks = table["depth"].nunique()
    print(
        f"{args.out}: {len(table)} rows, "
        f"{len(table) // num_blocks} clips x {num_blocks} blocks"
    )


def _extract(args: argparse.Namespace) -> "pd.DataFrame":
    from resemul.checkpoints.card import check_fits
    from resemul.checkpoints.model_file import open_model
    from resemul.evaluation.clips import scoring_clips, scoring_scheme
    from resemul.excitations import build_excitation_model, extract_excitations
    from resemul.prediction.precision import choose_precision
    from resemul.records import read_record_set

    model, card = open_model(args.path, trust=args.trust)
    build_excitation_model(model)  # an unfit model is told before the records are read
    records = read_record_set(args.data_dir)
    check_fits(card, records)
    return extract_excitations(
        model,
        scoring_clips(
            records, "test", card.num_samples, "excitations", *scoring_scheme(card)
        ),
        records.tags,
        precision=choose_precision(args.precision),
    )
