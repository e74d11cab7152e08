"""`resemul build`: audio files to TFRecord shards."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.build_options import (
    accept_any_name,
    add_build_options,
    add_decoding,
    build_config,
    check_decoding,
)
from resemul.cli.dataset_options import add_dataset_options, dataset_config
from resemul.cli.executor_options import (
    add_executor,
    executor_given,
    say_done,
    share_given,
)
from resemul.cli.options import add_records_dir
from resemul.cli.parser import new_parser
from resemul.configs import BuildConfig, DatasetConfig
from resemul.constants import SPLITS
from resemul.errors import ConfigError
from resemul.runtime.tasks import Share

if TYPE_CHECKING:
    from resemul.datasets import Annotations
    from resemul.records import Manifest


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul build`."""
    parser = new_parser(
        "Decodes the audio files of MagnaTagATune, or of any other collection, cuts "
        "them into segments and writes TFRecord shards.",
        "A stopped build goes on where it was when the same command is given again.",
        examples=[
            "resemul build --data-dir dataset",
            "resemul build --dataset csv --annotations my.csv --data-dir mine",
        ],
    )
    add_dataset_options(parser)
    group = parser.add_argument_group("records")
    add_records_dir(group)
    add_build_options(group)
    add_decoding(group)
    group.add_argument(
        "--index-only",
        action="store_true",
        help="write no records, only the counts that train --from-audio needs, to "
        "audio_index.json in <data-dir>, or in --records-dir",
    )
    group.add_argument(
        "--overwrite",
        action="store_true",
        help="delete what an earlier build left there",
    )
    add_executor(parser, "write the manifest of what tasks have built")
    return parser


def main(args: argparse.Namespace) -> int:
    """Builds the shards, or counts what they would hold; prints that."""
    check_decoding(args)
    config = build_config(args)
    dataset = dataset_config(args)
    share = share_given(args)
    if args.overwrite and not share.is_whole:
        raise ConfigError(
            "--overwrite would delete what other tasks have built; delete it before "
            "the first"
        )
    from resemul.datasets import load_annotations
    from resemul.records import AUDIO_INDEX_FILE, RECORDS_FOLDER

    annotations = load_annotations(dataset)
    if args.index_only:
        target = (args.records_dir or args.data_dir) / AUDIO_INDEX_FILE
    else:
        target = args.records_dir or args.data_dir / RECORDS_FOLDER
    write = partial(_index, dataset=dataset) if args.index_only else _build
    manifest = write(args, annotations, target, config, share)
    accept_any_name(sys.stdout)
    if manifest is None:
        say_done(share)
        return 0
    print(f"split {annotations.split_name}, {len(annotations.tags)} tags, in {target}")
    _print_contents(manifest)
    return 0


def _build(
    args: argparse.Namespace,
    annotations: "Annotations",
    target: Path,
    config: BuildConfig,
    share: Share,
) -> "Manifest | None":
    from resemul.records.shards import finish_shards, write_shards, write_share

    if share.is_finish:
        return finish_shards(annotations, target, config)
    how = {"num_workers": args.num_workers, "timeout_seconds": args.decode_timeout}
    if share.task is not None:
        return write_share(annotations, target, config, share.task, **how)
    with executor_given(args) as executor:
        return write_shards(
            annotations,
            target,
            config,
            overwrite=args.overwrite,
            executor=executor,
            **how,
        )


def _index(
    args: argparse.Namespace,
    annotations: "Annotations",
    target: Path,
    config: BuildConfig,
    share: Share,
    dataset: DatasetConfig,
) -> "Manifest | None":
    from resemul.records import write_audio_index

    with executor_given(args) as executor:
        return write_audio_index(
            annotations,
            target,
            config,
            num_workers=args.num_workers,
            overwrite=args.overwrite,
            timeout_seconds=args.decode_timeout,
            dataset=dataset,
            executor=executor,
            share=share,
        )


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
    _print_padded(manifest)
    skipped = manifest.skipped()
    if skipped:
        print(f"{len(skipped)} clips were skipped:")
        for clip in skipped:
            print(f"  {clip.split:5} clip {clip.clip_id}: {clip.reason}")


def _print_padded(manifest: "Manifest") -> None:
    """How many clips are shorter than a segment, as models then hear much silence."""
    padded = [seconds for _, _, seconds in manifest.padded()]
    if not padded:
        return
    config = manifest.identity.config
    num_clips = sum(map(manifest.num_clips, SPLITS))
    print(
        f"{len(padded)} of {num_clips} clips are shorter than a segment of "
        f"{config.num_samples / config.sample_rate:.2f} s and filled with silence: "
        f"they have {min(padded):.2f} to {max(padded):.2f} s, "
        f"{sum(padded) / len(padded):.2f} s on average"
    )
