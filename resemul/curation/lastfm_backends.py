"""Where `LastFm` looks: in an SQLite file, or in tables in memory."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from resemul.curation.lastfm import TABLES, LastFm
from resemul.datasets.sqlite import chunks, connect_read_only
from resemul.errors import DatasetError

# Rows that are turned into numbers at a time, so that millions of them fit.
_FETCHED_ROWS = 200_000


class SqliteTags(LastFm):
    """Asks `lastfm_tags.db`: tags(tag), tids(tid), tid_tag(tid, tag[, val]).

    Raises:
        DatasetError: the file is missing, or not such a database.
    """

    def __init__(self, path: Path) -> None:
        self.source = str(path)
        self._connection = connect_read_only(path)
        try:
            self._has_values = "val" in self._check_tables()
        except DatasetError:
            self.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def tag_table(self) -> pd.DataFrame:
        return self._names("SELECT rowid, tag FROM tags ORDER BY rowid", "tag")

    def tid_table(self) -> pd.DataFrame:
        return self._names("SELECT rowid, tid FROM tids ORDER BY rowid", "tid")

    def pairs(self, threshold: float | None = None) -> pd.DataFrame:
        values: tuple[float, ...] = ()
        where = "tid IS NOT NULL AND tag IS NOT NULL"
        if threshold is not None:
            self._require_values()
            where, values = where + " AND val > ?", (float(threshold),)
        columns = ["tid", "tag", *(["val"] if self._has_values else [])]
        sql = f"SELECT {', '.join(columns)} FROM tid_tag WHERE {where} ORDER BY rowid"
        parts = [np.empty((0, len(columns)))]
        cursor = self._connection.execute
        with _NamedErrors(self.source):
            rows = cursor(sql, values)
            while part := rows.fetchmany(_FETCHED_ROWS):
                parts.append(np.array(part, "float64"))
        table = pd.DataFrame(np.concatenate(parts), columns=columns)
        return table.astype({"tid": "int64", "tag": "int64"})

    def _tid_nums(self, tids: Sequence[str]) -> dict[Any, int]:
        return self._numbers("tids", "tid", tids)

    def _tids(self, tid_nums: Sequence[int]) -> dict[Any, Any]:
        return self._by_rowid("tids", "tid", tid_nums)

    def _tag_nums(self, tags: Sequence[str]) -> dict[Any, int]:
        return self._numbers("tags", "tag", tags)

    def _tags(self, tag_nums: Sequence[int]) -> dict[Any, str]:
        return self._by_rowid("tags", "tag", tag_nums)

    def _tags_of(self, tid_nums: Sequence[int]) -> dict[Any, list[int]]:
        found: dict[Any, list[int]] = {}
        sql = "SELECT tid, tag FROM tid_tag WHERE tag IS NOT NULL AND tid IN ({}) "
        for tid, tag in self._query_in(sql + "ORDER BY rowid", tid_nums):
            found.setdefault(tid, []).append(tag)
        return found

    def _tid_nums_with(self, tag_num: int) -> list[int]:
        sql = "SELECT tid FROM tid_tag WHERE tag IN ({}) ORDER BY rowid"
        return [tid for (tid,) in self._query_in(sql, [tag_num])]

    def _counts(self) -> pd.Series:
        sql = "SELECT tag, COUNT(*) FROM tid_tag WHERE tag IS NOT NULL AND tid IS NOT "
        with _NamedErrors(self.source):
            rows = self._connection.execute(sql + "NULL GROUP BY tag").fetchall()
        table = np.array(rows, "int64").reshape(-1, 2)
        return pd.Series(table[:, 1], index=table[:, 0])

    def _check_tables(self) -> list[str]:
        """The columns of tid_tag."""
        columns: list[str] = []
        for table, needed in TABLES.items():
            with _NamedErrors(self.source):
                rows = self._connection.execute(f"PRAGMA table_info({table})")
                columns = [row[1] for row in rows]
            missing = [name for name in needed if name not in columns]
            if missing:
                raise DatasetError(
                    f"{self.source} is no database of tags: it has no column "
                    f"{', '.join(f'{table}.{name}' for name in missing)}"
                )
        return columns

    def _require_values(self) -> None:
        if not self._has_values:
            raise DatasetError(f"{self.source}: tid_tag has no values (column val)")

    def _names(self, sql: str, column: str) -> pd.DataFrame:
        with _NamedErrors(self.source):
            rows = self._connection.execute(sql).fetchall()
        names = [None if name is None else str(name) for _, name in rows]
        index = pd.Index([number for number, _ in rows], dtype="int64")
        return pd.DataFrame({column: pd.Series(names, index=index, dtype=object)})

    def _numbers(self, table: str, column: str, names: Sequence[str]) -> dict[Any, int]:
        sql = f"SELECT {column}, rowid FROM {table} WHERE {column} IN ({{}}) "
        found: dict[Any, int] = {}
        for name, number in self._query_in(sql + "ORDER BY rowid", names):
            found.setdefault(name, number)
        return found

    def _by_rowid(
        self, table: str, column: str, numbers: Sequence[int]
    ) -> dict[Any, Any]:
        sql = f"SELECT rowid, {column} FROM {table} WHERE rowid IN ({{}})"
        return {
            number: None if name is None else str(name)
            for number, name in self._query_in(sql, numbers)
        }

    def _query_in(self, sql: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """Rows of a query whose `{}` stands for the values, which are bound."""
        for part in chunks([value for value in values if _can_be_bound(value)]):
            marks = ", ".join("?" * len(part))
            with _NamedErrors(self.source):
                rows = self._connection.execute(sql.format(marks), tuple(part))
                yield from rows.fetchall()


class MemoryTags(LastFm):
    """Holds three tables.

    Args:
        tags: a column `tag`, the numbers as index.
        tids: a column `tid`, the numbers as index; None or NaN for no track.
        tid_tag: `tid` and `tag`, numbers, and `val` if values are known.
        source: what messages name.
    """

    def __init__(
        self,
        tags: pd.DataFrame,
        tids: pd.DataFrame,
        tid_tag: pd.DataFrame,
        source: str = "the tables",
    ) -> None:
        self.source = source
        self._tag_names = _objects(tags["tag"])
        self._tid_names = _objects(tids["tid"])
        known = tid_tag.dropna(subset=["tid", "tag"])
        self._pairs = known.astype({"tid": "int64", "tag": "int64"})
        self._number_of_tag = _first_of_each(self._tag_names)
        self._number_of_tid = _first_of_each(self._tid_names)
        self._starts: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def load(cls, tags: LastFm) -> "MemoryTags":
        """Another back end's tables."""
        pairs = tags.pairs()
        return cls(tags.tag_table(), tags.tid_table(), pairs, tags.source)

    def tag_table(self) -> pd.DataFrame:
        return pd.DataFrame({"tag": self._tag_names})

    def tid_table(self) -> pd.DataFrame:
        return pd.DataFrame({"tid": self._tid_names})

    def pairs(self, threshold: float | None = None) -> pd.DataFrame:
        if threshold is None:
            return self._pairs.reset_index(drop=True)
        if "val" not in self._pairs:
            raise DatasetError(f"{self.source}: tid_tag has no values (column val)")
        return self._pairs[self._pairs["val"] > threshold].reset_index(drop=True)

    def _tid_nums(self, tids: Sequence[str]) -> dict[Any, int]:
        return _present(self._number_of_tid, tids)

    def _tids(self, tid_nums: Sequence[int]) -> dict[Any, Any]:
        return _by_index(self._tid_names, tid_nums)

    def _tag_nums(self, tags: Sequence[str]) -> dict[Any, int]:
        return _present(self._number_of_tag, tags)

    def _tags(self, tag_nums: Sequence[int]) -> dict[Any, str]:
        return _by_index(self._tag_names, tag_nums)

    def _tags_of(self, tid_nums: Sequence[int]) -> dict[Any, list[int]]:
        order, sorted_tids = self._by_tid()
        tags = self._pairs["tag"].to_numpy()
        found = {}
        for number in tid_nums:
            if isinstance(number, int):
                first = np.searchsorted(sorted_tids, number, "left")
                last = np.searchsorted(sorted_tids, number, "right")
                found[number] = tags[order[first:last]].tolist()
        return found

    def _by_tid(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the pairs by track, and within a track as they are stored."""
        if self._starts is None:
            tids = self._pairs["tid"].to_numpy()
            order = np.argsort(tids, kind="stable")
            self._starts = order, tids[order]
        return self._starts

    def _tid_nums_with(self, tag_num: int) -> list[int]:
        return self._pairs["tid"][self._pairs["tag"] == tag_num].tolist()

    def _counts(self) -> pd.Series:
        return self._pairs["tag"].value_counts(sort=False)


class _NamedErrors:
    """Turns errors of SQLite into a `DatasetError` that names the file."""

    def __init__(self, source: str) -> None:
        self._source = source

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, sqlite3.Error | ValueError | TypeError):
            raise DatasetError(f"{self._source} cannot be read: {error}") from error


def _objects(names: pd.Series) -> pd.Series:
    """Names as text, None for what is missing."""
    values = [None if pd.isna(name) else str(name) for name in names]
    return pd.Series(values, index=names.index, dtype=object)


def _first_of_each(names: pd.Series) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for number, name in zip(names.index.tolist(), names, strict=True):
        if name is not None:
            numbers.setdefault(name, number)
    return numbers


def _present(numbers: dict[str, int], names: Sequence[str]) -> dict[Any, int]:
    return {name: numbers[name] for name in names if name in numbers}


def _by_index(names: pd.Series, numbers: Sequence[int]) -> dict[Any, Any]:
    plain = [number for number in numbers if isinstance(number, int)]
    positions = names.index.get_indexer(plain)
    values = names.to_numpy()
    pairs = zip(plain, positions.tolist(), strict=True)
    return {number: values[position] for number, position in pairs if position >= 0}


def _can_be_bound(value: object) -> bool:
    """SQLite's integers have 64 bits."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, str | float)
