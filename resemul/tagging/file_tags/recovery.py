"""Putting right what a run left behind that was killed, or could not go on.

A file in one of the two states between which a run works is either the old one, the
new one or, written in place, a mixture of both. The last is made the old one.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resemul.runtime.files import file_sha256
from resemul.tagging.file_tags.journal import (
    GIVEN_UP,
    UNDOING,
    UNDONE,
    WRITTEN,
    Entry,
    Journal,
)
from resemul.tagging.file_tags.splices import Splice, growth, inverted
from resemul.tagging.file_tags.verify import kept_sha256
from resemul.tagging.file_tags.write import set_time, sync_file, write_in_place

# What a span may hold that was made longer and not written yet.
_ZERO = 0


@dataclass(frozen=True)
class Recovered:
    """What became of a file of an interrupted run; `state` None: nothing yet."""

    path: Path
    state: str | None
    run: str


def recover(journal: Journal) -> Iterator[Recovered]:
    """Settles every entry that a process left unfinished."""
    for entry in journal.unfinished():
        state = settle(entry)
        if state is not None:
            journal.mark(entry.id, state)
        yield Recovered(entry.path, state, entry.run)


def settle(entry: Entry, take_back: bool = False) -> str | None:
    """Makes a file whole again, the old or the new one; the entry's state then.

    Args:
        entry: of the file.
        take_back: after an error: the new bytes may be only in memory, so that the
            old ones are written again wherever they were written over.

    Returns:
        None: it cannot be reached, or somebody else changed it; it is left alone.
    """
    try:
        return _settle(entry, take_back and entry.in_place)
    except OSError:
        return None


def _settle(entry: Entry, take_back: bool) -> str | None:
    old_state = UNDONE if entry.state == UNDOING else GIVEN_UP
    sha256 = file_sha256(entry.path)
    if not entry.in_place:
        entry.temporary.unlink(missing_ok=True)
    if sha256 == entry.old_sha256:
        sync_file(entry.path)
        return old_state
    if sha256 == entry.new_sha256 and not take_back:
        sync_file(entry.path)
        return WRITTEN
    if not entry.in_place:
        # Somebody else's by now; what was to be put in its place never was.
        return WRITTEN if entry.state == UNDOING else GIVEN_UP
    if not is_mixture(entry):
        return None
    write_in_place(entry.path, inverted(entry.splices), entry.old_size)
    set_time(entry.path, entry.old_time_ns)
    return old_state if file_sha256(entry.path) == entry.old_sha256 else None


def is_mixture(entry: Entry) -> bool:
    """Whether a file is the old or the new one at every byte.

    Any other byte was written by somebody else, who may want to keep it.
    """
    size = entry.path.stat().st_size
    spans = [(s.offset, s.offset + _span_length(s, size)) for s in entry.splices]
    with entry.path.open("rb") as file:
        if kept_sha256(file, spans, max(size, spans[-1][1])) != entry.kept_sha256:
            return False
        for splice, (start, end) in zip(entry.splices, spans, strict=True):
            file.seek(start)
            there = file.read(end - start)
            if not all(
                byte in {old, new, _ZERO if old is None else old}
                for byte, old, new in itertools.zip_longest(
                    there, splice.old[: len(there)], splice.new[: len(there)]
                )
            ):
                return False
    return True


def _span_length(splice: Splice, size: int) -> int:
    """Only the last span, at the end of the file, may have either length."""
    if not growth([splice]):
        return len(splice.old)
    return max(0, size - splice.offset)
