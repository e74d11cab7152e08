"""Carrying a plan out, song by song; a song that cannot be written stops nothing."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resemul.errors import FileTagsError
from resemul.tagging.file_tags.formats import open_tag
from resemul.tagging.file_tags.journal import WRITING, WRITTEN, Entry, Journal
from resemul.tagging.file_tags.planning import Plan, PlannedSong, describe
from resemul.tagging.file_tags.recovery import settle
from resemul.tagging.file_tags.splices import fit_in_place, growth, ordered
from resemul.tagging.file_tags.verify import (
    changed_view,
    check_change,
    kept_sha256,
    sha256_of,
)
from resemul.tagging.file_tags.write import (
    WriteRules,
    check_writable,
    set_time,
    write_change,
)

UNCHANGED = "unchanged"
FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of a song: a state of the journal, `UNCHANGED` or `FAILED`."""

    path: Path
    state: str
    message: str = ""


def apply_plan(
    plan: Plan, journal: Journal, run: str, rules: WriteRules
) -> Iterator[Outcome]:
    """Writes every song of a plan that is still as it was when the plan was made."""
    for song in plan.songs:
        try:
            yield _apply(song, plan, journal, run, rules)
        except (FileTagsError, OSError, sqlite3.Error) as error:
            yield Outcome(song.path, FAILED, describe(error))


def _apply(
    song: PlannedSong, plan: Plan, journal: Journal, run: str, rules: WriteRules
) -> Outcome:
    new = {change.field: change.new for change in song.changes}
    with song.path.open("rb") as file:
        before = os.fstat(file.fileno())
        tag = open_tag(file, before.st_size, plan.formats)
        changed = {n: t for n, t in new.items() if tag.as_read(n, t) != tag.values[n]}
        if not changed:
            return Outcome(song.path, UNCHANGED)
        if sha256_of(file) != song.sha256:
            raise FileTagsError("was changed since the plan was made; plan it again")
        splices = ordered(tag.edit(changed))
        digest = check_change(file, before.st_size, tag, splices, changed, plan.formats)
        spans = fit_in_place(splices, file, before.st_size, tag.audio)
        used = splices if spans is None else spans
        check_writable(song.path, rules, in_place=spans is not None)
        with changed_view(file, before.st_size, used) as view:
            new_sha256 = sha256_of(view)
        entry = Entry(
            run=run,
            state=WRITING,
            path=song.path,
            temporary=_temporary(song.path, run),
            in_place=spans is not None,
            old_size=before.st_size,
            old_time_ns=before.st_mtime_ns,
            old_sha256=song.sha256,
            new_size=before.st_size + growth(used),
            new_sha256=new_sha256,
            audio_digest=digest,
            kept_sha256=kept_sha256(
                file, [(s.offset, s.end) for s in used], before.st_size
            ),
            splices=tuple(used),
        )
    return _write(entry, before, journal, rules)


def _write(
    entry: Entry, before: os.stat_result, journal: Journal, rules: WriteRules
) -> Outcome:
    number = journal.add(entry)
    try:
        write_change(
            entry.path,
            entry.temporary,
            entry.splices,
            in_place=entry.in_place,
            sha256=entry.new_sha256,
            before=before,
        )
    except BaseException as error:
        settled = settle(entry, take_back=True)
        if settled is not None:
            journal.mark(number, settled)
        if settled is None and isinstance(error, Exception):
            raise FileTagsError(
                "could not be written whole, nor be given back its old tag yet; the "
                "next run of file-tags tries again"
            ) from error
        if settled != WRITTEN or not isinstance(error, Exception):
            raise
    set_time(entry.path, entry.old_time_ns if rules.keep_times else None)
    journal.mark(number, WRITTEN)
    return Outcome(entry.path, WRITTEN)


def _temporary(path: Path, run: str) -> Path:
    """Hidden, and no audio file by its name: programs that watch folders pass it."""
    number = path.stat().st_ino
    return path.with_name(f".resemul-{run}-{number}.part")
