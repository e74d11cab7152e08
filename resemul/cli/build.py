"""`resemul build`: audio files to TFRecord shards."""

import argparse
import dataclasses
import math
import os
from typing import TYPE_CHECKING

from resemul.cli.dataset_options import add_dataset_options, dataset_config
from resemul.cli.parser import new_parser
from resemul.configs import (
    DEFAULT_MODEL,
    ENCODING_BYTES,
    MODEL_ENTRIES,
    BuildConfig,
    records_of_model,
)
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
    group.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME",
        help="whose recipe decides the options up to --min-segments that are not "
        f"given: {', '.join(MODEL_ENTRIES)}, or your own as module:function",
    )
    for flag, text in (
        ("--sample-rate", "Hz, to which the audio is resampled"),
        ("--num-samples", "samples in a segment"),
    ):
        default = getattr(BuildConfig, flag[2:].replace("-", "_"))
        group.add_argument(
            flag, type=int, metavar="N", help=f"{text} ({DEFAULT_MODEL}: {default})"
        )
    _add_lengths(group)
    group.add_argument(
        "--num-audios-per-shard",
        type=int,
        default=BuildConfig.num_audios_per_shard,
        metavar="N",
        help="clips in a shard",
    )
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
    """The records of the model, but for what is asked for."""
    config = records_of_model(args.model, args.dataset)
    given = {
        name: getattr(args, name)
        for name in ("sample_rate", "num_samples", "clip_seconds", "min_segments")
        if getattr(args, name) is not None
    }
    if given.get("clip_seconds") == "all":
        given["clip_seconds"] = None
    return dataclasses.replace(
        config,
        num_audios_per_shard=args.num_audios_per_shard,
        decoder=args.decoder,
        encoding=args.encoding,
        **given,
    )


def main(args: argparse.Namespace) -> int:
    """Builds the shards, or counts what they would hold; prints that."""
    config = _build_config(args)
    dataset = dataset_config(args)
    from resemul.runtime.tensorflow import start_tensorflow

    start_tensorflow()
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
