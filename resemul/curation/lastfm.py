"""Questions to the Last.fm tags of the Million Song Dataset.

Tracks and tags have numbers, their rows in the database from 1. Two back ends give
the same answers: `SqliteTags` asks the file, `MemoryTags` holds tables.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd

from resemul.errors import UnknownNameError
from resemul.runtime.files import atomic_write

# What every store of tags holds, at least: tables and their columns.
TABLES = {"tags": ("tag",), "tids": ("tid",), "tid_tag": ("tid", "tag")}
CSV_NAMES = {table: f"lastfm_{table}.csv" for table in TABLES}


class LastFm(ABC):
    """The one interface; a method that takes an id also takes several.

    What comes back for several is a list in the order of the input. A name that two
    rows have stands for the first of them. `UnknownNameError`, a `KeyError`, names
    what is not there.
    """

    # What messages name.
    source: str

    def tid_to_tid_num(self, tid: Any) -> Any:
        """The number of a track, from its id."""
        return _each(tid, self._tid_nums, "track", self.source)

    def tid_num_to_tid(self, tid_num: Any) -> Any:
        """The id of a track, from its number; None where the row holds none."""
        return _each(tid_num, self._tids, "track number", self.source)

    def tag_to_tag_num(self, tag: Any) -> Any:
        """The number of a tag, from its name."""
        return _each(tag, self._tag_nums, "tag", self.source)

    def tag_num_to_tag(self, tag_num: Any) -> Any:
        """The name of a tag, from its number."""
        return _each(tag_num, self._tags, "tag number", self.source)

    def tid_num_to_tag_nums(self, tid_num: Any) -> Any:
        """Numbers of a track's tags, in the order in which they are stored."""
        return _each(tid_num, self._checked_tags_of, "track number", self.source)

    def tid_num_to_tags(self, tid_num: Any) -> Any:
        """Names of a track's tags, from its number, in stored order."""
        return _each(tid_num, self._names_of, "track number", self.source)

    def query_tags(self, tid: Any) -> Any:
        """Names of a track's tags, from its id, in stored order."""
        if _is_several(tid):
            found = self.query_tags_dict(tid)
            return [found[one] for one in tid]
        return self.tid_num_to_tags(self.tid_to_tid_num(tid))

    def query_tags_dict(self, tids: Iterable[str]) -> dict[str, list[str]]:
        """Of each track the names of its tags."""
        names = list(dict.fromkeys(tids))
        tags = self.tid_num_to_tags(self.tid_to_tid_num(names))
        return dict(zip(names, tags, strict=True))

    def tag_count(self, tids: Iterable[str]) -> dict[str, int]:
        """Of each tag the number of these tracks that have it; most frequent first."""
        counts: dict[str, int] = {}
        for tags in self.query_tags_dict(tids).values():
            for tag in dict.fromkeys(tags):
                counts[tag] = counts.get(tag, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: -item[1]))

    def tid_tag_count(self, tids: Iterable[str]) -> dict[str, int]:
        """Of each track the number of its tags."""
        return {tid: len(tags) for tid, tags in self.query_tags_dict(tids).items()}

    def filter_tags(self, tids: Iterable[str], min_tags: int) -> list[str]:
        """Those of the tracks that have at least so many tags."""
        names = list(tids)
        counts = self.tid_tag_count(names)
        return [tid for tid in names if counts[tid] >= min_tags]

    def with_tag(self, tag: str) -> list[str]:
        """Ids of all tracks that have a tag, each once."""
        numbers = dict.fromkeys(self._tid_nums_with(self.tag_to_tag_num(tag)))
        tids = self._tids(list(numbers))
        return [tids[n] for n in numbers if tids.get(n) is not None]

    def get_tags(self) -> list[str]:
        """All tags."""
        return self.tag_table()["tag"].tolist()

    def get_tag_nums(self) -> list[int]:
        """Numbers of all tags."""
        return self.tag_table().index.tolist()

    def get_tids(self) -> list[str]:
        """Ids of all tracks that are not null."""
        return self.tid_table()["tid"].dropna().tolist()

    def get_tid_nums(self) -> list[int]:
        """Numbers of the tracks that are not null."""
        return self.tid_table()["tid"].dropna().index.tolist()

    def fetch_all_tids_tags(self) -> pd.DataFrame:
        """All pairs: int64 columns tid and tag, both numbers."""
        return self.pairs()[["tid", "tag"]]

    def fetch_all_tids_tags_threshold(self, threshold: float = 0) -> pd.DataFrame:
        """The pairs whose value is above a threshold, as `fetch_all_tids_tags`."""
        return self.pairs(threshold)[["tid", "tag"]].reset_index(drop=True)

    def popularity(self) -> pd.DataFrame:
        """Columns tag, tag_num, count; the most frequent first, the index from 1.

        `count` is the number of stored pairs. Equally frequent tags are in the order
        of their numbers; tags without a pair are absent.
        """
        tags = self.tag_table()["tag"]
        counts = self._counts()
        counts = counts[counts.index.isin(tags.index)]
        table = pd.DataFrame(
            {
                "tag": tags.reindex(counts.index).to_numpy(object),
                "tag_num": counts.index.to_numpy("int64"),
                "count": counts.to_numpy("int64"),
            }
        )
        order = np.lexsort((table["tag_num"], -table["count"]))
        table = table.iloc[order].reset_index(drop=True)
        table.index += 1
        return table

    def db_to_csv(self, output_dir: Path | None = None) -> list[Path]:
        """Writes the three tables, by default beside the database; returns where.

        Rows count from 0, in a first column without a name, as the original has it.
        """
        folder = Path(self.source).parent if output_dir is None else output_dir
        tables = {"tags": self.tag_table(), "tids": self.tid_table()}
        tables["tid_tag"] = self.pairs().rename(lambda row: row + 1)
        for table, frame in tables.items():
            with atomic_write(folder / CSV_NAMES[table]) as file:
                frame.rename(lambda number: number - 1).to_csv(file, index_label=False)
        return [folder / CSV_NAMES[table] for table in tables]

    @cached_property
    def pop(self) -> pd.DataFrame:
        """`popularity`, counted once."""
        return self.popularity()

    def close(self) -> None:
        """Frees what the back end holds."""
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def tag_table(self) -> pd.DataFrame:
        """All tags: a column `tag`, the numbers as index."""

    @abstractmethod
    def tid_table(self) -> pd.DataFrame:
        """All tracks: a column `tid`, None where a row has none; numbers as index."""

    @abstractmethod
    def pairs(self, threshold: float | None = None) -> pd.DataFrame:
        """Pairs in stored order: int64 tid and tag, and float64 val if it is there.

        With a threshold, those whose value is above it.
        """

    @abstractmethod
    def _tid_nums(self, tids: Sequence[str]) -> dict[Any, int]: ...

    @abstractmethod
    def _tids(self, tid_nums: Sequence[int]) -> dict[Any, Any]: ...

    @abstractmethod
    def _tag_nums(self, tags: Sequence[str]) -> dict[Any, int]: ...

    @abstractmethod
    def _tags(self, tag_nums: Sequence[int]) -> dict[Any, str]: ...

    @abstractmethod
    def _tags_of(self, tid_nums: Sequence[int]) -> dict[Any, list[int]]:
        """Tag numbers of tracks, in stored order; tracks without any may be absent."""

    @abstractmethod
    def _tid_nums_with(self, tag_num: int) -> list[int]: ...

    @abstractmethod
    def _counts(self) -> pd.Series:
        """Number of pairs of each tag number that has any."""

    def _checked_tags_of(self, tid_nums: Sequence[int]) -> dict[Any, list[int]]:
        """As `_tags_of`, with an entry for each track that there is."""
        found = self._tags_of(tid_nums)
        return {number: found.get(number, []) for number in self._tids(tid_nums)}

    def _names_of(self, tid_nums: Sequence[int]) -> dict[Any, list[str]]:
        numbers = self._checked_tags_of(tid_nums)
        used = list(dict.fromkeys(tag for tags in numbers.values() for tag in tags))
        names = self._tags(used)
        return {
            tid: [names[tag] for tag in tags if tag in names]
            for tid, tags in numbers.items()
        }


def _each(keys: Any, look_up: Any, kind: str, source: str) -> Any:
    """The value of a key, or the list of those of several."""
    several = _is_several(keys)
    wanted = [_plain(key) for key in (keys if several else [keys])]
    found = look_up(list(dict.fromkeys(wanted)))
    for key in wanted:
        if key not in found:
            raise UnknownNameError(f"{source} has no {kind} {key!r}")
    values = [found[key] for key in wanted]
    return values if several else values[0]


def _is_several(keys: object) -> bool:
    return not isinstance(keys, str | bytes | int | float | np.generic)


def _plain(key: Any) -> Any:
    return key.item() if isinstance(key, np.generic) else key
