"""`python -m benchmarks.precision`: what bfloat16 costs in the scores.

Trains a narrow model on the synthetic data in float32 and in bfloat16, from several
seeds, and scores each in both precisions.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.material import FOLDER
from benchmarks.table import keep

PRECISIONS = ("float32", "mixed_bfloat16")
README = Path(__file__).with_name("README.md")
MARKER = "precision"

# The schedule of 'make demo'.
_TRAIN = [
    *("--init-features", "16", "--batch-size", "12", "--lr", "0.1"),
    *("--lr-schedule", "one_cycle", "--num-lr-decays", "1", "--patience", "none"),
]


def main() -> None:
    """Trains what is not trained yet, prints the table and keeps it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--write", action="store_true", help="into README.md")
    args = parser.parse_args()
    data = FOLDER / "demo"
    if not (data / "tfrecord" / "manifest.json").exists():
        _resemul("demo-data", "--data-dir", data)
        _resemul("build", "--data-dir", data)
    scores = {
        (seed, trained, scored): _score(data, seed, trained, scored, args.epochs)
        for seed, trained, scored in itertools.product(
            args.seeds, PRECISIONS, PRECISIONS
        )
    }
    text = render(scores, args.epochs)
    print(text)
    if args.write:
        keep(README, MARKER, text)


def render(scores: dict[tuple[int, str, str], dict[str, float]], epochs: int) -> str:
    """A row per way to train and to score: test ROC AUC of each seed, mean, spread."""
    seeds = sorted({seed for seed, _, _ in scores})
    header = ["trained in", "scored in", *(f"seed {s}" for s in seeds), "mean", "std"]
    rows = [header, ["---"] * len(header)]
    for trained, scored in itertools.product(PRECISIONS, PRECISIONS):
        values = [scores[seed, trained, scored]["roc_auc"] for seed in seeds]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        numbers = [*values, statistics.mean(values), spread]
        rows.append([trained, scored, *(f"{number:.4f}" for number in numbers)])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    title = f"Test ROC AUC on the data of 'make demo', at most {epochs} epochs:"
    return "\n".join([title, "", *lines])


def _score(
    data: Path, seed: int, trained: str, scored: str, epochs: int
) -> dict[str, float]:
    log = FOLDER / f"log-{trained}-{seed}-{epochs}"
    if not (log / "best.keras").exists():
        options = ["--seed", seed, "--precision", trained, "--epochs", epochs]
        options += ["--epochs-per-stage", epochs]
        where = ["--data-dir", data, "--train-dir", log]
        _resemul("train", *where, *_TRAIN, *options)
    model = log / "best.keras"
    options = ["--precision", scored, "--json"]
    return json.loads(_resemul("eval", model, "--data-dir", data, *options))


def _resemul(*arguments: object) -> str:
    command = [sys.executable, "-m", "resemul", *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


if __name__ == "__main__":
    main()
