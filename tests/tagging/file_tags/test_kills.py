"""kill -9 before any line of what writes: the song is the old one or the new one.

A forked process counts the lines that it runs in the modules that write, and kills
itself at one of them. In place, bytes are written piece by piece, so that it dies with
half a tag written, too.
"""

import hashlib
import os
import signal
import sys
from pathlib import Path

import pytest

from resemul.tagging.file_tags import (
    WriteRules,
    apply_plan,
    journal,
    open_journal,
    recovery,
    undo,
    undo_run,
    write,
)
from resemul.tagging.file_tags import apply as apply_module

_WRITERS = {m.__file__ for m in (journal, recovery, undo, write, apply_module)}
# Lines between two kills; the first differs from test to test by the container.
_STEP = 17
_PIECE_BYTES = 300


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_in_pieces(number: int, data: bytes) -> None:
    for position in range(0, len(data), _PIECE_BYTES):
        os.write(number, data[position : position + _PIECE_BYTES])


# Its lines count as lines of the module whose function it stands for.
_WRITERS.add(__file__)


def write_one_span_and_die(number: int, data: bytes) -> None:
    os.write(number, data)
    os.kill(os.getpid(), signal.SIGKILL)


def run_and_kill(action, line: int, write_all=write_in_pieces) -> bool:
    """Runs `action` in a process that dies at the given line; whether it did."""
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame, event, argument):
            nonlocal left
            if frame.f_code.co_filename not in _WRITERS:
                return None
            left -= event == "line"
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        try:
            write._write_all = write_all
            sys.settrace(trace)
            action()
            sys.settrace(None)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


# Whose tag fits in place, whose grows in place at the end, and whose needs a copy.
@pytest.mark.parametrize("ending", ["flac", "wav", "mp3"])
def test_a_killed_apply_leaves_the_old_or_the_new_song(
    song, planned, data_folder, undone, ending
):
    path = song(ending)
    before, old = path.read_bytes(), sha256(path)
    plan = planned(path)

    def apply():
        with open_journal(data_folder) as opened:
            run = opened.start_run(Path("plan.jsonl"))
            list(apply_plan(plan, opened, run, WriteRules()))

    states = set()
    line = len(ending)
    while run_and_kill(apply, line):
        with open_journal(data_folder) as opened:
            list(recovery.recover(opened))
            assert opened.unfinished() == []
            runs = opened.runs()
        assert [p.name for p in path.parent.iterdir() if "resemul" in p.name] == []
        if sha256(path) == old:
            states.add("old")
        else:
            states.add("new")
            [outcome] = undone(runs[0].id)
            assert outcome.state == "undone"
        assert path.read_bytes() == before
        line += _STEP
    assert states == {"old", "new"}


@pytest.mark.parametrize("ending", ["flac", "wav", "mp3"])
def test_a_killed_undo_can_be_finished(song, written, data_folder, undone, ending):
    path = song(ending)
    before = path.read_bytes()
    run, _ = written(path)
    after = path.read_bytes()

    def undo_all():
        with open_journal(data_folder) as opened:
            list(undo_run(opened, run, WriteRules()))

    line = len(ending)
    while run_and_kill(undo_all, line):
        with open_journal(data_folder) as opened:
            list(recovery.recover(opened))
        assert path.read_bytes() in (before, after)
        undone(run)
        assert path.read_bytes() == before
        # Once more from the start, as if nothing had been taken back.
        path.write_bytes(after)
        with open_journal(data_folder) as opened:
            opened._db.execute("UPDATE entries SET state = 'written'")
        line += _STEP
    assert path.read_bytes() == before


def test_a_half_written_song_that_others_changed_is_left_alone(
    song, planned, data_folder
):
    path = song("flac")
    plan = planned(path)

    def apply():
        with open_journal(data_folder) as opened:
            run = opened.start_run(Path("plan.jsonl"))
            list(apply_plan(plan, opened, run, WriteRules()))

    old = sha256(path)
    assert run_and_kill(apply, 1_000_000, write_one_span_and_die)
    half = bytearray(path.read_bytes())
    assert hashlib.sha256(half).hexdigest() != old
    half[-1] ^= 1
    path.write_bytes(half)
    with open_journal(data_folder) as opened:
        [recovered] = recovery.recover(opened)
        assert recovered.state is None
        assert len(opened.unfinished()) == 1
    assert path.read_bytes() == half
    half[-1] ^= 1
    path.write_bytes(half)
    with open_journal(data_folder) as opened:
        [recovered] = recovery.recover(opened)
    assert recovered.state == "given up"
    assert sha256(path) == old
