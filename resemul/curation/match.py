"""Audio files to tracks of the Million Song Dataset, less those that are of no use.

Bertin-Mahieux et al., "The Million Song Dataset", ISMIR 2011. The files are those of
its site: the summary file, the list of mismatches, the list of duplicates.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from resemul.configs.curation import STEPS
from resemul.datasets.file_tables import (
    CLIP_LENGTH,
    FILE_SIZE,
    TRACK_7DIGITAL_ID,
    TRACK_ID,
)
from resemul.errors import ConfigError, DatasetError

YEAR = "year"
# Of the legacy generator, so that everybody keeps the same one of two duplicates.
DUPLICATES_SEED = 42

_TRACK_ID_PATTERN = re.compile(r"T[A-Z0-9]{17}")
_SUMMARY_FIELDS = (
    ("metadata/songs", TRACK_7DIGITAL_ID),
    ("analysis/songs", TRACK_ID),
    ("musicbrainz/songs", YEAR),
)

Step = tuple[str, int]
Key = TypeVar("Key")


@dataclass(frozen=True)
class Lists:
    """What the steps go by; a step whose list is None is left out."""

    summary: pd.DataFrame | None = None
    mismatches: Collection[str] | None = None
    tagged: Collection[str] | None = None
    duplicates: Sequence[Sequence[str]] | None = None


def read_summary(path: Path) -> pd.DataFrame:
    """Reads a summary file: track_7digitalid, track_id and year of every song.

    Raises:
        DatasetError: it is missing, broken, or its three tables do not fit together.
    """
    import h5py

    if not path.is_file():
        raise DatasetError(f"{path} does not exist; it should be the summary file")
    columns: dict[str, np.ndarray] = {}
    try:
        with h5py.File(path, "r") as file:
            for table, field in _SUMMARY_FIELDS:
                columns[field] = file[table].fields(field)[:]
    except (OSError, KeyError, ValueError, AttributeError, RuntimeError) as error:
        raise DatasetError(
            f"{path} cannot be read as a summary file: {error}. It should be HDF5 with "
            f"{', '.join(f'{field} in {table}' for table, field in _SUMMARY_FIELDS)}"
        ) from error
    lengths = {field: len(values) for field, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DatasetError(f"{path}: its tables have different lengths: {lengths}")
    columns[TRACK_ID] = _as_text(columns[TRACK_ID])
    return pd.DataFrame(columns)[[TRACK_7DIGITAL_ID, TRACK_ID, YEAR]]


def read_mismatches(path: Path) -> list[str]:
    """Track ids of the list of wrong matches, each once, in its order.

    Raises:
        DatasetError: it is missing, or holds no track id.
    """
    found = dict.fromkeys(
        match.group() for line in _lines(path) if (match := _find_id(line))
    )
    if not found:
        raise DatasetError(f"{path} holds no track id")
    return list(found)


def read_duplicates(path: Path) -> list[list[str]]:
    """Groups of tracks that are the same song; each begins with a line of `%`.

    Raises:
        DatasetError: it is missing, or not in this layout.
    """
    groups: list[list[str]] = []
    for number, line in enumerate(_lines(path), 1):
        if line.startswith("%"):
            groups.append([])
        elif line.strip() and not line.startswith("#"):
            match = _find_id(line)
            if match is None or not groups:
                what = "a track id" if groups else "a line that begins with %"
                raise DatasetError(f"{path}, line {number}: expected {what}")
            groups[-1].append(match.group())
    if not groups:
        raise DatasetError(f"{path} holds no group: none of its lines begins with %")
    return groups


def match_tracks(files: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Joins files and songs by 7digital id: track_id first, in the summary's order.

    Files without a 7digital id and songs without a track id match nothing.
    """
    files = files[files[TRACK_7DIGITAL_ID].notna()]
    files = files.astype({TRACK_7DIGITAL_ID: "int64"})
    songs = summary[summary[TRACK_ID].notna() & (summary[TRACK_ID] != "")]
    joined = songs.merge(files, on=TRACK_7DIGITAL_ID, how="inner")
    first = [TRACK_ID, TRACK_7DIGITAL_ID, YEAR]
    return joined[[*first, *(c for c in files.columns if c not in first)]]


def drop_repeated(table: pd.DataFrame) -> pd.DataFrame:
    """Drops all rows of an id that occurs twice: which of them is right, none says."""
    for column in (TRACK_7DIGITAL_ID, TRACK_ID):
        if column in table:
            is_missing = table[column].isna()
            table = table[is_missing | ~table.duplicated(column, keep=False)]
    return table


def drop_tracks(table: pd.DataFrame, track_ids: Collection[str]) -> pd.DataFrame:
    """Drops the tracks with these ids."""
    return table[~table[TRACK_ID].isin(list(track_ids))]


def keep_tracks(table: pd.DataFrame, track_ids: Collection[str]) -> pd.DataFrame:
    """Keeps the tracks with these ids."""
    return table[table[TRACK_ID].isin(list(track_ids))]


def choose_duplicates(
    groups: Iterable[Sequence[Key]],
    present: Iterable[Key],
    seed: int = DUPLICATES_SEED,
) -> set[Key]:
    """Which tracks to drop so that one of each group is left.

    Of a group's tracks that are present the legacy generator draws the one to keep,
    group after group. A track that is the only one of its group stays; in the
    original it was dropped.
    """
    random = np.random.RandomState(seed)
    left = set(present)
    dropped: set[Key] = set()
    for group in groups:
        candidates = [track for track in dict.fromkeys(group) if track in left]
        if len(candidates) > 1:
            candidates.pop(random.randint(len(candidates)))
            dropped.update(candidates)
            left.difference_update(candidates)
    return dropped


def drop_duplicates(
    table: pd.DataFrame, groups: Iterable[Sequence[str]], seed: int = DUPLICATES_SEED
) -> pd.DataFrame:
    """Keeps one track of each group."""
    return drop_tracks(table, choose_duplicates(groups, table[TRACK_ID], seed))


def wrangle(
    files: pd.DataFrame, lists: Lists, order: Sequence[str] = STEPS
) -> tuple[pd.DataFrame, list[Step]]:
    """Matches files with tracks and purges them.

    Args:
        files: a row per file, with file_size and clip_length, and either
            track_7digitalid or, if it went through here before, track_id.
        lists: what to go by.
        order: of `STEPS`; those that it does not name are not done.

    Returns:
        The table, and after each step its name and the rows left.

    Raises:
        DatasetError: a column is missing.
        ConfigError: `order` names something else, or nothing twice.
    """
    _check_order(order)
    is_matched = TRACK_ID in files
    if not is_matched and (lists.summary is None or order[:1] != ("match",)):
        raise ConfigError(
            "the files have no track_id yet: a summary file (--path-h5) is needed, "
            "and 'match' has to be the first step"
        )
    needed = [FILE_SIZE, CLIP_LENGTH]
    needed += [] if is_matched else [TRACK_7DIGITAL_ID]
    missing = [column for column in needed if column not in files]
    if missing:
        raise DatasetError(
            f"the table has no column {', '.join(missing)}; 'resemul msd fetch' "
            "writes them unless told not to"
        )
    steps = _steps(lists, is_matched)
    table, counts = files, [("input", len(files))]
    for name in order:
        if name in steps:
            table = steps[name](table)
            counts.append((name, len(table)))
    return table.reset_index(drop=True), counts


def _steps(
    lists: Lists, is_matched: bool
) -> dict[str, Callable[[pd.DataFrame], pd.DataFrame]]:
    """The steps for which there is what they need."""
    steps: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
        "repeated": drop_repeated,
        "empty": lambda table: table[table[FILE_SIZE] > 0],
        "unreadable": lambda table: table[table[CLIP_LENGTH].notna()],
    }
    if lists.summary is not None and not is_matched:
        steps["match"] = partial(match_tracks, summary=lists.summary)
    if lists.mismatches is not None:
        steps["mismatches"] = partial(drop_tracks, track_ids=lists.mismatches)
    if lists.tagged is not None:
        steps["tags"] = partial(keep_tracks, track_ids=lists.tagged)
    if lists.duplicates is not None:
        steps["duplicates"] = partial(drop_duplicates, groups=lists.duplicates)
    return steps


def _check_order(order: Sequence[str]) -> None:
    unknown = [name for name in order if name not in STEPS]
    if unknown or len(set(order)) != len(order):
        raise ConfigError(
            f"the order of steps names each of {', '.join(STEPS)} once at most, got "
            f"{', '.join(order)}"
        )


def _as_text(values: np.ndarray) -> np.ndarray:
    """Bytes of a fixed length, or objects, as HDF5 has text."""
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8", "replace")
    texts = (
        v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values
    )
    return np.array([str(text) for text in texts], dtype=object)


def _find_id(line: str) -> re.Match[str] | None:
    return _TRACK_ID_PATTERN.search(line)


def _lines(path: Path) -> Iterable[str]:
    if not path.is_file():
        raise DatasetError(f"{path} does not exist")
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from file
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
