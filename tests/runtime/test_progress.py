import logging
import sys

import pytest

from resemul.runtime import progress
from resemul.runtime.progress import BYTES, Progress, format_bytes


@pytest.fixture
def clock(monkeypatch):
    """Plays `time.monotonic`: it stands still until it is moved on."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(progress.time, "monotonic", lambda: Clock.now)
    return Clock


def test_progress_on_a_terminal_is_one_line_that_stays(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress(4, "clips", "build", done=1) as bar:
        bar.advance(2)
    lines = capsys.readouterr().err
    assert lines.count("\n") == 1
    last = lines.rstrip("\n").split("\r")[-1]
    assert last.startswith("build:  75%|")
    assert "3/4" in last


def test_progress_off_a_terminal_logs_every_ten_seconds_and_at_the_end(
    caplog, capsys, clock
):
    with (
        caplog.at_level(logging.INFO, "resemul.runtime.progress"),
        Progress(25, "clips", "x") as bar,
    ):
        for _ in range(25):
            clock.now += 1
            bar.advance()
    assert [message.split(",")[0] for message in caplog.messages] == [
        "x: 10/25 clips (40%)",
        "x: 20/25 clips (80%)",
        "x: 25/25 clips (100%)",
    ]
    assert caplog.messages[0].endswith("left")
    assert "took" in caplog.messages[-1]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("total", "unit", "amount", "text"),
    [
        (4_000_000, BYTES, 1_000_000, "x: 1.00M/4.00MB (25%)"),
        (None, BYTES, 10, "x: 10.0B"),
        (None, "clips", 3, "x: 3 clips"),
    ],
)
def test_progress_in_other_units(caplog, total, unit, amount, text):
    with (
        caplog.at_level(logging.INFO, "resemul.runtime.progress"),
        Progress(total, unit, "x") as bar,
    ):
        bar.advance(amount)
    assert caplog.messages[-1].split(",")[0] == text


def test_progress_goes_back_where_work_has_to_be_done_again(caplog):
    with (
        caplog.at_level(logging.INFO, "resemul.runtime.progress"),
        Progress(10, "clips", "x", done=8) as bar,
    ):
        bar.advance(-6)
    assert caplog.messages[-1].startswith("x: 2/10 clips (20%)")


def test_close_twice_shows_the_end_once(caplog):
    bar = Progress(1, "clips", "x")
    with caplog.at_level(logging.INFO, "resemul.runtime.progress"):
        bar.close()
        bar.close()
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [(999, "999 B"), (1000, "1.0 KB"), (3_250_000_000, "3.2 GB"), (2e12, "2.0 TB")],
)
def test_format_bytes(num_bytes, text):
    assert format_bytes(num_bytes) == text


def test_a_note_stands_at_the_end_of_the_line(caplog):
    caplog.set_level(logging.INFO)
    with Progress(2, "files", "tagging") as progress:
        progress.note("3 hours")
        progress.advance(2)
    assert "files/s, 3 hours, took" in caplog.text
