"""`resemul train --run`: a folder of its own for each run, called by the time."""

import argparse
import re
import time
from pathlib import Path

from resemul.errors import ConfigError

NEW, LATEST = "new", "latest"
_FORMAT = "%y%m%d-%H%M%S"
_STAMP = re.compile(r"\d{6}-\d{6}")


def add_run(parser: argparse.ArgumentParser) -> None:
    """Adds `--run`."""
    parser.add_argument(
        "--run",
        metavar="new|latest|STAMP",
        help="keep each run in a folder of its own in --train-dir, called by the time "
        "(yymmdd-HHMMSS): begin a new one, or go on with the latest, or with that of "
        "a time",
    )


def run_folder(train_dir: Path, run: str | None, now: float | None = None) -> Path:
    """The folder of the run.

    Args:
        train_dir: what was given as that.
        run: `new`, `latest`, or the name of a folder; None for `train_dir` itself.
        now: seconds since 1970, if it is not now.

    Raises:
        ConfigError: there is no such run.
    """
    if run is None:
        return train_dir
    if run == NEW:
        return train_dir / time.strftime(_FORMAT, time.localtime(now))
    found = sorted(
        path.name
        for path in (train_dir.iterdir() if train_dir.is_dir() else ())
        if path.is_dir() and _STAMP.fullmatch(path.name)
    )
    if run == LATEST and found:
        return train_dir / found[-1]
    if run in found:
        return train_dir / run
    there = f"there are {', '.join(found)}" if found else "there is none"
    raise ConfigError(f"--run {run}: no such run in {train_dir}; {there}")
