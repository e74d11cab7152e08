"""`resemul describe`: how often each tag occurs in each split."""

import argparse
import csv
import json
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from resemul.cli.dataset_options import add_dataset_options, dataset_config
from resemul.cli.options import output_file
from resemul.cli.parser import new_parser

if TYPE_CHECKING:
    from resemul.datasets import Annotations
    from resemul.datasets.describe import SplitStatistics


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul describe`."""
    parser = new_parser(
        "Prints how many clips of each split have each tag. Reads annotations and no "
        "audio: try the options of a build on it first.",
        examples=[
            "resemul describe --data-dir dataset",
            "resemul describe --dataset folders --audio-dir sounds --ratio 6:2:2",
        ],
    )
    add_dataset_options(parser)
    parser.add_argument(
        "--csv", type=Path, metavar="PATH", help="write a line per split and tag there"
    )
    parser.add_argument(
        "--json", action="store_true", help="print all of it as one JSON object"
    )
    return parser


def main(args: argparse.Namespace) -> int:
    """Counts, and prints text or JSON."""
    config = dataset_config(args)
    from resemul.datasets import load_annotations
    from resemul.datasets.describe import describe

    with output_file(args.csv) if args.csv else nullcontext() as table:
        annotations = load_annotations(config)
        statistics = describe(annotations)
        if table is not None:
            _write_table(statistics, table)
    if args.json:
        print(json.dumps(_as_json(annotations, statistics), indent=1))
    else:
        _print_text(annotations, statistics)
    return 0


def _write_table(statistics: "list[SplitStatistics]", file: IO[str]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("split", "tag", "clips", "positives", "percent"))
    for split in statistics:
        for tag, positives in split.num_positive.items():
            percent = f"{split.percent(tag):.2f}"
            writer.writerow((split.split, tag, split.num_clips, positives, percent))


def _print_text(
    annotations: "Annotations", statistics: "list[SplitStatistics]"
) -> None:
    print(
        f"split {annotations.split_name}: {len(annotations.tracks)} clips, "
        f"{len(annotations.tags)} tags"
    )
    width = max(map(len, ("without a tag", *annotations.tags)))
    cells = [f"{split.split:>16}" for split in statistics]
    print(f"{'':{width}}" + "".join(cells))
    for title, name in (("clips", "num_clips"), ("without a tag", "num_untagged")):
        cells = [f"{getattr(split, name):8d}{'':8}" for split in statistics]
        print(f"{title:{width}}" + "".join(cells).rstrip())
    for tag in annotations.tags:
        cells = [f"{s.num_positive[tag]:8d}{s.percent(tag):7.2f}%" for s in statistics]
        print(f"{tag:{width}}" + "".join(cells))


def _as_json(
    annotations: "Annotations", statistics: "list[SplitStatistics]"
) -> dict[str, Any]:
    return {
        "dataset": annotations.dataset,
        "split_name": annotations.split_name,
        "tags": list(annotations.tags),
        "splits": {
            split.split: {
                "clips": split.num_clips,
                "untagged": split.num_untagged,
                "positives": split.num_positive,
                "percent": {
                    tag: round(split.percent(tag), 2) for tag in split.num_positive
                },
            }
            for split in statistics
        },
    }
