"""The CSV files that pass from stage to stage, with their comment line."""

import csv
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import pandas as pd

from resemul.errors import ConfigError, DatasetError, OutputExistsError

TRACK_7DIGITAL_ID = "track_7digitalid"
TRACK_ID = "track_id"
FILE_PATH = "file_path"
FILE_SIZE = "file_size"
CHANNELS = "channels"
CLIP_LENGTH = "clip_length"
MP3_PATH = "mp3_path"
NPZ_PATH = "npz_path"
# Where a table may say which file a row is about.
PATH_COLUMNS = (MP3_PATH, FILE_PATH, "path", "file")

_NUMBERS = (TRACK_7DIGITAL_ID, FILE_SIZE, CHANNELS, CLIP_LENGTH, "year")
_CHUNK_ROWS = 50_000


def read_table(path: Path, required: Sequence[str] = ()) -> pd.DataFrame:
    """Reads a table whole; comment lines are those before the header.

    A `#` further down belongs to a path or a name. Empty cells are missing values,
    and nothing else is: a folder may be called "NA".

    Raises:
        DatasetError: the file is missing, no table, or lacks a required column.
    """
    chunks = list(read_chunks(path, required))
    return pd.concat(chunks, ignore_index=True) if len(chunks) > 1 else chunks[0]


def read_chunks(
    path: Path, required: Sequence[str] = (), rows: int = _CHUNK_ROWS
) -> Iterator[pd.DataFrame]:
    """Reads a table in parts of `rows`, so that its length does not matter.

    Raises:
        DatasetError: as `read_table`, at the first part.
    """
    num_comments = _count_comments(path)
    try:
        reader = pd.read_csv(
            path,
            skiprows=num_comments,
            keep_default_na=False,
            na_values=[""],
            chunksize=rows,
            low_memory=False,
        )
        with reader:
            is_empty = True
            for chunk in reader:
                is_empty = False
                yield _checked(chunk, path, required)
    except pd.errors.EmptyDataError as error:
        raise DatasetError(f"{path} holds no table: its header is missing") from error
    except (ValueError, OSError) as error:  # ParserError, UnicodeDecodeError
        raise DatasetError(f"{path} is not a table of commas: {error}") from error
    if is_empty:
        yield _checked(pd.DataFrame(columns=read_header(path)), path, required)


def read_header(path: Path) -> list[str]:
    """The names of the columns.

    Raises:
        DatasetError: the file is missing or empty.
    """
    num_comments = _count_comments(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        for _ in range(num_comments):
            next(file)
        return next(csv.reader(file), [])


def require_columns(
    columns: Sequence[str], required: Sequence[str], source: Path | str
) -> None:
    """Raises `DatasetError` if a column is missing."""
    missing = [name for name in required if name not in columns]
    if missing:
        raise DatasetError(
            f"{source} has no column {', '.join(missing)}; it has "
            f"{', '.join(map(repr, list(columns)[:20]))}"
        )


def find_path_column(columns: Sequence[str], source: Path | str) -> str:
    """The column that holds the paths.

    Raises:
        DatasetError: there is none.
    """
    found = next((name for name in PATH_COLUMNS if name in columns), None)
    if found is None:
        raise DatasetError(
            f"{source} has no column {', '.join(PATH_COLUMNS)}; it has "
            f"{', '.join(map(repr, list(columns)[:20]))}"
        )
    return found


def output_path(name: Path, suffix: str = ".csv") -> Path:
    """The name with its suffix, of a file that is not there yet.

    Raises:
        OutputExistsError: it is.
        ConfigError: its folder is not there.
    """
    path = name if name.suffix == suffix else name.with_name(name.name + suffix)
    if path.exists():
        raise OutputExistsError(
            f"{path} exists and is not overwritten; remove it or give another name"
        )
    if not path.parent.is_dir():
        raise ConfigError(f"{path} cannot be written: no folder {path.parent}")
    return path


def comment_line(command: str, arguments: Sequence[str]) -> str:
    """What stands above the header: how the table was made."""
    return "# " + " ".join(f"{command} {shlex.join(arguments)}".split()) + "\n"


def write_table(table: pd.DataFrame, file: IO[str], comment: str) -> None:
    """Writes the comment line, the header and the rows."""
    file.write(comment)
    table.to_csv(file, index=False, lineterminator="\n")


def _count_comments(path: Path) -> int:
    if not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise DatasetError(f"{path} {what}")
    count = 0
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line in file:
                if not line.startswith("#"):
                    break
                count += 1
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 text") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    return count


def _checked(chunk: pd.DataFrame, path: Path, required: Sequence[str]) -> pd.DataFrame:
    require_columns(chunk.columns, required, path)
    for name in chunk.columns.intersection(_NUMBERS):
        numbers = pd.to_numeric(chunk[name], errors="coerce")
        is_wrong = numbers.isna() & chunk[name].notna()
        is_wrong &= chunk[name].astype(str).str.lower() != "nan"
        if is_wrong.any():
            raise DatasetError(
                f"{path}, column {name!r}: expected a number, "
                f"got {chunk[name][is_wrong].iloc[0]!r}"
            )
        chunk[name] = numbers
    return chunk
