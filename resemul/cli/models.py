"""`resemul models`: list the architectures."""

import argparse
import dataclasses
import json
import math
from typing import Any

from resemul.cli.parser import new_parser
from resemul.configs import MODEL_ENTRIES


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul models`."""
    parser = new_parser(
        "Lists the models: trainable parameters, the input they take by default, the "
        "recipe that train uses, and where they were published with what test ROC AUC.",
        epilog="Scores on different data do not compare; --json says which.",
        examples=[
            "resemul models",
            "resemul models --num-tags 10 --json",
        ],
    )
    parser.add_argument(
        "--num-tags",
        type=int,
        default=50,
        metavar="N",
        help="outputs to count parameters for",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def main(args: argparse.Namespace) -> int:
    """Builds each model, and prints one line about it."""
    from resemul.runtime.tensorflow import start_tensorflow

    start_tensorflow()
    rows = _describe_models(args.num_tags)
    if args.json:
        print(json.dumps(rows, indent=1))
        return 0
    header = (
        *("model", "parameters", "Hz", "samples", "seconds"),
        *("ROC AUC", "recipe", "paper"),
    )
    cells = [header] + [
        (
            row["name"],
            f"{row['parameters']:,}",
            f"{row['sample_rate']:,}",
            f"{row['num_samples']:,}",
            f"{row['seconds']:.2f}",
            "-" if row["roc_auc"] is None else f"{row['roc_auc']:.4f}",
            row["recipe"],
            row["paper"],
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for name, *numbers, recipe, paper in cells:
        aligned = (f"{n:>{w}}" for n, w in zip(numbers, widths[1:-2], strict=True))
        texts = f"{recipe:{widths[-2]}}", paper
        print("  ".join([f"{name:{widths[0]}}", *aligned, *texts]))
    return 0


def _describe_models(num_tags: int) -> list[dict[str, Any]]:
    import keras

    from resemul.models import build_model

    rows = []
    for name, entry in MODEL_ENTRIES.items():
        config = entry.config()
        # Shapes alone; weights of all models would take seconds to draw.
        with keras.StatelessScope():
            model = build_model(name, num_tags)
        facts = dataclasses.asdict(entry)
        del facts["config"], facts["clip_seconds"]
        rows.append(
            {
                "name": name,
                "parameters": sum(math.prod(w.shape) for w in model.trainable_weights),
                "sample_rate": config.sample_rate,
                "num_samples": config.num_samples,
                "seconds": round(config.num_samples / config.sample_rate, 3),
                **facts,
            }
        )
    return rows
