"""`resemul msd tags`, `info` and `candidates`: questions, and lists of names."""

import argparse
import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from resemul.cli.stages import Stages, add_stage, add_tag_source
from resemul.configs.curation import TAG_THRESHOLD, VOCAL_PERCENT
from resemul.errors import ConfigError


def add_tags(stages: Stages) -> None:
    stage = add_stage(
        stages,
        "tags",
        "look up the tags of tracks, or the tracks of a tag",
        "Prints a line for each; or all tags by popularity.",
        "msd tags lastfm_tags.db --popularity 20",
        "msd tags lastfm_tags.db --tid TRAAABD128F429CF47",
    )
    add_tag_source(stage)
    question = stage.add_mutually_exclusive_group(required=True)
    question.add_argument("--tid", nargs="+", metavar="ID", help="tags of these tracks")
    question.add_argument("--tag", metavar="NAME", help="tracks with this tag")
    question.add_argument(
        "--count", nargs="+", metavar="ID", help="of each tag, how many of these tracks"
    )
    question.add_argument(
        "--popularity",
        nargs="?",
        type=int,
        const=0,
        metavar="N",
        help="the N most frequent tags; all without a number",
    )
    question.add_argument(
        "--to-csv", type=Path, metavar="DIR", help="write the three tables there"
    )
    stage.add_argument(
        "--min-tags", type=int, default=0, metavar="N", help="--tid: only with so many"
    )
    stage.set_defaults(run=tags)


def add_info(stages: Stages) -> None:
    stage = add_stage(
        stages,
        "info",
        "look up what is known of songs",
        "Prints a line for each id. Ids are numbers of "
        "7digital, track ids (TR...) or song ids (SO...).",
        "msd info title TRAAABD128F429CF47 --path-db track_metadata.db",
        "msd info title 2264873 --path-h5 msd_summary_file.h5 --path-db "
        "track_metadata.db",
    )
    stage.add_argument(
        "attribute",
        metavar="NAME",
        help="title, artist_name, year, ...; track_id and track_7digitalid need the "
        "summary file only",
    )
    stage.add_argument(
        "ids", nargs="+", metavar="ID", help="of tracks, songs or 7digital"
    )
    for flag, what in (
        ("--path-h5", "summary file, which knows the ids"),
        ("--path-db", "track_metadata.db, which knows the rest"),
    ):
        stage.add_argument(flag, type=Path, metavar="FILE", help=what)
    stage.set_defaults(run=info)


def add_candidates(
    stages: Stages,
) -> None:
    stage = add_stage(
        stages,
        "candidates",
        "write lists of names to go through: genres, voices",
        "Put a - before each name "
        "that is no genre, or does not mean the voice, and save the list as "
        "<name>_filtered.txt.",
        "msd candidates lastfm_tags.db my-lists",
        "msd candidates lastfm_tags.db my-lists --threshold 1000",
    )
    add_tag_source(stage)
    stage.add_argument(
        "folder", type=Path, metavar="DIR", help="where to write the lists"
    )
    stage.add_argument(
        "--threshold",
        type=int,
        default=TAG_THRESHOLD,
        metavar="N",
        help="genres: names of so many tracks",
    )
    stage.add_argument(
        "--vocal",
        type=parse_percent,
        action="append",
        metavar="TAG=PERCENT",
        help="a vocal tag, and how much of what begins with its name is listed "
        f"(default: {' '.join(f'{t}={p:g}' for t, p in VOCAL_PERCENT.items())}); can "
        "be repeated",
    )
    stage.set_defaults(run=candidates)


def tags(args: argparse.Namespace) -> None:
    """Answers one question."""
    from resemul.curation.lastfm_files import open_tags

    with open_tags(args.source, args.in_memory) as source:
        if args.tid:
            tids = source.filter_tags(args.tid, args.min_tags)
            for tid, names in source.query_tags_dict(tids).items():
                _write_rows((tid, name) for name in names)
        elif args.tag is not None:
            _write_rows((tid,) for tid in source.with_tag(args.tag))
        elif args.count:
            _write_rows(source.tag_count(args.count).items())
        elif args.to_csv is not None:
            if not args.to_csv.is_dir():
                raise ConfigError(f"{args.to_csv} is no folder")
            for path in source.db_to_csv(args.to_csv):
                print(path)
        else:
            if args.popularity < 0:
                raise ConfigError("--popularity takes a number above 0, or none")
            table = source.popularity().iloc[: args.popularity or None]
            table.to_csv(sys.stdout, lineterminator="\n", index_label="rank")


def info(args: argparse.Namespace) -> None:
    """Prints an attribute of songs."""
    from resemul.curation.metadata import Metadata

    metadata = Metadata(args.path_h5, args.path_db)
    if args.attribute == "track_7digitalid":
        values = metadata.get_7digitalid_from_trackid(args.ids)
    elif args.attribute == "track_id" and args.path_db is None:
        values = metadata.get_trackid_from_7digitalid(args.ids)
    else:
        values = metadata.get_attribute(args.attribute, args.ids)
    _write_rows(zip(args.ids, values, strict=True))


def candidates(args: argparse.Namespace) -> None:
    """Writes lists of names to go through."""
    from resemul.curation.lastfm_files import open_tags
    from resemul.curation.tag_lists import write_candidates

    percents = dict(args.vocal) if args.vocal else VOCAL_PERCENT
    with open_tags(args.source, args.in_memory) as source:
        popularity = source.popularity()
    written = write_candidates(popularity, args.folder, args.threshold, percents)
    for path, num_names in written.items():
        print(f"{path}: {num_names} names")
    print(
        f"put a - before each name to reject, save the lists as <name>_filtered.txt, "
        f"and give the folder: resemul msd clean-tags {args.source} OUTPUT --lists "
        f"{args.folder}"
    )


def parse_percent(text: str) -> tuple[str, float]:
    """Reads TAG=PERCENT."""
    tag, _, percent = text.rpartition("=")
    try:
        value = float(percent)
    except ValueError:
        value = -1.0
    if not tag or not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(
            f"expected TAG=PERCENT, such as rap=90: {text}"
        )
    return tag, value


def _write_rows(rows: Iterable[Sequence[Any]]) -> None:
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
