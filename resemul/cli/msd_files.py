"""`resemul msd fetch`, `silence` and `wrangle`: tables of files, one of another."""

import argparse
import csv
import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.executor_options import executor_given
from resemul.cli.options import require_at_least
from resemul.cli.stages import (
    Stages,
    add_output,
    add_scan_options,
    add_silence_options,
    add_stage,
    call_comment,
    writing,
)
from resemul.configs.curation import STEPS, SilenceFilter
from resemul.errors import ConfigError

if TYPE_CHECKING:
    from resemul.curation.scan import Found
    from resemul.curation.silence_files import SilenceConfig, Summary

logger = logging.getLogger(__name__)

# Files that are named in the log, of those that are left out.
_MAX_NAMED = 10


def add_fetch(stages: Stages) -> None:
    stage = add_stage(
        stages,
        "fetch",
        "list the mp3 files of a folder",
        "They are previews of 7digital, <id>.clip.mp3; the table has their id, path, "
        "size, channels and length. A file without an mp3 header has channels 0 and "
        "no length; mp3 files with other names are left out and listed.",
        "msd fetch files.csv --root-dir previews",
        "msd fetch files.csv --root-dir previews --abs",
    )
    add_output(stage)
    stage.add_argument("-v", "--verbose", action="store_true", help="show progress")
    stage.add_argument(
        "--root-dir", type=Path, default=Path(), metavar="DIR", help="where to look"
    )
    add_scan_options(stage)
    stage.add_argument(
        "--debug", action="store_true", help="name each file that is left out"
    )
    stage.set_defaults(run=fetch)


def add_silence(stages: Stages) -> None:
    stage = add_stage(
        stages,
        "silence",
        "find where each file is silent, and filter",
        "Decodes each file once, adds nine columns, and keeps the rows that pass. A "
        "table that has the columns is only "
        "filtered. A run that was stopped goes on where it was.",
        "msd silence files.csv heard.csv --root-dir-mp3 previews",
        "msd silence files.csv heard.csv --root-dir-mp3 previews --min-size 200000 "
        "--filter-trim-length 15 --filter-tot-silence 3 --filter-max-silence 1",
    )
    stage.add_argument("input", type=Path, metavar="IN", help="table of files")
    add_output(stage)
    stage.add_argument("-v", "--verbose", action="store_true", help="show progress")
    stage.add_argument(
        "--root-dir-mp3",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="what the paths are relative to",
    )
    stage.add_argument(
        "--root-dir-npz",
        type=Path,
        metavar="DIR",
        help="folder of npz files of the original: their intervals are taken, and "
        "audio is only decoded where one is missing",
    )
    add_silence_options(stage)
    stage.set_defaults(run=silence)


def add_wrangle(stages: Stages) -> None:
    stage = add_stage(
        stages,
        "wrangle",
        "match files with tracks, drop what is of no use",
        "Tracks are those of the Million Song Dataset. Drops ids that are there "
        "twice, mismatches, files that are empty or without a header, and, if asked "
        "to, tracks without a tag and duplicates. Prints the rows left. Files may "
        "have gone through 'silence' before; a table that was matched before can be "
        "purged further.",
        "msd wrangle heard.csv matched.csv --path-h5 msd_summary_file.h5",
        "msd wrangle heard.csv ultimate.csv --path-h5 msd_summary_file.h5 --path-db "
        "lastfm_tags.db --path-txt-dupl msd_duplicates.txt --path-txt-mism "
        "sid_mismatches.txt --discard-no-tag --discard-dupl",
    )
    stage.add_argument("input", type=Path, metavar="IN", help="table of files")
    add_output(stage)
    for flag, what in (
        ("--path-h5", "summary file of the Million Song Dataset"),
        ("--path-db", "Last.fm's tags, for --discard-no-tag"),
        ("--path-txt-dupl", "list of duplicates, for --discard-dupl"),
        ("--path-txt-mism", "list of mismatches; without it none are dropped"),
    ):
        stage.add_argument(flag, type=Path, metavar="FILE", help=what)
    stage.add_argument(
        "--discard-no-tag", action="store_true", help="drop tracks without a tag"
    )
    stage.add_argument(
        "--discard-dupl", action="store_true", help="keep one track of each group"
    )
    stage.add_argument(
        "--order",
        type=lambda names: tuple(names.split(",")),
        metavar="STEP,STEP",
        help=f"other steps, or another order, than {', '.join(STEPS)}",
    )
    stage.set_defaults(run=wrangle)


def fetch(args: argparse.Namespace) -> None:
    """Lists previews."""
    from resemul.curation.scan import file_columns, scan_previews

    columns = file_columns(
        previews=True,
        size=not args.no_size,
        channels=not args.no_channels,
        length=not args.no_length,
    )
    found = scan_previews(args.root_dir, read_headers=bool({*columns} & _HEADER))
    write_files(args, found, columns, args.root_dir, name_all=args.debug)


_HEADER = {"channels", "clip_length"}


def write_files(
    args: argparse.Namespace,
    found: "Iterable[Found]",
    columns: list[str],
    root: Path,
    name_all: bool = False,
) -> None:
    """Writes a row per file, and says which were left out."""
    from resemul.curation.scan import AudioFile, file_row
    from resemul.datasets.file_tables import output_path
    from resemul.runtime.progress import Progress

    output = output_path(args.output)
    num_rows = num_without_header = num_skipped = 0
    with writing(output) as file, Progress(None, "files", "scan") as progress:
        file.write(call_comment(args))
        writer = csv.DictWriter(
            file, columns, extrasaction="ignore", lineterminator="\n"
        )
        writer.writeheader()
        for one in found:
            progress.advance()
            if isinstance(one, AudioFile):
                writer.writerow(file_row(one, root, absolute=args.absolute))
                num_rows += 1
                num_without_header += one.seconds is None
                continue
            num_skipped += 1
            if name_all or num_skipped <= _MAX_NAMED:
                logger.warning("left out: %s: %s", one.path, one.reason)
    print(f"{output}: {num_rows} files, {num_skipped} left out")
    if _HEADER & set(columns):
        print(f"without a header that can be read: {num_without_header}")


def silence(args: argparse.Namespace) -> None:
    """Adds silence to a table of files, and filters it."""
    from resemul.curation.silence import has_silence_columns
    from resemul.curation.silence_files import SilenceConfig
    from resemul.datasets.file_tables import output_path, read_header, require_columns

    require_at_least(1, num_workers=args.num_workers)
    output = output_path(args.output)
    wanted = silence_filter(args)
    header = read_header(args.input)
    require_columns(header, ["file_size"], args.input)
    if has_silence_columns(header) and wanted.is_off:
        print("nothing to do: the table has the columns, and no filter was asked for")
        return
    config = SilenceConfig(
        root=args.root_dir_mp3,
        npz_root=args.root_dir_npz,
        padding=args.padding,
        num_workers=args.num_workers,
    )
    write_silence_table(args, args.input, output, config, wanted)


def silence_filter(args: argparse.Namespace) -> SilenceFilter:
    """The conditions that were asked for."""
    return SilenceFilter(
        min_size=args.min_size,
        trim_length=args.filter_trim_length,
        tot_silence=args.filter_tot_silence,
        max_silence=args.filter_max_silence,
    )


def write_silence_table(
    args: argparse.Namespace,
    source: Path,
    output: Path,
    config: "SilenceConfig",
    wanted: SilenceFilter,
) -> None:
    """Runs the stage; its journal is kept until the table has its name."""
    from resemul.curation.silence_files import write_silence

    journal = output.with_name(f".{output.name}.journal")
    with writing(output) as file:
        file.write(call_comment(args))
        with executor_given(args) as executor:
            summary = write_silence(
                source, file, journal, config, wanted, executor=executor
            )
    with suppress(FileNotFoundError):
        journal.unlink()
    _report_broken(output, summary)
    print(f"{output}: {summary.num_left} of {summary.num_rows} rows left")


def _report_broken(output: Path, summary: "Summary") -> None:

    if not summary.broken:
        return
    path = output.with_suffix(".broken.csv")
    with writing(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file_path", "reason"))
        writer.writerows(summary.broken)
    print(f"{path}: {len(summary.broken)} files that cannot be decoded")


def wrangle(args: argparse.Namespace) -> None:
    """Matches and purges."""
    from resemul.curation import match
    from resemul.curation.lastfm_files import open_tags
    from resemul.datasets.file_tables import output_path, read_table, write_table

    output = output_path(args.output)
    for flag, given, needed in (
        ("--discard-no-tag", args.discard_no_tag, "path_db"),
        ("--discard-dupl", args.discard_dupl, "path_txt_dupl"),
    ):
        if given and getattr(args, needed) is None:
            raise ConfigError(f"{flag} needs --{needed.replace('_', '-')} FILE")
    files = read_table(args.input)
    tagged = duplicates = None
    if args.discard_no_tag:
        with open_tags(args.path_db) as tags:
            tagged = tags.get_tids()
    if args.discard_dupl:
        duplicates = match.read_duplicates(args.path_txt_dupl)
    lists = match.Lists(
        summary=args.path_h5 and match.read_summary(args.path_h5),
        mismatches=args.path_txt_mism and match.read_mismatches(args.path_txt_mism),
        tagged=tagged,
        duplicates=duplicates,
    )
    table, steps = match.wrangle(files, lists, args.order or STEPS)
    with writing(output) as file:
        write_table(table, file, call_comment(args))
    for name, num_rows in steps:
        print(f"{name:12}{num_rows:10}")
    print(output)
