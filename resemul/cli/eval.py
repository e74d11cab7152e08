"""`resemul eval`: scores of a model on the test split."""

import argparse
import json
from pathlib import Path

from resemul.cli.options import (
    add_precision,
    add_trust,
    require_at_least,
    start_for_model,
)
from resemul.cli.parser import new_parser
from resemul.cli.sources import add_sources, open_records
from resemul.configs import WINDOWS


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul eval`."""
    parser = new_parser(
        "Scores a model on the test clips in <data-dir>/tfrecord: ROC AUC and PR AUC "
        "(average precision), as means over the tags. A clip's probabilities are the "
        "means over its segments.",
        "A stopped evaluation goes on where it was when the same command is given "
        "again.",
        (
            "resemul eval log/best.keras --bootstrap 1000 --csv tags.csv",
            "resemul eval se-multi --data-dir dataset --predictions se.npz",
        ),
    )
    parser.add_argument(
        "path",
        type=Path,
        metavar="MODEL",
        help="a .keras file, its card beside it, or a published name",
    )
    add_sources(parser)
    parser.add_argument(
        "--batch-size", type=int, metavar="N", help="segments in a batch, at most"
    )
    parser.add_argument(
        "--segments",
        "--windows",
        dest="scheme",
        choices=WINDOWS,
        help="of a clip, over which probabilities are averaged: segments (all, side by "
        "side), chunks (at equal distances), random (one), centre (default: as in the "
        "model's validation, else segments)",
    )
    add_trust(parser)
    add_precision(parser)
    add_metric(parser)
    add_bootstrap(parser, 0)
    parser.add_argument(
        "--strict",
        action="store_true",
        help="fail unless every clip of the split is scored, none skipped",
    )
    add_outputs(parser)
    parser.add_argument(
        "--predictions",
        type=Path,
        metavar="FILE",
        help="write ids, labels and probabilities of the clips there, as .npz; "
        "'resemul compare' takes two of them",
    )
    return parser


def add_metric(parser: argparse.ArgumentParser) -> None:
    """Adds `--metric`."""
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="MODULE:OBJECT",
        help="a metric of your own, too: a function of labels and probabilities, both "
        "(clips, tags), that returns a score per tag; may be given several times",
    )


def add_bootstrap(parser: argparse.ArgumentParser, default: int) -> None:
    """Adds `--bootstrap` and `--seed`."""
    parser.add_argument(
        "--bootstrap",
        type=int,
        default=default,
        metavar="N",
        help="95%% intervals from N resamplings of the clips; 1000 is usual",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the resampling"
    )


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Adds `--per-tag`, `--csv` and `--json`."""
    parser.add_argument(
        "--per-tag", action="store_true", help="print the scores of each tag too"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="PATH", help="write the scores of each tag there"
    )
    parser.add_argument(
        "--json", action="store_true", help="print all of it as one JSON object"
    )


def main(args: argparse.Namespace) -> int:
    """Scores the model; prints text or JSON, then writes the files asked for."""
    if args.batch_size is not None:
        require_at_least(1, batch_size=args.batch_size)
    require_at_least(0, bootstrap=args.bootstrap, seed=args.seed)
    from resemul.runtime.outputs import output, require_writable
    from resemul.runtime.spreadsheets import write_csv

    for path in (args.csv, args.predictions):
        if path is not None:
            require_writable(path)
    start_for_model(args.path)
    from resemul.checkpoints.card import check_fits
    from resemul.checkpoints.model_file import open_model
    from resemul.evaluation.clips import count_skipped, require_whole
    from resemul.evaluation.held_out import predict_test_clips
    from resemul.evaluation.metrics import find_metrics
    from resemul.evaluation.predictions import SavedPredictions, save_predictions
    from resemul.evaluation.report import Report
    from resemul.evaluation.scores import score
    from resemul.prediction.precision import choose_precision

    metrics = find_metrics(args.metric)
    model, card = open_model(args.path, trust=args.trust)
    with open_records(args, card.model, card.reading) as records:
        check_fits(card, records)
        num_skipped = count_skipped(records, args.data_dir)
        if args.strict:
            require_whole(records, num_skipped)
        precision = choose_precision(args.precision)
        predictions = predict_test_clips(
            model, card, records, args.scheme, args.batch_size, precision
        )
    scores = score(predictions, records.tags, args.bootstrap, args.seed, metrics)
    report = Report(
        str(args.path), records.dataset, records.split_name, num_skipped, scores
    )
    # Before the files are written: a full disk must not cost what has been found.
    print(
        json.dumps(report.as_json(), indent=1)
        if args.json
        else report.text(args.per_tag),
        flush=True,
    )
    if args.csv is not None:
        with output(args.csv) as file:
            write_csv(report.table(), file)
    if args.predictions is not None:
        about = {"model": str(args.path), "split_name": records.split_name}
        saved = SavedPredictions(predictions, records.tags, about)
        save_predictions(saved, args.predictions)
    return 0
