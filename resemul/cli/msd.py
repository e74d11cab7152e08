"""`resemul msd`: the Million Song Dataset and Last.fm, stage by stage."""

import argparse

from resemul.cli import msd_clean, msd_config, msd_files, msd_records, msd_tags
from resemul.cli.parser import new_parser


def build_parser() -> argparse.ArgumentParser:
    """The stages, each with options of its own."""
    parser = new_parser(
        "From a folder of previews and Last.fm's tags to clean tracks and tags.",
        "'resemul msd STAGE -h' explains a stage. docs/million-song.md goes through "
        "them.",
        [
            "resemul msd fetch files.csv --root-dir previews",
            "resemul msd clean-tags lastfm_tags.db lastfm_clean.db",
        ],
    )
    stages = parser.add_subparsers(
        title="stages", required=True, metavar="STAGE", prog="resemul msd"
    )
    for add in (
        msd_files.add_fetch,
        msd_files.add_silence,
        msd_files.add_wrangle,
        msd_tags.add_tags,
        msd_tags.add_info,
        msd_tags.add_candidates,
        msd_clean.add_clean_tags,
        msd_clean.add_statistics,
        msd_records.add_records,
        msd_config.add_config,
    ):
        add(stages)
    return parser


def main(args: argparse.Namespace) -> int:
    """Runs a stage."""
    return int(args.run(args) or 0)
