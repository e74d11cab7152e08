"""What runs did to files, on the disk before they do it.

An SQLite file that waits for the disk at every step. Each entry holds the bytes that
a song loses and those that it gets, so that the way back needs nothing else.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import platformdirs

from resemul.errors import FileTagsError
from resemul.runtime.files import locked
from resemul.tagging.file_tags.splices import Splice, pack, unpack

# States of an entry: between the first two and between the last two, the file itself
# says how far it is.
WRITING, WRITTEN, GIVEN_UP = "writing", "written", "given up"
UNDOING, UNDONE = "undoing", "undone"
UNFINISHED = (WRITING, UNDOING)

_FILE_NAME = "journal.sqlite3"
_SCHEMA_VERSION = 1
_TABLES = """
CREATE TABLE runs (id TEXT PRIMARY KEY, started TEXT NOT NULL, plan BLOB NOT NULL);
CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL REFERENCES runs (id),
    state TEXT NOT NULL,
    path BLOB NOT NULL,
    temporary BLOB NOT NULL,
    in_place INTEGER NOT NULL,
    old_size INTEGER NOT NULL,
    old_time_ns INTEGER NOT NULL,
    old_sha256 TEXT NOT NULL,
    new_size INTEGER NOT NULL,
    new_sha256 TEXT NOT NULL,
    audio_digest TEXT NOT NULL,
    kept_sha256 TEXT NOT NULL,
    splices BLOB NOT NULL
);
CREATE INDEX entries_by_run ON entries (run);
CREATE INDEX entries_by_state ON entries (state);
"""
_COLUMNS = (
    "run", "state", "path", "temporary", "in_place", "old_size", "old_time_ns",
    "old_sha256", "new_size", "new_sha256", "audio_digest", "kept_sha256", "splices",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One file of one run.

    Attributes:
        temporary: beside `path`; holds the new file until it takes its place.
        in_place: the file itself is written; `temporary` is not used.
        old_time_ns: when the file was last modified, in nanoseconds since 1970.
        audio_digest: see `audio.payload`.
        kept_sha256: of all bytes that are in no splice.
        splices: from the old file to the new one.
    """

    run: str
    state: str
    path: Path
    temporary: Path
    in_place: bool
    old_size: int
    old_time_ns: int
    old_sha256: str
    new_size: int
    new_sha256: str
    audio_digest: str
    kept_sha256: str
    splices: tuple[Splice, ...]
    id: int = 0


@dataclass(frozen=True)
class Run:
    """A run of `apply`, and how many of its files are in which state."""

    id: str
    started: str
    plan: Path
    num_by_state: dict[str, int]


def data_folder() -> Path:
    """Where the journal is: in `RESEMUL_DATA`, or where users' data of programs is."""
    set_folder = os.environ.get("RESEMUL_DATA")
    folder = (
        Path(set_folder)
        if set_folder
        else platformdirs.user_data_path("resemul", appauthor=False)
    )
    return folder / "file-tags"


@contextmanager
def open_journal(folder: Path) -> Iterator["Journal"]:
    """The journal in a folder, which is made; one process at a time may have it.

    Raises:
        FileTagsError: another one has it, or it cannot be read or written.
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            stack.enter_context(locked(folder / "lock", wait=False))
            db = sqlite3.connect(folder / _FILE_NAME, isolation_level=None)
            stack.enter_context(closing(db))
            journal = Journal(db, folder)
        except BlockingIOError:
            raise FileTagsError(
                "another run of file-tags is at work; try again when it is done"
            ) from None
        except (OSError, sqlite3.Error) as error:
            raise FileTagsError(
                f"the journal in {folder} cannot be used: {error}"
            ) from error
        yield journal


class Journal:
    """Runs and their entries; every change is on the disk when a method returns."""

    def __init__(self, db: sqlite3.Connection, folder: Path) -> None:
        self._db = db
        # EXTRA waits for the folder too: a finished step outlives a power cut.
        db.execute("PRAGMA synchronous = EXTRA")
        [version] = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            db.executescript(
                f"BEGIN; {_TABLES} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;"
            )
            _sync(folder)
        elif version != _SCHEMA_VERSION:
            raise FileTagsError(
                f"the journal in {folder} is of another version of resemul ({version})"
            )

    def start_run(self, plan: Path) -> str:
        """The name of a new run, made of the time."""
        started = datetime.now().astimezone()
        name = started.strftime("%Y%m%d-%H%M%S")
        same = self._db.execute(
            "SELECT count(*) FROM runs WHERE id = ? OR id LIKE ?", (name, f"{name}-%")
        ).fetchone()[0]
        run = f"{name}-{same + 1}" if same else name
        self._db.execute(
            "INSERT INTO runs VALUES (?, ?, ?)",
            (run, started.isoformat(timespec="seconds"), os.fsencode(plan)),
        )
        return run

    def add(self, entry: Entry) -> int:
        """Writes an entry down; the number it gets."""
        values = {name: getattr(entry, name) for name in _COLUMNS}
        values["path"] = os.fsencode(entry.path)
        values["temporary"] = os.fsencode(entry.temporary)
        values["splices"] = pack(entry.splices)
        marks = ", ".join("?" * len(_COLUMNS))
        cursor = self._db.execute(
            f"INSERT INTO entries ({', '.join(_COLUMNS)}) VALUES ({marks})",
            [values[name] for name in _COLUMNS],
        )
        return int(cursor.lastrowid or 0)

    def mark(self, entry_id: int, state: str) -> None:
        """Gives an entry another state."""
        self._db.execute("UPDATE entries SET state = ? WHERE id = ?", (state, entry_id))

    def entries(self, run: str, *states: str) -> list[Entry]:
        """A run's entries in some states, the last first."""
        return self._select("run = ?", [run], states)

    def unfinished(self) -> list[Entry]:
        """Entries that a process left behind, the last first."""
        return self._select("1", [], UNFINISHED)

    def later_run(self, entry: Entry) -> str | None:
        """The last run that wrote an entry's file after it, if one did."""
        row = self._db.execute(
            "SELECT run FROM entries WHERE path = ? AND id > ? AND state = ? "
            "ORDER BY id DESC",
            (os.fsencode(entry.path), entry.id, WRITTEN),
        ).fetchone()
        return None if row is None else str(row[0])

    def _select(
        self, condition: str, values: list[str], states: tuple[str, ...]
    ) -> list[Entry]:
        marks = ", ".join("?" * len(states))
        rows = self._db.execute(
            f"SELECT id, {', '.join(_COLUMNS)} FROM entries "
            f"WHERE {condition} AND state IN ({marks}) ORDER BY id DESC",
            [*values, *states],
        )
        return [_entry(row) for row in rows]

    def runs(self) -> list[Run]:
        """All runs, the last first."""
        counts: dict[str, dict[str, int]] = {}
        for run, state, num in self._db.execute(
            "SELECT run, state, count(*) FROM entries GROUP BY run, state"
        ):
            counts.setdefault(run, {})[state] = num
        return [
            Run(run, started, Path(os.fsdecode(plan)), counts.get(run, {}))
            for run, started, plan in self._db.execute(
                "SELECT id, started, plan FROM runs ORDER BY rowid DESC"
            )
        ]

    def forget(self, run: str) -> None:
        """Drops a run, which then cannot be undone, and gives its space back."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("DELETE FROM entries WHERE run = ?", (run,))
        self._db.execute("DELETE FROM runs WHERE id = ?", (run,))
        self._db.execute("COMMIT")
        self._db.execute("VACUUM")


def _entry(row: tuple) -> Entry:
    number, *values = row
    named = dict(zip(_COLUMNS, values, strict=True))
    for name in ("path", "temporary"):
        named[name] = Path(os.fsdecode(named[name]))
    named["in_place"] = bool(named["in_place"])
    named["splices"] = tuple(unpack(named["splices"]))
    return Entry(**named, id=number)


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
