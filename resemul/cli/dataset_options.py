"""Options that say which clips there are, what their tags are, and how they split."""

import argparse
from pathlib import Path

from resemul.cli.options import add_data_dir
from resemul.configs.dataset import (
    DATASETS,
    DEFAULT_DATASET,
    DEFAULT_RATIO,
    MERGE_NAMES,
    SPLIT_RULES,
    ColumnsConfig,
    DatasetConfig,
    SplitConfig,
    TagsConfig,
)


def add_dataset_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--data-dir` and what `dataset_config` reads, in groups."""
    add_data_dir(parser)
    _add_collection(parser.add_argument_group("data set"))
    _add_columns(parser.add_argument_group("columns of --annotations"))
    _add_tags(parser.add_argument_group("tags"))
    _add_split(parser.add_argument_group("split"))


def dataset_config(args: argparse.Namespace) -> DatasetConfig:
    """The config that the parsed options ask for."""
    return DatasetConfig(
        dataset=args.dataset,
        data_dir=args.data_dir,
        annotations=args.annotations,
        audio_dir=args.audio_dir,
        skip_missing=args.skip_missing,
        tag_db=args.tag_db,
        excluded=args.exclude,
        columns=ColumnsConfig(
            path=args.path_column,
            clip_id=args.id_column,
            tags=args.tag_column,
            separator=args.separator,
            split=args.split_column,
            ignored=tuple(args.ignore_columns),
        ),
        tags=TagsConfig(
            num_tags=args.num_tags,
            file=args.tags,
            merge=args.merge,
            merge_names=args.merge_names,
            keep_untagged=args.keep_untagged,
            with_tags=tuple(args.with_tags),
            without_tags=tuple(args.without_tags),
        ),
        split=SplitConfig(
            rule=args.split,
            ratio=args.ratio,
            seed=args.split_seed,
            train_list=args.train_list,
            val_list=args.val_list,
            test_list=args.test_list,
            group_column=args.group_column,
            groups_file=args.groups,
        ),
    )


def _add_collection(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--dataset",
        default=DEFAULT_DATASET,
        metavar="NAME",
        help="; ".join(f"{name}: {entry.summary}" for name, entry in DATASETS.items())
        + "; module:function: your own",
    )
    _add_path(
        group,
        "--annotations",
        "csv: the table, separated by commas, tabs or semicolons, with a header",
    )
    group.add_argument(
        "--audio-dir",
        type=Path,
        metavar="DIR",
        help="folders: holds a folder per tag; csv: what paths in the table are "
        "relative to (default: the table's folder)",
    )
    group.add_argument(
        "--skip-missing",
        action="store_true",
        help="csv: leave out clips whose file does not exist, and list them",
    )
    _add_path(group, "--tag-db", "msd: clean tags, as 'resemul msd clean-tags' writes")
    _add_path(group, "--exclude", "clips to leave out, one a line, by id or path")


def _add_columns(group: argparse._ArgumentGroup) -> None:
    """Without them, columns are found by their usual names; see the log."""
    for flag, what in (
        ("--path-column", "holds the paths (default: path, file, filename, ...)"),
        ("--id-column", "names the clips (default: clip_id, id, or else the paths)"),
        (
            "--tag-column",
            "lists a clip's tags (default: tags, tag, label, labels; without any of "
            "them, each other column is a tag and holds 0 or 1)",
        ),
        ("--split-column", "holds train, val or test (default: split, subset)"),
        (
            "--group-column",
            "what must not be in two splits (default: group, artist); also names the "
            "column of --groups",
        ),
    ):
        group.add_argument(flag, metavar="NAME", help=what)
    group.add_argument(
        "--separator",
        metavar="TEXT",
        help="between the tags of --tag-column (default: the first of ; | , in it)",
    )
    group.add_argument(
        "--ignore-columns",
        type=lambda names: names.split(","),
        default=[],
        metavar="NAME,NAME",
        help="columns that are none of these, nor tags",
    )


def _add_tags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        *("--num-tags", "--top"),
        type=int,
        metavar="N",
        help="learn the N most frequent tags (default: 50 for mtt, else all)",
    )
    _add_path(group, "--tags", "learn these: one per line, in the order of the labels")
    for flag, what in (
        ("--with-tags", "learn these too"),
        ("--without-tags", "do not learn these"),
    ):
        group.add_argument(
            flag,
            type=lambda names: names.split(","),
            default=[],
            metavar="TAG,TAG",
            help=what,
        )
    group.add_argument(
        "--merge",
        metavar="FILE",
        help="merge synonyms first: mtt29, a file with a group per line, separated by "
        "commas, or such groups themselves (a,b;c,d)",
    )
    group.add_argument(
        "--merge-names",
        default=TagsConfig.merge_names,
        choices=MERGE_NAMES,
        help="call merged tags by the first of the group, or by the one whose column "
        "comes first in the annotations; or keep each, with the clips of all",
    )
    group.add_argument(
        "--keep-untagged",
        action=argparse.BooleanOptionalAction,
        help="keep clips with none of the tags (default: not for mtt, whose split is "
        "then called mtt-all, not mtt-tagged; else yes)",
    )


def _add_split(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--split",
        choices=SPLIT_RULES,
        help="directory: mtt's own; column: as the table says; stratified: each tag "
        "spread over the splits, clips of a group together where groups are known; "
        "group: at random by group; random: each clip for itself; files: lists "
        "(default: what the data set has, else stratified)",
    )
    group.add_argument(
        "--ratio",
        metavar="A:B:C",
        help="stratified, group, random: shares of train:val:test, such as 13:1:3, or "
        "train:test, such as 80:20, of which a tenth of the training clips is for "
        "validation "
        f"(default: {DEFAULT_RATIO})",
    )
    group.add_argument(
        "--split-seed",
        type=int,
        default=SplitConfig.seed,
        metavar="N",
        help="stratified, group, random: another seed, another split",
    )
    for flag in ("--train-list", "--val-list", "--test-list"):
        _add_path(group, flag, "files: a clip per line, by its id or path")
    _add_path(
        group,
        "--groups",
        "table of clips and their groups, where --annotations has no such column",
    )


def _add_path(group: argparse._ArgumentGroup, flag: str, text: str) -> None:
    group.add_argument(flag, type=Path, metavar="FILE", help=text)
