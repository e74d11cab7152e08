"""SQLite files that belong to others: opened for reading, parameters bound."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from resemul.errors import DatasetError

# Values bound at a time; SQLite's oldest limit is 999.
_MAX_BOUND = 900

T = TypeVar("T")


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Opens a database; text that is not UTF-8 is read with replacement marks.

    Raises:
        DatasetError: it is missing, or not a database.
    """
    if not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise DatasetError(f"{path} {what}; it should be an SQLite database")
    # as_uri quotes # and ?, which would end the path.
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise DatasetError(f"{path} cannot be opened: {error}") from error
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    try:
        connection.execute("SELECT name FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        connection.close()
        raise DatasetError(f"{path} is not an SQLite database: {error}") from error
    return connection


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """`connect_read_only`, closed at the end; errors inside name the file."""
    connection = connect_read_only(path)
    try:
        yield connection
    except sqlite3.Error as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    finally:
        connection.close()


def query(
    connection: sqlite3.Connection, sql: str, values: Sequence[Any] = ()
) -> sqlite3.Cursor:
    """Runs a query with bound values."""
    return connection.execute(sql, tuple(values))


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts of `values` that can be bound at a time."""
    for start in range(0, len(values), _MAX_BOUND):
        yield values[start : start + _MAX_BOUND]
