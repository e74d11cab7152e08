"""`resemul build`: audio files to TFRecord shards."""

import argparse
import math
import os
from typing import TYPE_CHECKING

from resemul.cli.dataset_options import add_dataset_options, dataset_config
from resemul.cli.options import new_parser
from resemul.configs import ENCODING_BYTES, BuildConfig
from resemul.constants import SPLITS

if TYPE_CHECKING:
    from resemul.records import Manifest


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul build`."""
    parser = new_parser(
        "Decodes the audio files of MagnaTagATune, or of any other collection, cuts "
        "them into segments and writes TFRecord shards to <data-dir>/tfrecord.",
        "A stopped build goes on where it was when the same command is given again.",
    )
    add_dataset_options(parser)
    _add_records(parser.add_argument_group("records"))
    return parser


def _add_records(group: argparse._ArgumentGroup) -> None:
    for flag, default, text in (
        (
            "--sample-rate",
            BuildConfig.sample_rate,
            "Hz, to which the audio is resampled",
        ),
        ("--num-samples", BuildConfig.num_samples, "samples in a segment"),
        (
            "--num-audios-per-shard",
            BuildConfig.num_audios_per_shard,
            "clips in a shard",
        ),
    ):
        group.add_argument(flag, type=int, default=default, metavar="N", help=text)
    _add_lengths(group)
    group.add_argument(
        "--decoder",
        default=BuildConfig.decoder,
        choices=["pyav", "madmom"],
        help="library that decodes; both give the same samples",
    )
    group.add_argument(
        "--encoding",
        default=BuildConfig.encoding,
        choices=ENCODING_BYTES,
        help="of the samples: float32, which the original reads too, or int16, which "
        "takes half the space and rounds to 1/32768",
    )
    group.add_argument(
        "--num-workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes; the records are the same for any number",
    )
    group.add_argument(
        "--index-only",
        action="store_true",
        help="write no records, only the counts that train --from-audio needs, to "
        "<data-dir>/audio_index.json",
    )
    group.add_argument(
        "--overwrite",
        action="store_true",
        help="delete what an earlier build left in <data-dir>/tfrecord",
    )


def _add_lengths(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--clip-seconds",
        type=_parse_seconds,
        metavar="S",
        help="how much of each file to read, or 'all' (default: "
        f"{BuildConfig.clip_seconds:g} for mtt, else all)",
    )
    group.add_argument(
        "--min-segments",
        type=int,
        metavar="N",
        help="skip clips with fewer whole segments than this; 0 pads clips that are "
        f"shorter than one with silence (default: {BuildConfig.min_segments} for mtt, "
        "else 0)",
    )


def _parse_seconds(text: str) -> float | str:
    if text == "all":
        return text
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"expected seconds or 'all', got {text!r}")
    return seconds


def _build_config(args: argparse.Namespace) -> BuildConfig:
    """MTT's clips are cut as the published system cut them, all others kept whole."""
    is_mtt = args.dataset == "mtt"
    clip_seconds = args.clip_seconds
    if clip_seconds is None:
        clip_seconds = BuildConfig.clip_seconds if is_mtt else "all"
    min_segments = args.min_segments
    if min_segments is None:
        min_segments = BuildConfig.min_segments if is_mtt else 0
    return BuildConfig(
        sample_rate=args.sample_rate,
        num_samples=args.num_samples,
        clip_seconds=None if clip_seconds == "all" else clip_seconds,
        num_audios_per_shard=args.num_audios_per_shard,
        min_segments=min_segments,
        decoder=args.decoder,
        encoding=args.encoding,
    )


def main(args: argparse.Namespace) -> int:
    """Builds the shards, or counts what they would hold; prints that."""
    config = _build_config(args)
    dataset = dataset_config(args)
    from resemul.datasets import load_annotations
    from resemul.records import (
        AUDIO_INDEX_FILE,
        RECORDS_FOLDER,
        write_audio_index,
        write_shards,
    )

    annotations = load_annotations(dataset)
    write = write_audio_index if args.index_only else write_shards
    name = AUDIO_INDEX_FILE if args.index_only else RECORDS_FOLDER
    target = args.data_dir / name
    manifest = write(
        annotations, target, config, max(1, args.num_workers), args.overwrite
    )
    print(f"split {annotations.split_name}, {len(annotations.tags)} tags, in {target}")
    _print_contents(manifest)
    return 0


def _print_contents(manifest: "Manifest") -> None:
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
