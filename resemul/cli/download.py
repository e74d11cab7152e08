"""`resemul download`: fetch, check and unpack a data set."""

import argparse

from resemul.cli.options import add_data_dir
from resemul.cli.parser import new_parser
from resemul.downloads import MTT_URL, PUBLISHED_MTT, MttFiles, download_mtt


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul download`."""
    parser = new_parser(
        "Fetches a data set, checks it and unpacks it. Run it again to go on after "
        "a break.",
        epilog="MTT needs about 6 GB on the disk, 3 GB of it until it is unpacked.",
        examples=[
            "resemul download mtt --data-dir dataset",
            "resemul download mtt --data-dir dataset --mirror https://example.org/mtt/",
        ],
    )
    parser.add_argument("dataset", choices=["mtt"], help="mtt: MagnaTagATune")
    add_data_dir(parser)
    parser.add_argument(
        "--mirror",
        default=MTT_URL,
        metavar="URL",
        help="folder on a server with the published files under their names",
    )
    parser.add_argument(
        "--keep-zip",
        action="store_true",
        help="keep the archive when it is unpacked",
    )
    return parser


def main(args: argparse.Namespace, files: MttFiles = PUBLISHED_MTT) -> None:
    """Fetches the data set; prints where it is."""
    num_files = download_mtt(
        args.data_dir, args.mirror, files=files, keep_zip=args.keep_zip
    )
    print(f"{args.data_dir}: annotations and {num_files} audio files")
