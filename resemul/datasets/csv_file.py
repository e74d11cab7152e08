"""Any table of audio files and their tags: `--dataset csv`."""

import logging
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from resemul.configs.dataset import DatasetConfig
from resemul.datasets.splits import GROUP_COLUMNS, parse_split
from resemul.datasets.tables import Table, read_table
from resemul.datasets.track import Collection
from resemul.errors import DatasetError

logger = logging.getLogger(__name__)

# Names of columns that are taken for what they say, unless others are given.
PATH_COLUMNS = ("path", "file", "filename", "file_name", "mp3_path", "audio")
ID_COLUMNS = ("clip_id", "track_id", "id")
TAG_COLUMNS = ("tags", "tag", "labels", "label")
SPLIT_COLUMNS = ("split", "subset")

# Between the tags of a cell; the first that the column holds.
_SEPARATORS = (";", "|", ",")
_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}


def read_collection(config: DatasetConfig) -> Collection:
    """Reads `config.annotations`.

    Tags are either in one column, separated, or each is a column of 0 and 1. Paths
    are relative to `config.audio_dir`, or to the table's folder.

    Raises:
        DatasetError: the table is missing or does not say what it should.
    """
    assert config.annotations is not None  # DatasetConfig has checked
    table = read_table(config.annotations)
    columns = _find_columns(table, config)
    audio_dir = config.audio_dir or config.annotations.parent
    paths = _read_paths(table, columns["path"], audio_dir)
    ids = [path.as_posix() for path in paths]
    if "id" in columns:
        ids = table.require_unique(columns["id"])
    if "tags" in columns:
        labels = _separated_labels(
            table.column(columns["tags"]), config.columns.separator
        )
    else:
        known = {*columns.values(), *config.columns.ignored}
        labels = _binary_labels(table, [c for c in table.header if c not in known])
    if labels.empty:
        raise DatasetError(f"{table.path} has no tags")
    group = columns.get("group")
    return Collection(
        dataset="csv",
        source=table.path,
        clip_ids=ids,
        paths=paths,
        labels=labels,
        audio_dir=audio_dir,
        splits=_read_splits(table, columns["split"]) if "split" in columns else None,
        groups=table.require_filled(group) if group else None,
        group_name=group or "",
    )


def _find_columns(table: Table, config: DatasetConfig) -> dict[str, str]:
    """Which column is what; logs what was found by its name alone."""
    columns = config.columns
    # With a table of groups, the name is that of a column in there.
    group = None if config.split.groups_file else config.split.group_column
    wanted: dict[str, tuple[str | None, Sequence[str]]] = {
        "path": (columns.path, PATH_COLUMNS),
        "id": (columns.clip_id, ID_COLUMNS),
        "tags": (columns.tags, TAG_COLUMNS),
        "split": (columns.split, SPLIT_COLUMNS),
        "group": (group, GROUP_COLUMNS),
    }
    for ignored in columns.ignored:
        table.find(ignored, ())
    found: dict[str, str] = {}
    for what, (name, usual) in wanted.items():
        column = table.find(name, [u for u in usual if u not in columns.ignored])
        if column is not None:
            found[what] = column
    if "path" not in found:
        raise DatasetError(
            f"{table.path}: none of its columns is called {', '.join(PATH_COLUMNS)}; "
            "say which one holds the paths: --path-column NAME, one of "
            f"{', '.join(map(repr, table.header[:20]))}"
        )
    listing = ", ".join(f"{what} {column!r}" for what, column in found.items())
    others = "" if "tags" in found else "; each other column is a tag"
    logger.info("%s: columns: %s%s", table.path, listing, others)
    return found


def _read_paths(table: Table, column: str, audio_dir: Path) -> list[Path]:
    """Paths relative to `audio_dir`, no two the same."""
    first_line: dict[Path, int] = {}
    for value, line in zip(table.require_filled(column), table.lines, strict=True):
        path = _inside(PurePosixPath(value), audio_dir)
        if path is None:
            raise DatasetError(
                f"{table.path}, line {line}: {value!r} leads out of the audio folder "
                f"{audio_dir}; give a folder above all files as --audio-dir"
            )
        if path in first_line:
            raise DatasetError(
                f"{table.path}, line {line}: {column} {value!r} is already on line "
                f"{first_line[path]}; remove the duplicate row"
            )
        first_line[path] = line
    return list(first_line)


def _inside(path: PurePosixPath, audio_dir: Path) -> Path | None:
    if ".." in path.parts:
        return None
    if path.is_absolute():
        for root in (audio_dir.absolute(), audio_dir.resolve()):
            if path.is_relative_to(root) and path != PurePosixPath(root):
                return Path(path.relative_to(root))
        return None
    return Path(path)


def _read_splits(table: Table, column: str) -> list[str]:
    splits = []
    for value, line in zip(table.require_filled(column), table.lines, strict=True):
        split = parse_split(value)
        if split is None:
            raise DatasetError(
                f"{table.path}, line {line}, column {column!r}: expected train, val "
                f"or test, got {value!r}; another column can be named with "
                "--split-column, this one left out with --ignore-columns"
            )
        splits.append(split)
    return splits


def _separated_labels(cells: list[str], separator: str | None) -> pd.DataFrame:
    """One column per tag, in the order in which they turn up."""
    if separator is None:
        used = (s for s in _SEPARATORS if any(s in cell for cell in cells))
        separator = next(used, _SEPARATORS[0])
    tags_of = [[tag.strip() for tag in cell.split(separator)] for cell in cells]
    numbers: dict[str, int] = {}
    for tag in (tag for tags in tags_of for tag in tags if tag):
        numbers.setdefault(tag, len(numbers))
    labels = np.zeros((len(cells), len(numbers)), "uint8")
    for row, tags in zip(labels, tags_of, strict=True):
        row[[numbers[tag] for tag in tags if tag]] = 1
    return pd.DataFrame(labels, columns=list(numbers))


def _binary_labels(table: Table, tags: list[str]) -> pd.DataFrame:
    labels = np.zeros((len(table.rows), len(tags)), "uint8")
    for number, tag in enumerate(tags):
        values = [_LABELS.get(value.lower(), -1) for value in table.column(tag)]
        if -1 in values:
            row = values.index(-1)
            raise DatasetError(
                f"{table.path}, line {table.lines[row]}, column {tag!r}: expected 0 or "
                f"1, got {table.column(tag)[row]!r}; if the column is no tag, leave it "
                "out with --ignore-columns, if it lists tags, name it as --tag-column"
            )
        labels[:, number] = values
    return pd.DataFrame(labels, columns=tags)
