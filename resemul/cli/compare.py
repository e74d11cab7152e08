"""`resemul compare`: two models on the same clips."""

import argparse
import json
from pathlib import Path

from resemul.cli.eval import add_bootstrap, add_metric, add_outputs
from resemul.cli.options import require_at_least
from resemul.cli.parser import new_parser


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul compare`."""
    parser = new_parser(
        "Compares two models on the same clips: the difference of their scores, B less "
        "A, and its 95% interval by a paired bootstrap over the clips.",
        examples=(
            "resemul eval a.keras --predictions a.npz",
            "resemul eval b.keras --predictions b.npz",
            "resemul compare a.npz b.npz --per-tag",
        ),
    )
    for name in ("a", "b"):
        parser.add_argument(
            name,
            type=Path,
            metavar=name.upper(),
            help="an .npz file that 'resemul eval --predictions' wrote",
        )
    add_metric(parser)
    add_bootstrap(parser, 1000)
    add_outputs(parser)
    return parser


def main(args: argparse.Namespace) -> int:
    """Compares the models; prints text or JSON, then writes the table asked for."""
    require_at_least(1, bootstrap=args.bootstrap)
    require_at_least(0, seed=args.seed)
    from resemul.runtime.outputs import output, require_writable
    from resemul.runtime.spreadsheets import write_csv

    if args.csv is not None:
        require_writable(args.csv)
    from resemul.evaluation.compare import (
        compare,
        comparison_json,
        comparison_table,
        comparison_text,
    )
    from resemul.evaluation.metrics import find_metrics
    from resemul.evaluation.predictions import load_predictions

    metrics = find_metrics(args.metric)
    a, b = load_predictions(args.a), load_predictions(args.b)
    found = compare(a, b, args.bootstrap, args.seed, metrics)
    num_clips = len(a.predictions.labels)
    if args.json:
        facts = {
            "a": {"file": str(args.a), **a.about},
            "b": {"file": str(args.b), **b.about},
            "num_clips": num_clips,
            "bootstrap": args.bootstrap,
        }
        print(json.dumps({**facts, **comparison_json(found)}, indent=1), flush=True)
    else:
        split = a.about.get("split_name", "unknown")
        print(f"split {split}: {num_clips} clips, {args.bootstrap} resamplings")
        print(comparison_text(found, args.per_tag), flush=True)
    if args.csv is not None:
        with output(args.csv) as file:
            write_csv(comparison_table(found), file)
    return 0
