"""Taking a run back: every file gets the bytes that it had."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from resemul.errors import FileTagsError
from resemul.runtime.files import file_sha256
from resemul.tagging.file_tags.apply import FAILED, Outcome
from resemul.tagging.file_tags.journal import (
    UNDOING,
    UNDONE,
    WRITTEN,
    Entry,
    Journal,
)
from resemul.tagging.file_tags.planning import describe
from resemul.tagging.file_tags.recovery import settle
from resemul.tagging.file_tags.splices import inverted
from resemul.tagging.file_tags.write import (
    WriteRules,
    check_writable,
    set_time,
    write_change,
)


def last_run(journal: Journal) -> str:
    """The last run that has something to take back.

    Raises:
        FileTagsError: there is none.
    """
    for run in journal.runs():
        if run.num_by_state.get(WRITTEN):
            return run.id
    raise FileTagsError("there is no run to take back")


def require_run(journal: Journal, name: str) -> None:
    """Makes sure that there is a run of a name.

    Raises:
        FileTagsError: there is none.
    """
    if name not in {run.id for run in journal.runs()}:
        raise FileTagsError(
            f"there is no run {name!r}; 'resemul file-tags runs' lists them"
        )


def undo_run(journal: Journal, run: str, rules: WriteRules) -> Iterator[Outcome]:
    """Gives each file of a run its old bytes, the last first.

    One that was changed since is left alone and can be taken back later.
    """
    for entry in journal.entries(run, WRITTEN):
        try:
            yield _undo(entry, journal, rules)
        except (FileTagsError, OSError, sqlite3.Error) as error:
            yield Outcome(entry.path, FAILED, describe(error))


def _undo(entry: Entry, journal: Journal, rules: WriteRules) -> Outcome:
    sha256 = file_sha256(entry.path)
    if sha256 == entry.old_sha256:
        journal.mark(entry.id, UNDONE)
        return Outcome(entry.path, UNDONE)
    if sha256 != entry.new_sha256:
        later = journal.later_run(entry)
        raise FileTagsError(
            f"was written by the later run {later}; take that one back first"
            if later
            else "was changed since by another program, and is left alone"
        )
    before = check_writable(entry.path, rules, entry.in_place)
    journal.mark(entry.id, UNDOING)
    try:
        write_change(
            entry.path,
            entry.temporary,
            inverted(entry.splices),
            in_place=entry.in_place,
            sha256=entry.old_sha256,
            before=before,
        )
    except BaseException as error:
        state = settle(replace(entry, state=UNDOING), take_back=True)
        if state is not None:
            journal.mark(entry.id, state)
        if state != UNDONE or not isinstance(error, Exception):
            raise
    set_time(entry.path, _time_after(entry, rules))
    journal.mark(entry.id, UNDONE)
    return Outcome(entry.path, UNDONE)


def _time_after(entry: Entry, rules: WriteRules) -> int | None:
    return entry.old_time_ns if rules.keep_times else None


def undoable(journal: Journal, run: str) -> list[Path]:
    """The files that taking a run back would write."""
    return [entry.path for entry in journal.entries(run, WRITTEN)]
