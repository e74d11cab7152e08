"""Files of Last.fm tags: databases, folders of three CSVs, JSON files."""

import json
import logging
import os
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from resemul.curation.lastfm import CSV_NAMES, TABLES, LastFm
from resemul.curation.lastfm_backends import MemoryTags, SqliteTags
from resemul.errors import ConfigError, DatasetError

logger = logging.getLogger(__name__)


def open_tags(path: Path, in_memory: bool = False) -> LastFm:
    """Opens tags, whatever they are stored in.

    Args:
        path: an SQLite database; a folder with `lastfm_tags.csv`, `lastfm_tids.csv`
            and `lastfm_tid_tag.csv`; a folder of JSON files as Last.fm's dataset has
            them; or a file with such an object on each line.
        in_memory: hold the tables of a database in memory too.

    Raises:
        DatasetError: it is none of these.
    """
    if path.is_dir() and all((path / name).is_file() for name in CSV_NAMES.values()):
        return read_csv_tables(path)
    if path.is_dir() or path.suffix in (".json", ".jsonl"):
        return read_json(path)
    tags = SqliteTags(path)
    if not in_memory:
        return tags
    with tags:
        return MemoryTags.load(tags)


def read_csv_tables(folder: Path) -> MemoryTags:
    """Reads the three tables; their first column counts from 0, the numbers from 1.

    Raises:
        DatasetError: a table is missing or broken.
    """
    tables = {}
    for table, columns in TABLES.items():
        path = folder / CSV_NAMES[table]
        # Only an empty cell is a missing one: a tag may be called "null".
        missing = {"tid": [""], "tag": [] if table == "tags" else [""]}
        names = {"tids": {"tid": str}, "tags": {"tag": str}, "tid_tag": {}}[table]
        try:
            frame = pd.read_csv(
                path, keep_default_na=False, na_values=missing, dtype=names
            )
        except (ValueError, OSError) as error:
            raise DatasetError(f"{path} cannot be read: {error}") from error
        if frame.columns[:1].tolist() not in ([columns[0]], ["tid"], ["tag"]):
            frame = frame.set_index(frame.columns[0])  # Named by another program.
        if any(column not in frame for column in columns):
            raise DatasetError(f"{path} has no column {' and '.join(columns)}")
        frame.index = frame.index + 1
        tables[table] = frame
    return MemoryTags(
        tables["tags"], tables["tids"], tables["tid_tag"], source=str(folder)
    )


def read_json(source: Path) -> MemoryTags:
    """Reads Last.fm's JSON files: tracks with a tag, numbered in their order.

    Files that are broken, and tracks that were there before, are passed over and
    counted in the log.

    Raises:
        DatasetError: there is no such file, or none that can be read.
    """
    tag_numbers: dict[str, int] = {}
    tid_numbers: dict[str, int] = {}
    columns: dict[str, Any] = {"tid": array("q"), "tag": array("q"), "val": array("d")}
    num_broken = num_repeated = num_objects = 0
    for place, read in _json_texts(source):
        try:
            tid, tags = _parse(read())
        except (ValueError, KeyError, TypeError, RecursionError, OSError) as error:
            logger.warning("%s is passed over: %r", place, error)
            num_broken += 1
            continue
        num_objects += 1
        if tid in tid_numbers:
            num_repeated += 1
        elif tags:
            number = tid_numbers.setdefault(tid, len(tid_numbers) + 1)
            for name, value in tags:
                tag = tag_numbers.setdefault(name, len(tag_numbers) + 1)
                columns["tid"].append(number)
                columns["tag"].append(tag)
                columns["val"].append(value)
    if not num_objects:
        raise DatasetError(f"{source} holds no JSON file of Last.fm's tags")
    logger.info(
        "%s: %d tracks, %d with a tag, %d tags; %d broken, %d repeated",
        *(source, num_objects, len(tid_numbers), len(tag_numbers)),
        *(num_broken, num_repeated),
    )
    pairs = {name: np.array(column) for name, column in columns.items()}
    return MemoryTags(
        numbered(list(tag_numbers), "tag"),
        numbered(list(tid_numbers), "tid"),
        pd.DataFrame(pairs),
        source=str(source),
    )


def numbered(names: Iterable[Any], column: str) -> pd.DataFrame:
    """A table of names with numbers from 1."""
    values = list(names)
    index = range(1, len(values) + 1)
    return pd.DataFrame({column: pd.Series(values, index=index, dtype=object)})


def write_database(
    path: Path, tags: pd.DataFrame, tids: pd.DataFrame, tid_tag: pd.DataFrame
) -> None:
    """Writes a database of tags; it gets its name when it is whole.

    Args:
        path: of the file, which may not exist.
        tags, tids: a column `tag` or `tid`, numbers as index.
        tid_tag: `tid` and `tag`, and `val` if there are values.

    Raises:
        ConfigError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        connection = sqlite3.connect(part)
        try:
            with connection:
                _fill(connection, tags, tids, tid_tag)
        finally:
            connection.close()
        part.replace(path)
    except (sqlite3.Error, OSError) as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def _fill(
    connection: sqlite3.Connection,
    tags: pd.DataFrame,
    tids: pd.DataFrame,
    tid_tag: pd.DataFrame,
) -> None:
    for table, column, frame in (("tags", "tag", tags), ("tids", "tid", tids)):
        connection.execute(f"CREATE TABLE {table} ({column} TEXT)")
        names = (None if pd.isna(name) else str(name) for name in frame[column])
        rows = zip(frame.index.tolist(), names, strict=True)
        connection.executemany(
            f"INSERT INTO {table} (rowid, {column}) VALUES (?, ?)", rows
        )
    columns = [name for name in ("tid", "tag", "val") if name in tid_tag]
    kinds = {"tid": "INTEGER", "tag": "INTEGER", "val": "FLOAT"}
    declared = ", ".join(f"{name} {kinds[name]}" for name in columns)
    connection.execute(f"CREATE TABLE tid_tag ({declared})")
    marks = ", ".join("?" * len(columns))
    cells = (tid_tag[name].tolist() for name in columns)
    connection.executemany(
        f"INSERT INTO tid_tag VALUES ({marks})", zip(*cells, strict=True)
    )
    for name, column in (("tid", "tid"), ("tag", "tag")):
        connection.execute(f"CREATE INDEX idx_tid_tag_{name} ON tid_tag ({column})")
    connection.execute("CREATE INDEX idx_tids ON tids (tid)")
    connection.execute("CREATE INDEX idx_tags ON tags (tag)")


def _json_texts(source: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """Where each object is, and what reads it; folders in the order of their names."""
    if source.is_dir():
        for folder, subfolders, files in os.walk(source):
            subfolders.sort()
            for name in sorted(files):
                if name.endswith(".json"):
                    path = Path(folder, name)
                    yield str(path), partial(path.read_text, "utf-8", "replace")
    elif not source.is_file():
        raise DatasetError(f"{source} does not exist")
    elif source.suffix == ".json":
        yield str(source), partial(source.read_text, "utf-8", "replace")
    else:
        with source.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{source}, line {number}", partial(str, line)


def _parse(text: str) -> tuple[str, list[tuple[str, float]]]:
    content = json.loads(text)
    tags = [(str(name), float(value)) for name, value in content["tags"]]
    return str(content["track_id"]), tags
