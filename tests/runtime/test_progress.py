import io
import logging

import pytest

from resemul.runtime.progress import BYTES, Progress, format_bytes, format_seconds


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_progress_shows_amount_rate_and_time_left():
    clock = Clock()
    progress = Progress(200, "clips", "build", stream=Terminal(), clock=clock)
    clock.now += 5
    progress.advance(50)
    assert progress.describe() == "build: 50/200 clips (25%), 10.0 clips/s, 0:15 left"


def test_progress_of_bytes_uses_units_of_thousands():
    clock = Clock()
    progress = Progress(4_000_000, BYTES, "get", stream=Terminal(), clock=clock)
    clock.now += 2
    progress.advance(1_000_000)
    assert progress.describe() == "get: 1.0 MB/4.0 MB (25%), 500.0 KB/s, 0:06 left"


def test_progress_without_total_shows_no_percent():
    clock = Clock()
    progress = Progress(None, BYTES, "get", stream=Terminal(), clock=clock)
    clock.now += 1
    progress.advance(10)
    assert progress.describe() == "get: 10 B, 10 B/s"


def test_progress_rate_leaves_out_what_was_done_before():
    clock = Clock()
    progress = Progress(100, "clips", "x", done=80, stream=Terminal(), clock=clock)
    clock.now += 1
    progress.advance(10)
    assert progress.describe() == "x: 90/100 clips (90%), 10.0 clips/s, 0:01 left"


def test_progress_of_nothing_is_complete():
    progress = Progress(0, "clips", "x", stream=Terminal(), clock=Clock())
    assert progress.describe() == "x: 0/0 clips (100%)"


def test_progress_on_a_terminal_redraws_one_line_and_ends_it():
    stream, clock = Terminal(), Clock()
    with Progress(2, "clips", "x", stream=stream, clock=clock) as progress:
        for _ in range(2):
            clock.now += 1
            progress.advance()
    lines = stream.getvalue().split("\r\x1b[K")
    assert lines[1:] == [
        "x: 1/2 clips (50%), 1.0 clips/s, 0:01 left",
        "x: 2/2 clips (100%), 1.0 clips/s, 0:00 left",
        "x: 2/2 clips (100%), 1.0 clips/s, took 0:02\n",
    ]


def test_progress_off_a_terminal_logs_every_ten_seconds_and_at_the_end(caplog):
    stream, clock = io.StringIO(), Clock()
    with (
        caplog.at_level(logging.INFO, "resemul.runtime.progress"),
        Progress(25, "clips", "x", stream=stream, clock=clock) as progress,
    ):
        for _ in range(25):
            clock.now += 1
            progress.advance()
    assert [message.split(",")[0] for message in caplog.messages] == [
        "x: 10/25 clips (40%)",
        "x: 20/25 clips (80%)",
        "x: 25/25 clips (100%)",
    ]
    assert stream.getvalue() == ""


def test_close_twice_shows_the_end_once(caplog):
    progress = Progress(1, "clips", "x", stream=io.StringIO(), clock=Clock())
    with caplog.at_level(logging.INFO, "resemul.runtime.progress"):
        progress.close()
        progress.close()
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [(999, "999 B"), (1000, "1.0 KB"), (3_250_000_000, "3.2 GB"), (2e12, "2.0 TB")],
)
def test_format_bytes(num_bytes, text):
    assert format_bytes(num_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(5.9, "0:05"), (754, "12:34"), (3723, "1:02:03")]
)
def test_format_seconds(seconds, text):
    assert format_seconds(seconds) == text
