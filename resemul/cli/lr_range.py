"""`resemul train --lr-range`: which learning rate to train at."""

import argparse
from typing import TYPE_CHECKING

from resemul.cli.options import require_at_least
from resemul.errors import ConfigError

if TYPE_CHECKING:
    import keras

    from resemul.checkpoints.card import ModelCard
    from resemul.configs import RunConfig
    from resemul.records import RecordSet


def add_lr_range(parser: argparse.ArgumentParser) -> None:
    """Adds `--lr-range` and `--lr-range-steps`."""
    group = parser.add_argument_group("learning-rate range test")
    group.add_argument(
        "--lr-range",
        type=parse_range,
        metavar="LOW/HIGH",
        help="train nothing; take steps at rates that rise from LOW to HIGH, such as "
        "1e-6/1, and write rates and losses to <train-dir>/lr_range.csv and .png",
    )
    group.add_argument(
        "--lr-range-steps",
        type=int,
        default=200,
        metavar="N",
        help="how many; it ends sooner when the loss rises (default: %(default)s)",
    )


def parse_range(text: str) -> tuple[float, float]:
    """Reads LOW/HIGH."""
    low, separator, high = text.partition("/")
    try:
        if not separator:
            raise ValueError
        return float(low), float(high)
    except ValueError:
        message = f"expected LOW/HIGH, such as 1e-6/1, got {text!r}"
        raise argparse.ArgumentTypeError(message) from None


def find_rate(
    args: argparse.Namespace,
    config: "RunConfig",
    records: "RecordSet",
    source: "tuple[keras.Model, ModelCard] | None",
) -> None:
    """Runs the test, writes what it found, and prints where, and a suggestion."""
    require_at_least(1, lr_range_steps=args.lr_range_steps)
    from resemul.training.lr_range import measure_rates, write_rates

    low, high = args.lr_range
    try:
        found = measure_rates(config, records, low, high, args.lr_range_steps, source)
    except ConfigError as error:
        raise ConfigError(f"--lr-range: {error}") from error
    table, picture = write_rates(found, args.train_dir)
    print(f"{len(found.rates)} steps at {low:g} to {found.rates[-1]:.3g}: {table}")
    print(f"picture: {picture}")
    if found.suggestion is None:
        print("the loss never falls; try a wider range, or more steps")
    else:
        print(f"the loss falls fastest at {found.suggestion:.2g}: try --lr of that")
