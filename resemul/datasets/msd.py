"""The Million Song Dataset with Last.fm's tags: `--dataset msd`.

A table of tracks, as `resemul msd wrangle` or `silence` writes it, and a database of
clean tags, as `resemul msd clean-tags` writes it.
"""

import logging
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from resemul.configs.dataset import DatasetConfig
from resemul.datasets.file_tables import (
    TRACK_ID,
    find_path_column,
    read_header,
    read_table,
    require_columns,
)
from resemul.datasets.splits import parse_split
from resemul.datasets.sqlite import open_read_only
from resemul.datasets.track import Collection
from resemul.errors import DatasetError

logger = logging.getLogger(__name__)

SPLIT = "split"


def read_collection(config: DatasetConfig) -> Collection:
    """Reads the tracks of `config.annotations` and their tags of `config.tag_db`.

    The clips are the tracks, by their track id. Paths are those of the column mp3_path
    or file_path, or of `config.columns.path`, relative to `config.audio_dir` or the
    table's folder. A column `split` is used if there is one. Tags keep the order of
    their numbers.

    Raises:
        DatasetError: a file is missing or broken, or a track is there twice.
    """
    source, database = config.annotations, config.tag_db
    assert source is not None  # DatasetConfig has checked
    assert database is not None
    header = read_header(source)
    require_columns(header, [TRACK_ID], source)
    path_column = config.columns.path or find_path_column(header, source)
    require_columns(header, [path_column], source)
    table = read_table(source)
    tids = _unique(table[TRACK_ID], source)
    labels, popularity = read_labels(database, tids)
    num_untagged = int((~labels.to_numpy(bool).any(axis=1)).sum())
    if num_untagged:
        logger.warning(
            "%d of %d tracks have no tag in %s", num_untagged, len(tids), database
        )
    audio_dir = config.audio_dir or source.parent
    return Collection(
        dataset="msd",
        source=source,
        clip_ids=tids,
        paths=_paths(table[path_column], source, audio_dir),
        labels=labels,
        audio_dir=audio_dir,
        splits=_splits(table[SPLIT], source) if SPLIT in table else None,
        # A tag keeps its place, whether it is in this part of the data set or not.
        keeps_rare_tags=True,
        popularity=popularity,
        lists_name_others=True,
    )


def read_labels(
    database: Path, tids: list[str]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Tags of tracks, uint8, a column per tag by number; and tags by popularity.

    Popularity counts all tracks of the database; equal counts go by number. Tracks
    that it does not have get no tag.

    Raises:
        DatasetError: it is missing, broken, or no database of clean tags.
    """
    with open_read_only(database) as connection:
        tags = connection.execute("SELECT rowid, tag FROM tags ORDER BY rowid")
        number_of_column, names = _columns_of(tags.fetchall(), database)
        row_of_tid = {tid: row for row, tid in enumerate(tids)}
        rows = connection.execute("SELECT rowid, tid FROM tids WHERE tid IS NOT NULL")
        row_of = {number: row_of_tid.get(tid, -1) for number, tid in rows}
        labels = np.zeros((len(tids), len(names)), "uint8")
        counts: Counter[int] = Counter()
        column_of = {number: i for i, number in enumerate(number_of_column)}
        for tid, tag in connection.execute("SELECT DISTINCT tid, tag FROM tid_tag"):
            column, row = column_of.get(tag), row_of.get(tid)
            if column is None or row is None:
                continue
            counts[column] += 1
            if row >= 0:
                labels[row, column] = 1
    order = sorted(range(len(names)), key=lambda column: (-counts[column], column))
    return pd.DataFrame(labels, columns=names), tuple(names[i] for i in order)


def _columns_of(
    rows: list[tuple[int, str | None]], database: Path
) -> tuple[list[int], list[str]]:
    numbers = [number for number, _ in rows]
    names = [str(name) for _, name in rows]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DatasetError(
            f"{database}: the tag {repeated[0]!r} is there twice; 'resemul msd "
            "clean-tags' makes a database in which no tag is"
        )
    if not names:
        raise DatasetError(f"{database} has no tags")
    return numbers, names


def _unique(column: pd.Series, source: Path) -> list[str]:
    if column.isna().any():
        row = int(column.isna().to_numpy().argmax())
        raise DatasetError(f"{source}: row {row + 1} has no {TRACK_ID}")
    tids = column.astype(str)
    if tids.duplicated().any():
        raise DatasetError(
            f"{source}: the track {tids[tids.duplicated()].iloc[0]} is there twice"
        )
    return tids.tolist()


def _paths(column: pd.Series, source: Path, audio_dir: Path) -> list[Path]:
    """Paths relative to the audio folder."""
    paths = []
    for row, cell in enumerate(column, 1):
        if not isinstance(cell, str):
            raise DatasetError(f"{source}: row {row} has no path")
        path = Path(cell)
        if path.is_absolute() and path.is_relative_to(audio_dir.absolute()):
            path = path.relative_to(audio_dir.absolute())
        if path.is_absolute() or ".." in path.parts:
            raise DatasetError(
                f"{source}: row {row}: {cell!r} leads out of the audio folder "
                f"{audio_dir}; give a folder above all files as --audio-dir"
            )
        paths.append(path)
    return paths


def _splits(column: pd.Series, source: Path) -> list[str]:
    splits = []
    for row, cell in enumerate(column, 1):
        split = parse_split(str(cell))
        if split is None:
            raise DatasetError(
                f"{source}: row {row}: expected train, val or test, got {cell!r}"
            )
        splits.append(split)
    return splits
