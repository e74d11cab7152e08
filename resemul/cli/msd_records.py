"""`resemul msd records`: whole tracks in the original's TFRecord files."""

import argparse
import os
from pathlib import Path

from resemul.cli.executor_options import add_executor, executor_given, share_given
from resemul.cli.options import require_at_least
from resemul.cli.stages import Stages, add_stage
from resemul.configs.dataset import ColumnsConfig, DatasetConfig
from resemul.configs.track_records import FORMATS, TrackRecordsConfig
from resemul.errors import ConfigError


def add_records(stages: Stages) -> None:
    """Adds the stage."""
    stage = add_stage(
        stages,
        "records",
        "write whole tracks as the original's TFRecord files",
        "For programs that read those; 'resemul build' writes what 'resemul train' "
        "reads. A run that was stopped goes on with the files that are missing. Tracks "
        "without a tag, and those that cannot be decoded, are left out and listed in "
        "the manifest.",
        "msd records waveform records --csv-path tracks.csv --tag-path clean.db "
        "--root-dir previews",
        "msd records log-mel-spectrogram records --csv-path tracks.csv --tag-path "
        "clean.db --root-dir previews",
    )
    stage.add_argument("format", choices=FORMATS, help="of the audio")
    stage.add_argument("output", type=Path, metavar="DIR", help="folder of the files")
    for flag, what in (
        ("--csv-path", "table of tracks"),
        ("--tag-path", "database of clean tags"),
    ):
        stage.add_argument(flag, type=Path, metavar="FILE", required=True, help=what)
    stage.add_argument(
        "--root-dir",
        type=Path,
        metavar="DIR",
        help="what paths are relative to (default: the table's folder)",
    )
    stage.add_argument(
        "--npz", action="store_true", help="read the stored arrays of npz_path"
    )
    for flags, name, what in (
        (("--mels",), "num_bands", "mel bands"),
        (("--sr",), "sample_rate", "Hz"),
        (("-n", "--num-files"), "num_files", "how many files"),
        (("--seed",), "seed", "of the order of the tracks"),
    ):
        default = getattr(TrackRecordsConfig, name)
        stage.add_argument(
            *flags, dest=name, type=int, default=default, metavar="N", help=what
        )
    which = stage.add_mutually_exclusive_group()
    which.add_argument(
        *("-s", "--split"),
        nargs="+",
        type=float,
        metavar="SHARE",
        help="two or three files instead: shares of train, validation, test",
    )
    which.add_argument(
        *("-i", "--start-stop"),
        nargs=2,
        type=int,
        metavar=("FIRST", "LAST"),
        help="only these files, counted from 1: several machines share the work",
    )
    stage.add_argument("-v", "--verbose", action="store_true", help="show progress")
    stage.add_argument(
        "--num-workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes that decode",
    )
    add_executor(stage, "write the manifest of what tasks have written")
    stage.set_defaults(run=write_records)


def write_records(args: argparse.Namespace) -> None:
    """Writes the files, and says what they hold."""
    require_at_least(1, num_workers=args.num_workers)
    share = share_given(args)
    first, last = args.start_stop or (None, None)
    config = TrackRecordsConfig(
        format=args.format,
        sample_rate=args.sample_rate,
        num_bands=args.num_bands,
        num_files=args.num_files,
        split=tuple(args.split) if args.split else None,
        first=first,
        last=last,
        seed=args.seed,
    )
    tracks = DatasetConfig(
        dataset="msd",
        annotations=args.csv_path,
        audio_dir=args.root_dir,
        tag_db=args.tag_path,
        columns=ColumnsConfig(path="npz_path" if args.npz else None),
    )
    from resemul.datasets.msd import read_collection
    from resemul.records.track_shards import write_tracks

    try:
        args.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{args.output} cannot be written: {error.strerror}"
        ) from error
    collection = read_collection(tracks)
    with executor_given(args) as executor:
        manifest = write_tracks(
            collection,
            args.output,
            config,
            args.num_workers,
            executor=executor,
            share=share,
        )
    files = manifest["files"].values()
    skipped = [entry for file in files for entry in file["skipped"]]
    print(
        f"{args.output}: {len(files)} files, {sum(f['tracks'] for f in files)} tracks"
    )
    if skipped:
        print(f"left out: {len(skipped)}; the first: {skipped[0][0]}: {skipped[0][1]}")
