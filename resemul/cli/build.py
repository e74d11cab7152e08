"""`resemul build`: audio files to TFRecord shards."""

import argparse
import os
from pathlib import Path

from resemul.cli.options import add_data_dir, new_parser
from resemul.configs import BuildConfig


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul build`."""
    parser = new_parser(
        "Decodes the mp3 files of MagnaTagATune, cuts them into segments and writes "
        "TFRecord shards to <data-dir>/tfrecord.",
        "A stopped build goes on where it was when the same command is given again.",
    )
    add_data_dir(parser)
    parser.add_argument(
        "--sample-rate",
        type=int,
        default=BuildConfig.sample_rate,
        metavar="N",
        help="Hz, to which the audio is resampled",
    )
    parser.add_argument(
        "--num-samples",
        type=int,
        default=BuildConfig.num_samples,
        metavar="N",
        help="samples in a segment",
    )
    parser.add_argument(
        "--num-audios-per-shard",
        type=int,
        default=BuildConfig.num_audios_per_shard,
        metavar="N",
        help="clips in a shard",
    )
    parser.add_argument(
        "--min-segments",
        type=int,
        default=BuildConfig.min_segments,
        metavar="N",
        help="skip clips with fewer whole segments than this",
    )
    parser.add_argument(
        "--decoder",
        default=BuildConfig.decoder,
        choices=["pyav", "madmom"],
        help="library that decodes; both give the same samples",
    )
    parser.add_argument(
        "--keep-untagged",
        action="store_true",
        help="keep clips with none of the tags: the split mtt-all, not mtt-tagged",
    )
    parser.add_argument(
        "--num-workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes; the records are the same for any number",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="delete what an earlier build left in <data-dir>/tfrecord",
    )
    return parser


def main(args: argparse.Namespace) -> int:
    """Builds the shards and prints what they hold."""
    config = BuildConfig(
        sample_rate=args.sample_rate,
        num_samples=args.num_samples,
        num_audios_per_shard=args.num_audios_per_shard,
        min_segments=args.min_segments,
        decoder=args.decoder,
    )
    from resemul.constants import SPLITS
    from resemul.datasets import DATASETS
    from resemul.records import RECORDS_FOLDER, write_shards

    annotations = DATASETS["mtt"](args.data_dir, keep_untagged=args.keep_untagged)
    folder: Path = args.data_dir / RECORDS_FOLDER
    manifest = write_shards(
        annotations, folder, config, max(1, args.num_workers), args.overwrite
    )
    print(f"split {annotations.split_name}, {len(annotations.tags)} tags, in {folder}")
    for split in SPLITS:
        print(
            f"  {split:5} {manifest.num_clips(split):6d} clips "
            f"{manifest.num_segments(split):7d} segments"
        )
    short = manifest.short()
    if short:
        print(f"{len(short)} clips are short, and used with the segments they have:")
        for clip_id, split, num_segments in short:
            print(
                f"  {split:5} clip {clip_id}: {num_segments} of "
                f"{manifest.full_segments()} segments"
            )
    skipped = manifest.skipped()
    if skipped:
        print(f"{len(skipped)} clips were skipped:")
        for clip in skipped:
            print(f"  {clip.split:5} clip {clip.clip_id}: {clip.reason}")
    return 0
