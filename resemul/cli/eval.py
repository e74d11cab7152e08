"""`resemul eval`: scores of a model on the test split."""

import argparse
import csv
import json
import math
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from resemul.cli.clips import iterate_test_clips
from resemul.cli.options import (
    add_data_dir,
    add_from_audio,
    add_precision,
    add_trust,
    output_file,
    require_at_least,
    start_for_model,
)
from resemul.cli.parser import new_parser
from resemul.cli.sources import open_records
from resemul.configs import WINDOWS, DatasetConfig
from resemul.errors import DatasetError

if TYPE_CHECKING:
    from resemul.evaluation.scores import Scores
    from resemul.records import RecordSet

_COLUMNS = ("tag", "num_positive", "roc_auc", "pr_auc")


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul eval`."""
    parser = new_parser(
        "Scores a model on the test clips in <data-dir>/tfrecord: ROC AUC and PR AUC "
        "(average precision), as means over the tags. A clip's probabilities are the "
        "means over its segments.",
    )
    parser.add_argument(
        "path",
        type=Path,
        metavar="MODEL",
        help="a .keras file, its card beside it, or a published name",
    )
    add_data_dir(parser)
    add_from_audio(parser)
    parser.add_argument(
        "--batch-size", type=int, metavar="N", help="segments in a batch"
    )
    parser.add_argument(
        "--windows",
        choices=WINDOWS,
        help="of a clip, over which probabilities are averaged: segments (all, side by "
        "side), chunks (at equal distances), random (one), centre (default: as in the "
        "model's validation, else segments)",
    )
    add_trust(parser)
    add_precision(parser)
    parser.add_argument(
        "--bootstrap",
        type=int,
        default=0,
        metavar="N",
        help="add 95%% intervals from N resamplings of the clips; 1000 is usual",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the resampling"
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="fail unless every clip of the split is scored, none skipped",
    )
    parser.add_argument(
        "--per-tag", action="store_true", help="print the scores of each tag too"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="PATH", help="write the scores of each tag there"
    )
    parser.add_argument(
        "--json", action="store_true", help="print all of it as one JSON object"
    )
    return parser


def main(args: argparse.Namespace) -> int:
    """Scores the model; prints text or JSON."""
    if args.batch_size is not None:
        require_at_least(1, batch_size=args.batch_size)
    require_at_least(0, bootstrap=args.bootstrap, seed=args.seed)
    start_for_model(args.path)
    from resemul.checkpoints.card import check_fits
    from resemul.checkpoints.model_file import open_model
    from resemul.evaluation.scores import evaluate
    from resemul.prediction.precision import choose_precision

    with ExitStack() as stack:
        table = stack.enter_context(output_file(args.csv)) if args.csv else None
        model, card = open_model(args.path, trust=args.trust)
        records = stack.enter_context(
            open_records(args.data_dir, args.from_audio, args.num_workers, card.model)
        )
        check_fits(card, records)
        num_skipped = _count_skipped(records, args.data_dir)
        if args.strict and num_skipped:
            num_clips = records.num_clips["test"]
            raise DatasetError(
                f"{num_clips} clips can be scored, the test split has "
                f"{num_clips + num_skipped}: the build skipped {num_skipped}; leave "
                "out --strict to score without them"
            )
        scores = evaluate(
            model,
            iterate_test_clips(records, card, "eval", args.windows),
            records.tags,
            batch_size=args.batch_size,
            num_bootstrap=args.bootstrap,
            seed=args.seed,
            precision=choose_precision(args.precision),
        )
        if table is not None:
            _write_table(scores, table)
    if args.json:
        print(json.dumps(_as_json(scores, records, num_skipped, args.path), indent=1))
    else:
        _print_text(scores, records, num_skipped, args.per_tag)
    return 0


def _count_skipped(records: "RecordSet", data_dir: Path) -> int:
    """Test clips that are annotated but in no record."""
    if "test" in records.num_skipped:
        return records.num_skipped["test"]
    from resemul.datasets import load_annotations

    num_annotated = load_annotations(DatasetConfig(data_dir=data_dir)).split_sizes()[
        "test"
    ]
    return num_annotated - records.num_clips["test"]


def _rows(scores: "Scores") -> list[tuple[str, int, float, float]]:
    return [
        (tag, int(num_positive), float(roc_auc), float(pr_auc))
        for tag, num_positive, roc_auc, pr_auc in zip(
            scores.tags,
            scores.num_positive,
            scores.roc_auc_per_tag,
            scores.pr_auc_per_tag,
            strict=True,
        )
    ]


def _write_table(scores: "Scores", file: IO[str]) -> None:
    """Writes the scores of each tag as CSV; one that a tag has not is left empty."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in _rows(scores):
        writer.writerow("" if value != value else value for value in row)


def _print_text(
    scores: "Scores", records: "RecordSet", num_skipped: int, per_tag: bool
) -> None:
    print(
        f"split {records.split_name}: {scores.num_clips} test clips scored, "
        f"{num_skipped} skipped by the build"
    )
    for title, name in (("ROC AUC", "roc_auc"), ("PR AUC", "pr_auc")):
        line = f"{title:7} {getattr(scores, name):.4f}"
        if name in scores.intervals:
            low, high = scores.intervals[name]
            line += f"  (95% interval {low:.4f} to {high:.4f})"
        print(line)
    if scores.unscored_tags:
        print(
            "not scored, as no test clip or every test clip has them: "
            f"{', '.join(scores.unscored_tags)}"
        )
    if per_tag:
        width = max(map(len, scores.tags))
        print(f"{'tag':{width}}  positive  ROC AUC  PR AUC")
        for tag, num_positive, roc_auc, pr_auc in _rows(scores):
            print(f"{tag:{width}}  {num_positive:8d}  {roc_auc:7.4f}  {pr_auc:6.4f}")


def _as_json(
    scores: "Scores", records: "RecordSet", num_skipped: int, path: Path
) -> dict[str, Any]:
    """Everything that is known, in JSON's types: a missing score is null."""
    return {
        "model": str(path),
        "dataset": records.dataset,
        "split_name": records.split_name,
        "num_clips": scores.num_clips,
        "num_skipped": num_skipped,
        "roc_auc": _or_none(scores.roc_auc),
        "pr_auc": _or_none(scores.pr_auc),
        "intervals": {
            name: [_or_none(bound) for bound in bounds]
            for name, bounds in scores.intervals.items()
        },
        "unscored_tags": list(scores.unscored_tags),
        "per_tag": [
            dict(zip(_COLUMNS, (tag, n, _or_none(roc), _or_none(pr)), strict=True))
            for tag, n, roc, pr in _rows(scores)
        ],
    }


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
