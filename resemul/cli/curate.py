"""`resemul curate`: scan, silence and duplicates of any collection."""

import argparse
from pathlib import Path

from resemul.cli import msd_files
from resemul.cli.parser import new_parser
from resemul.cli.stages import (
    Stages,
    add_output,
    add_scan_options,
    add_silence_options,
    add_stage,
    call_comment,
    writing,
)
from resemul.errors import ConfigError


def build_parser() -> argparse.ArgumentParser:
    """The stages, each with options of its own."""
    parser = new_parser(
        "Looks through a collection of one's own: which files there are, which are "
        "silent or broken, which are there twice.",
        "'resemul curate STAGE -h' explains a stage.",
        [
            "resemul curate scan music files.csv",
            "resemul curate silence music heard.csv --filter-trim-length 15",
        ],
    )
    stages = parser.add_subparsers(
        title="stages", required=True, metavar="STAGE", prog="resemul curate"
    )
    _add_scan(stages)
    _add_silence(stages)
    _add_duplicates(stages)
    return parser


def main(args: argparse.Namespace) -> int:
    """Runs a stage."""
    return int(args.run(args) or 0)


def _add_scan(stages: Stages) -> None:
    stage = add_stage(
        stages,
        "scan",
        "list the audio files of a folder",
        "The table has their path, size, channels and length. A file "
        "without a header that can be read has channels 0 and no length.",
        "curate scan music files.csv",
        "curate scan music files.csv --abs",
    )
    stage.add_argument("folder", type=Path, metavar="DIR", help="where to look")
    add_output(stage)
    add_scan_options(stage)
    stage.set_defaults(run=_scan)


def _add_silence(stages: Stages) -> None:
    stage = add_stage(
        stages,
        "silence",
        "find where each file is silent, and filter",
        "Decodes each file once, adds nine columns, and keeps the rows that pass. A "
        "run that was stopped goes on where it was.",
        "curate silence music heard.csv --filter-trim-length 15",
        "curate silence files.csv heard.csv --audio-dir music --filter-max-silence 3",
    )
    _add_collection(stage)
    add_output(stage)
    add_silence_options(stage)
    stage.set_defaults(run=_silence)


def _add_duplicates(
    stages: Stages,
) -> None:
    stage = add_stage(
        stages,
        "duplicates",
        "keep one of each group of files that are the same",
        "The same are files that are equal byte by byte, or rows that agree in "
        "columns, or are linked by others that do.",
        "curate duplicates music unique.csv",
        "curate duplicates my.csv unique.csv --by artist,title --by isrc",
    )
    _add_collection(stage)
    add_output(stage)
    stage.add_argument(
        "--by",
        action="append",
        type=lambda names: names.split(","),
        metavar="COLUMN,COLUMN",
        help="rows that agree in all of these; can be repeated (default: the content)",
    )
    stage.add_argument(
        "--seed", type=int, default=42, metavar="N", help="of the choice in a group"
    )
    stage.set_defaults(run=_duplicates)


def _add_collection(stage: argparse.ArgumentParser) -> None:
    stage.add_argument(
        "input", type=Path, metavar="IN", help="folder of audio, or table of files"
    )
    stage.add_argument(
        "--audio-dir",
        type=Path,
        metavar="DIR",
        help="what paths in a table are relative to (default: its folder)",
    )


def _scan(args: argparse.Namespace) -> None:
    from resemul.curation.scan import file_columns, scan_audio

    columns = file_columns(
        previews=False,
        size=not args.no_size,
        channels=not args.no_channels,
        length=not args.no_length,
    )
    msd_files.write_files(args, scan_audio(args.folder), columns, args.folder)


def _silence(args: argparse.Namespace) -> None:
    from resemul.curation.silence_files import SilenceConfig
    from resemul.datasets.file_tables import output_path

    output = output_path(args.output)
    wanted = msd_files.silence_filter(args)
    config = SilenceConfig(
        root=_root(args), padding=args.padding, num_workers=args.num_workers
    )
    if not args.input.is_dir():
        msd_files.write_silence_table(args, args.input, output, config, wanted)
        return
    listing = output.with_name(f".{output.name}.files.csv")
    try:
        _write_listing(args.input, listing)
        msd_files.write_silence_table(args, listing, output, config, wanted)
    finally:
        listing.unlink(missing_ok=True)


def _duplicates(args: argparse.Namespace) -> None:
    from resemul.curation.duplicates import (
        drop_groups,
        group_by_columns,
        group_by_content,
    )
    from resemul.datasets.file_tables import (
        find_path_column,
        output_path,
        read_table,
        write_table,
    )

    output = output_path(args.output)
    if args.input.is_dir():
        if args.by:
            raise ConfigError("--by goes with a table; a folder has no columns")
        listing = output.with_name(f".{output.name}.files.csv")
        try:
            _write_listing(args.input, listing)
            table = read_table(listing)
        finally:
            listing.unlink(missing_ok=True)
    else:
        table = read_table(args.input)
    if args.by:
        groups = group_by_columns(table, args.by)
    else:
        paths = table[find_path_column(table.columns, args.input)].fillna("")
        groups = group_by_content([_root(args) / path for path in paths])
    kept = drop_groups(table, groups, args.seed)
    with writing(output) as file:
        write_table(kept, file, call_comment(args))
    print(f"{output}: {len(kept)} of {len(table)} rows left, {len(groups)} groups")


def _root(args: argparse.Namespace) -> Path:
    if args.audio_dir is not None:
        return Path(args.audio_dir)
    return Path(args.input if args.input.is_dir() else args.input.parent)


def _write_listing(folder: Path, path: Path) -> None:
    import csv

    from resemul.curation.scan import AudioFile, file_columns, file_row, scan_audio

    columns = file_columns(previews=False)
    with writing(path) as file:
        writer = csv.DictWriter(
            file, columns, extrasaction="ignore", lineterminator="\n"
        )
        writer.writeheader()
        for found in scan_audio(folder):
            if isinstance(found, AudioFile):
                writer.writerow(file_row(found, folder))
