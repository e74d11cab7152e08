"""`resemul import`: turn a published model into one of ours."""

import argparse
from pathlib import Path

from resemul.cli.parser import new_parser
from resemul.errors import ConfigError


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul import`."""
    parser = new_parser(
        "Turns an hdf5 file of Keras 2, a checkpoint of PyTorch, or one of TensorFlow "
        "1 (its *.index, or a wheel that holds one), into a .keras file and its card. "
        "The architecture is recognised; no code in the file is run.",
        examples=[
            "resemul import best_model.pth fcn.keras --tags msd",
            "resemul import weights.hdf5 se.keras --tags mtt",
        ],
    )
    parser.add_argument("source", type=Path, metavar="SRC", help="the file to read")
    parser.add_argument(
        "path", type=Path, metavar="DST.keras", help="the file to write"
    )
    parser.add_argument(
        "--model", metavar="NAME", help="refuse the file if it holds another model"
    )
    parser.add_argument(
        "--tags",
        metavar="FILE",
        help="what the outputs stand for, in their order: a text file with one tag "
        "per line, or mtt (the order of the original), mtt-reversed, msd, jamendo",
    )
    return parser


def main(args: argparse.Namespace) -> None:
    """Writes the model; prints what it is."""
    if args.path.suffix != ".keras":
        raise ConfigError(f"a model file must end in .keras, got {args.path}")
    if not args.path.parent.is_dir():
        raise ConfigError(f"there is no folder {args.path.parent}")
    from resemul.runtime.tensorflow import start_tensorflow
    from resemul.weights.tags import read_tags

    tags = None if args.tags is None else read_tags(args.tags)
    start_tensorflow()
    from resemul.checkpoints.model_file import import_model, save_model

    model, card = import_model(args.source, args.model, tags)
    card = save_model(model, card, args.path)
    print(
        f"{args.path}: {card.model}, {model.count_params():,} parameters, "
        f"{len(card.tags)} tags (order {card.source['tag_order']}), "
        f"{card.sample_rate} Hz"
    )
