"""`resemul msd clean-tags` and `statistics`: a clean database, and its figures."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resemul.cli.options import require_at_least
from resemul.cli.stages import Stages, add_output, add_stage, add_tag_source, writing
from resemul.configs.curation import (
    COMBINE,
    COUNTS,
    DROP,
    EQUIVALENT_SHARE,
    IMPLIED_SHARE,
    MAX_PLOTTED_TAGS,
    NAME_THRESHOLD,
    TAG_THRESHOLD,
    VOCAL_TAGS,
    CleaningConfig,
)
from resemul.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from resemul.curation.clean_tags import CleanTags
    from resemul.curation.tag_statistics import TagMatrix

# Characters of merged names in a line that is printed.
_SHOWN_WIDTH = 60
_PLOT_SUFFIXES = (".png", ".pdf", ".svg")


def add_clean_tags(
    stages: Stages,
) -> None:
    stage = add_stage(
        stages,
        "clean-tags",
        "write a database of clean tags",
        "Genres come first, by popularity, then vocal tags. Prints what was merged "
        "into what, and writes it as OUTPUT.names.csv.",
        "msd clean-tags lastfm_tags.db lastfm_clean.db --val 50",
        "msd clean-tags lastfm_tags.db lastfm_clean.db --lists my-lists",
    )
    add_tag_source(stage)
    add_output(stage, "the database")
    stage.add_argument(
        "--val", type=float, metavar="V", help="take only tags with a value above this"
    )
    stage.add_argument(
        *("--lists", "--supp-txt-path"),
        type=Path,
        metavar="DIR",
        help="lists of your own (default: those of resemul)",
    )
    stage.add_argument(
        "--threshold",
        type=int,
        default=TAG_THRESHOLD,
        metavar="N",
        help="tracks of a genre",
    )
    stage.add_argument(
        "--sub-threshold",
        type=int,
        default=NAME_THRESHOLD,
        metavar="N",
        help="tracks of a name that is merged into one",
    )
    stage.add_argument(
        "--ignore-case",
        action=argparse.BooleanOptionalAction,
        help="reject names in any spelling (default: with resemul's lists only)",
    )
    stage.add_argument(
        "--vocal-first",
        action=argparse.BooleanOptionalAction,
        help="names in a vocal list are no genres (default: with resemul's lists only)",
    )
    stage.add_argument(
        "--vocal",
        nargs="+",
        default=list(VOCAL_TAGS),
        metavar="TAG",
        help="vocal tags; each has a list",
    )
    stage.add_argument(
        "--count",
        default=COUNTS[0],
        choices=COUNTS,
        help="write a tag once a track, or, as was published, once for each name",
    )
    _add_corrections(stage)
    _add_rules(stage)
    stage.set_defaults(run=clean)


def _add_corrections(stage: argparse.ArgumentParser) -> None:
    for flag, metavar, what in (
        (
            "--combine",
            "NAME,NAME",
            "tags that become one, called by the most popular; can be repeated "
            f"(default: {' '.join(map(','.join, COMBINE))})",
        ),
        (
            "--drop",
            "NAME,NAME",
            f"names that are taken out again (default: {','.join(DROP)})",
        ),
        ("--add", "TAG=NAME,NAME", "names that mean a tag, too; can be repeated"),
    ):
        stage.add_argument(flag, action="append", metavar=metavar, help=what)


def _corrections(args: argparse.Namespace) -> dict[str, Any]:
    """Fields of the config; what was not given keeps its default."""
    fields: dict[str, Any] = {}
    if args.combine is not None:
        fields["combine"] = [group.split(",") for group in args.combine]
    if args.drop is not None:
        fields["drop"] = [name for names in args.drop for name in names.split(",")]
    if args.add is not None:
        pairs = [text.partition("=") for text in args.add]
        if not all(tag and names for tag, _, names in pairs):
            raise ConfigError(f"--add takes TAG=NAME,NAME, got {', '.join(args.add)}")
        fields["add_targets"] = [tag for tag, _, _ in pairs]
        fields["add"] = [names.split(",") for _, _, names in pairs]
    return fields


def _add_rules(stage: argparse.ArgumentParser) -> None:
    stage.add_argument(
        "--exp",
        type=int,
        choices=(1, 2, 3),
        help="where nearly all tracks with tag x have y: 1 adds y to all of them, 2 "
        "takes y, 3 takes x from those with both",
    )
    stage.add_argument(
        "--exp-threshold",
        type=float,
        default=EQUIVALENT_SHARE,
        metavar="SHARE",
        help="--exp: what nearly all is",
    )


def add_statistics(
    stages: Stages,
) -> None:
    stage = add_stage(
        stages,
        "statistics",
        "show which tags go together",
        "Prints tags that mean the same and tags that imply another; writes the share "
        "of each tag's tracks that have each other tag, and draws it.",
        "msd statistics lastfm_clean.db",
        "msd statistics lastfm_clean.db --csv shares.csv --plot shares.png",
    )
    add_tag_source(stage)
    stage.add_argument(
        "--tags", nargs="+", metavar="NAME", help="these tags (default: --top)"
    )
    stage.add_argument(
        "--top", type=int, default=155, metavar="N", help="the most frequent tags"
    )
    for flag, default, what in (
        ("--equivalent", EQUIVALENT_SHARE, "share from which two tags mean the same"),
        ("--implies", IMPLIED_SHARE, "share from which a tag implies another"),
    ):
        stage.add_argument(
            flag, type=float, default=default, metavar="SHARE", help=what
        )
    stage.add_argument(
        "--either", action="store_true", help="also tags that imply one of two others"
    )
    stage.add_argument("--csv", type=Path, metavar="FILE", help="write the shares")
    stage.add_argument("--plot", type=Path, metavar="FILE", help="draw the shares")
    stage.add_argument(
        "--max-plotted",
        type=int,
        default=MAX_PLOTTED_TAGS,
        metavar="N",
        help="--plot: so many tags",
    )
    stage.set_defaults(run=statistics)


def clean(args: argparse.Namespace) -> None:
    """Writes a clean database."""
    from resemul.curation.clean_tags import apply_rules, clean_tags, merge_report
    from resemul.curation.lastfm_files import open_tags, write_database
    from resemul.curation.tag_names import generate_final_frame
    from resemul.datasets.file_tables import output_path
    from resemul.runtime.spreadsheets import write_csv

    output = output_path(args.output, ".db")
    config = CleaningConfig(
        threshold=args.threshold,
        sub_threshold=args.sub_threshold,
        lists=args.lists,
        ignore_case=args.ignore_case,
        vocal_first=args.vocal_first,
        vocal_tags=tuple(args.vocal),
        **_corrections(args),
    )
    with open_tags(args.source, args.in_memory) as source:
        popularity = source.popularity()
        frame = generate_final_frame(popularity, config)
        cleaned = clean_tags(source, frame, args.val, args.count)
        num_tracks = len(source.get_tids())
    absent = cleaned.absent
    if args.exp is not None:
        shares = _matrix_of(cleaned).correlation_matrix_2d()
        cleaned = apply_rules(cleaned, shares, args.exp, args.exp_threshold)
    report = merge_report(frame, popularity)
    write_database(output, cleaned.tags, cleaned.tids, cleaned.tid_tag)
    report_path = output.with_suffix(".names.csv")
    with writing(report_path) as file:
        # Read by people, and names are anybody's.
        write_csv(report, file)
    _print_report(report)
    print(f"{output}: {len(cleaned.tags)} tags, {cleaned.num_tracks} tracks with one")
    print(f"of {num_tracks} tracks; {len(cleaned.tid_tag)} pairs of track and tag")
    print(f"{report_path}: what was merged into what")
    if absent:
        print(f"{len(absent)} names of the lists are not in {args.source}")


def _matrix_of(cleaned: "CleanTags") -> "TagMatrix":
    from resemul.curation.lastfm_backends import MemoryTags
    from resemul.curation.tag_statistics import TagMatrix

    tags = MemoryTags(cleaned.tags, cleaned.tids, cleaned.tid_tag)
    return TagMatrix.count(tags, tags.get_tags())


def _print_report(report: "pd.DataFrame") -> None:
    for number, rows in report.groupby("number"):
        tag, *others = rows["name"].tolist()
        total, shown = int(rows["count"].sum()), ", ".join(others)
        if len(shown) > _SHOWN_WIDTH:
            shown = f"{shown[:_SHOWN_WIDTH]}... ({len(others)} names)"
        print(f"{number:4}{total:9}  {tag.lower()}{': ' if shown else ''}{shown}")


def statistics(args: argparse.Namespace) -> None:
    """Prints what goes together; writes and draws the shares."""
    import pandas as pd

    from resemul.curation.lastfm_files import open_tags
    from resemul.curation.tag_statistics import TagMatrix, plot_correlation
    from resemul.runtime.spreadsheets import write_csv

    require_at_least(1, top=args.top, max_plotted=args.max_plotted)
    if args.plot is not None and args.plot.suffix not in _PLOT_SUFFIXES:
        raise ConfigError(
            f"--plot writes {', '.join(_PLOT_SUFFIXES)}, not {args.plot.name!r}"
        )
    with open_tags(args.source, args.in_memory) as source:
        names = args.tags or source.pop["tag"].iloc[: args.top].tolist()
        matrix = TagMatrix.count(source, names)
    shares = matrix.correlation_matrix_2d()
    if args.csv is not None:
        with writing(args.csv) as file:
            table = pd.DataFrame(shares, index=list(names), columns=list(names))
            write_csv(table.reset_index(names="tag"), file)
    if args.plot is not None:
        figure = plot_correlation(shares, names, args.max_plotted)
        with writing(args.plot, "wb") as file:
            figure.savefig(file, format=args.plot.suffix[1:])
    _print_pairs(matrix, shares, args)


def _print_pairs(
    matrix: "TagMatrix", shares: "np.ndarray", args: argparse.Namespace
) -> None:
    names = matrix.tags
    for i, j in zip(*matrix.are_equivalent(args.equivalent).nonzero(), strict=True):
        if i < j:
            print(f"{names[i]} = {names[j]} ({shares[i, j]:.2f}, {shares[j, i]:.2f})")
    for i, j in zip(*matrix.all_tag_is(args.implies).nonzero(), strict=True):
        print(f"{names[i]} -> {names[j]} ({shares[i, j]:.2f})")
    if args.either:
        found = matrix.all_tag_is_either(args.implies)
        for i, j, k in zip(*found.nonzero(), strict=True):
            if j < k:
                print(f"{names[i]} -> {names[j]} or {names[k]}")
