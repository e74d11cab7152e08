"""Watching the memory of a command and its children."""

import sys
from pathlib import Path

import pytest

memory = pytest.importorskip("benchmarks.memory")

PROGRAM = """
import subprocess, sys, time
blocks = "x" * 100_000_000
sleeper = "import time; x = 'x' * 50_000_000; time.sleep(0.5)"
subprocess.run([sys.executable, "-c", sleeper])
"""


@pytest.mark.skipif(not Path("/proc").exists(), reason="only Linux tells")
def test_the_command_and_its_largest_child_are_watched():
    command, child = memory.watch([sys.executable, "-c", PROGRAM])
    assert 100e6 < command < 150e6
    assert 50e6 < child < 100e6


def test_the_table_has_a_row_per_number_of_clips():
    text = memory.render({4000: (600_400_000, 700_000_000)})
    assert "| 4,000 | 600 MB | 700 MB |" in text
