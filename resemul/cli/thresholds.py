"""`resemul thresholds`: from which probability a model's tags count as present."""

import argparse
from pathlib import Path

from resemul.cli.options import (
    add_trust,
    require_at_least,
    start_for_model,
)
from resemul.cli.parser import new_parser
from resemul.cli.sources import add_sources, open_records
from resemul.constants import DEFAULT_THRESHOLD
from resemul.errors import ConfigError


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul thresholds`."""
    parser = new_parser(
        "Fits a threshold for each tag, the one with the highest F1 on the validation "
        "clips in <data-dir>/tfrecord, and writes them into the model's card. 'resemul "
        "tag --threshold fitted' then uses them.",
        "Tags that no validation clip has get no threshold; tagging takes "
        f"{DEFAULT_THRESHOLD} for them. The F1 that is printed is that of the clips "
        "the thresholds were fitted on: on others it is lower.",
        (
            "resemul thresholds log/best.keras --data-dir dataset",
            "resemul thresholds mtt-musicnn --data-dir dataset --from-audio",
        ),
    )
    parser.add_argument(
        "path",
        type=Path,
        metavar="MODEL",
        help="a .keras file, its card beside it, or a published name",
    )
    add_sources(parser)
    add_trust(parser)
    parser.add_argument(
        "--batch-size", type=int, metavar="N", help="segments in a batch"
    )
    return parser


def main(args: argparse.Namespace) -> int:
    """Fits the thresholds; prints them and writes them into the card."""
    if args.batch_size is not None:
        require_at_least(1, batch_size=args.batch_size)
    if args.path.suffix not in ("", ".keras"):
        raise ConfigError(
            f"{args.path} is no .keras file and has no card to write thresholds into; "
            f"'resemul import {args.path} {args.path.stem}.keras' makes one of it"
        )
    start_for_model(args.path)
    from resemul.checkpoints.card import card_path, check_fits
    from resemul.checkpoints.model_file import find_model, load_model
    from resemul.evaluation.thresholds import fit_thresholds, write_thresholds

    path = find_model(args.path)
    model, card = load_model(path, trust=args.trust)
    with open_records(args, card.model, card.reading) as records:
        check_fits(card, records)
        fitted = fit_thresholds(model, records, args.batch_size)
    write_thresholds(fitted, path)
    print(fitted.text())
    print(f"{card_path(path)}: {len(fitted.by_tag)} thresholds")
    return 0
