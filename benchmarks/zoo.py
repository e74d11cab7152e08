"""`python -m benchmarks.zoo`: every model on the synthetic data, with one budget.

Each model is trained at full size, by the same steps of the same optimizer, on windows
of its own length out of the same clips. What is done is kept: a second run goes on.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import Variant, measure
from benchmarks.material import FOLDER
from benchmarks.networks import setup_resemul_prediction, setup_resemul_step
from benchmarks.table import keep, table_lines

MARKER = "zoo"
README = Path(__file__).with_name("README.md")
SHORT_README = Path(__file__).parents[1] / "docs" / "models.md"

BATCH_SIZE = 16
STEPS_PER_EPOCH = 20
EPOCHS = 5
LR = 1e-3
CLIP_SECONDS = 29.0

_TRAIN = [
    *("--recipe", "adam_one_cycle", "--lr", LR, "--batch-size", BATCH_SIZE),
    *("--steps-per-epoch", STEPS_PER_EPOCH),
    *("--epochs", EPOCHS, "--epochs-per-stage", EPOCHS),
    *("--crop", "random", "--validation", "segments", "--monitor", "val_loss"),
]


@dataclass(frozen=True)
class Result:
    """One model: its size and input, its scores, and its examples per second."""

    model: str
    parameters: int
    sample_rate: int
    seconds: float
    roc_auc: float
    pr_auc: float
    trained_per_second: float = 0.0
    predicted_per_second: float = 0.0


def main() -> None:
    """Trains and times what is not there yet, prints the table and keeps it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zoo")
    parser.add_argument("--models", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--rounds", type=int, default=7, help="of the timing")
    parser.add_argument("--precision", default="auto")
    parser.add_argument(
        "--time-again", action="store_true", help="what has been timed, too"
    )
    parser.add_argument("--write", action="store_true", help="into both README.md")
    args = parser.parse_args()
    from resemul.prediction.precision import choose_precision

    precision = choose_precision(args.precision)
    if not (FOLDER / "demo" / "annotations_final.csv").exists():
        _resemul("demo-data", "--data-dir", FOLDER / "demo")
    described = {row["name"]: row for row in json.loads(_resemul("models", "--json"))}
    names = args.models or list(described)
    results = [_score(described[name], precision) for name in names]
    results = [
        _time(result, precision, args.rounds, args.time_again) for result in results
    ]
    print(render(results, precision))
    if args.write:
        keep(README, MARKER, render(results, precision))
        keep(SHORT_README, MARKER, render_short(results))


def render(results: Sequence[Result], precision: str) -> str:
    """A row per model, all that is known."""
    header = ["model", "parameters", "Hz", "seconds", "training", "x real time"]
    header += ["prediction", "x real time", "ROC AUC", "PR AUC"]
    rows = [
        [
            *(f"`{result.model}`", f"{result.parameters:,}"),
            *(f"{result.sample_rate:,}", f"{result.seconds:.2f}"),
            *_rates(result.trained_per_second, result.seconds),
            *_rates(result.predicted_per_second, result.seconds),
            *(f"{result.roc_auc:.3f}", f"{result.pr_auc:.3f}"),
        ]
        for result in results
    ]
    load = os.getloadavg()[0]
    title = (
        f"Examples per second in batches of {BATCH_SIZE}, {precision}, "
        f"{os.cpu_count()} cores, load average {load:.1f}; ROC AUC and PR AUC of the "
        f"test clips after {EPOCHS * STEPS_PER_EPOCH} steps:"
    )
    return "\n".join([title, "", *table_lines([header, *rows])])


def render_short(results: Sequence[Result]) -> str:
    """A row per model, what to choose one by."""
    header = ["model", "parameters", "input", "training", "prediction", "ROC AUC"]
    rows = [
        [
            *(f"`{result.model}`", f"{result.parameters / 1e6:.1f} M"),
            f"{result.seconds:.1f} s",
            *(f"{result.trained_per_second:.1f}", f"{result.predicted_per_second:.1f}"),
            f"{result.roc_auc:.3f}",
        ]
        for result in results
    ]
    return "\n".join(table_lines([header, *rows]))


def _rates(examples_per_second: float, seconds: float) -> tuple[str, str]:
    return f"{examples_per_second:.1f}", f"{examples_per_second * seconds:.0f}"


def _score(row: dict[str, Any], precision: str) -> Result:
    data = _build(row)
    folder = FOLDER / "zoo" / f"{row['name']}-{precision}"
    model = folder / "best.keras"
    if not model.exists():
        which = ["--model", row["name"], "--precision", precision]
        _resemul("train", *which, "--data-dir", data, "--train-dir", folder, *_TRAIN)
    scores = json.loads(_resemul("eval", model, "--data-dir", data, "--json"))
    return Result(
        row["name"],
        row["parameters"],
        row["sample_rate"],
        row["seconds"],
        scores["roc_auc"],
        scores["pr_auc"],
    )


def _build(row: dict[str, Any]) -> Path:
    """Records of whole clips at the model's rate: made once, for all that fit."""
    data = FOLDER / "zoo" / f"data-{row['sample_rate']}"
    data.mkdir(parents=True, exist_ok=True)
    for name in ("mp3", "annotations_final.csv"):
        if not (data / name).exists():
            (data / name).symlink_to(FOLDER / "demo" / name)
    clip = max(round(CLIP_SECONDS * row["sample_rate"]), row["num_samples"])
    size = ["--num-samples", clip, "--clip-seconds", 30, "--min-segments", 0]
    _resemul("build", "--model", row["name"], "--data-dir", data, *size)
    return data


def _time(result: Result, precision: str, rounds: int, again: bool) -> Result:
    """Fills in the rates; each model is timed by itself, as some take 5 GB."""
    kept = FOLDER / "zoo" / f"{result.model}-{precision}" / "rates.json"
    if again or not kept.exists():
        args = ("tensorflow", precision, BATCH_SIZE, result.model)
        measured = measure(
            [
                Variant("trained", setup_resemul_step, args),
                Variant("predicted", setup_resemul_prediction, args),
            ],
            rounds,
        )
        rates = {f"{m.name}_per_second": BATCH_SIZE / m.median for m in measured}
        kept.write_text(json.dumps(rates))
    return dataclasses.replace(result, **json.loads(kept.read_text()))


def _resemul(*arguments: object) -> str:
    command = [sys.executable, "-m", "resemul", *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


if __name__ == "__main__":
    main()
