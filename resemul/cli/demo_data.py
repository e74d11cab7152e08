"""`resemul demo-data`: a synthetic data set, for those without MTT."""

import argparse
import os
from pathlib import Path

from resemul.cli.parser import new_parser


def build_parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = new_parser(
        "Write a small synthetic data set in the layout of MagnaTagATune: mixes of "
        "computed sounds with tags, to try every command on in minutes. "
        "It is not music, and scores on it say nothing about music.",
        examples=[
            "resemul demo-data --data-dir demo/dataset --num-clips 48",
            "resemul demo-data --layout msd --data-dir demo/msd",
        ],
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path("./demo/dataset"),
        metavar="PATH",
        help="folder to write to: new, empty, or from an earlier run",
    )
    parser.add_argument(
        "--layout",
        default="mtt",
        choices=("mtt", "msd"),
        help="of MagnaTagATune, or of the Million Song Dataset: previews, a summary "
        "file, Last.fm's tags, for 'resemul msd'",
    )
    parser.add_argument(
        "--num-clips",
        type=int,
        default=192,
        metavar="N",
        help="clips, at least 16; two damaged ones come on top",
    )
    parser.add_argument(
        "--clip-seconds",
        type=float,
        default=29.1,
        metavar="N",
        help="length of a clip; the default is MTT's",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the random choices"
    )
    parser.add_argument(
        "--num-workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes; the files are the same for any number",
    )
    return parser


def main(args: argparse.Namespace) -> None:
    """Writes the data set and says what is there."""
    from resemul.audio.encode import encode_mp3

    if args.layout == "msd":
        from resemul.curation.demo import write_msd_demo

        num_previews = write_msd_demo(
            args.data_dir,
            encode_mp3,
            num_clips=args.num_clips,
            seed=args.seed,
            clip_seconds=args.clip_seconds,
            num_workers=args.num_workers,
        )
        print(f"{args.data_dir}: {num_previews} previews, seed {args.seed}")
        return
    from resemul.datasets.demo import DEMO_TAGS, write_demo

    num_written = write_demo(
        args.data_dir,
        encode_mp3,
        num_clips=args.num_clips,
        seed=args.seed,
        clip_seconds=args.clip_seconds,
        num_workers=args.num_workers,
    )
    print(
        f"{args.data_dir}: {args.num_clips} clips and 2 damaged ones, "
        f"{len(DEMO_TAGS)} tags, seed {args.seed}; {num_written} files written now"
    )
