"""What is freed is used again; in a process of its own, for which it is set."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
from resemul.runtime.memory import keep_freed_memory

assert keep_freed_memory()

def use():
    blocks = [b"x" * 5_000_000 for _ in range(4)]

use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_memory_that_was_freed_is_not_fetched_anew():
    command = [sys.executable, "-c", PROGRAM]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    # Else one for each page of 4 KiB: 5,000.
    assert int(run.stdout) < 200
