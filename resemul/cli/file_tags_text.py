"""What `resemul file-tags` shows of songs, changes and outcomes."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resemul.tagging.file_tags import Change, Outcome, PlannedSong


def show_song(song: "PlannedSong") -> None:
    """Prints what a song says now, and what it would say."""
    path = printable(str(song.path))
    if song.problem:
        print(f"{path}: {printable(song.problem)}", file=sys.stderr)
        return
    if not song.changes:
        return
    print(f"{path} ({song.label})")
    for note in song.notes:
        print(f"  note: {printable(note)}")
    for change in song.changes:
        old, new = (_show_values(change, texts) for texts in (change.old, change.new))
        print(f"  {change.field:8}  {old} -> {new}  [{change.name}]")


def _show_values(change: "Change", texts: Sequence[str]) -> str:
    if not texts:
        return "(none)"
    if change.field != "evidence":
        return printable(", ".join(texts))
    return "; ".join(_show_evidence(text) for text in texts)


def _show_evidence(text: str) -> str:
    try:
        models = json.loads(text)["models"]
        return printable(
            ", ".join(
                f"{len(m['tags'])} scores of {name}" for name, m in models.items()
            )
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return printable(text[:60])


def show_outcomes(outcomes: "Iterable[Outcome]") -> list[str]:
    """Names what went wrong as it happens; the states of all."""
    from resemul.tagging.file_tags import FAILED

    states = []
    for outcome in outcomes:
        states.append(outcome.state)
        if outcome.state == FAILED:
            path = printable(str(outcome.path))
            print(f"{path}: {printable(outcome.message)}", file=sys.stderr)
    return states


def count(states: Sequence[str]) -> str:
    """In words: "3 written, 1 failed"."""
    counts = {state: states.count(state) for state in dict.fromkeys(states)}
    return ", ".join(f"{num} {state}" for state, num in counts.items())


def status(states: Sequence[str]) -> int:
    """The exit status."""
    from resemul.tagging.file_tags import FAILED

    return 1 if FAILED in states else 0


def printable(text: str) -> str:
    """Without what would move a terminal's cursor, and in what it can encode."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    encoding = sys.stdout.encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)
