"""The environment that TensorFlow starts in; the start itself in a new process."""

import os
import subprocess
import sys

import pytest

from resemul.runtime import tensorflow as start

CODE = """
import os
from resemul.runtime.tensorflow import describe_start, start_tensorflow
start_tensorflow()
print(describe_start())
"""


@pytest.fixture
def cpu(tmp_path, monkeypatch):
    """Plays a Linux machine whose CPU has these flags."""

    def set_flags(flags, machine="x86_64"):
        (tmp_path / "cpuinfo").write_text(f"flags\t\t: fpu {flags}\n")
        monkeypatch.setattr(start, "_CPU_INFO", tmp_path / "cpuinfo")
        monkeypatch.setattr(start.platform, "machine", lambda: machine)

    return set_flags


@pytest.mark.parametrize(
    ("flags", "machine", "is_chosen"),
    [
        ("sse4_2 avx2 fma", "x86_64", True),
        ("avx2 avx512_vnni", "AMD64", True),
        ("sse4_2 avx", "x86_64", False),
        ("asimd", "aarch64", False),
    ],
)
def test_onednn_and_the_allocator_are_chosen_where_they_help(
    cpu, flags, machine, is_chosen
):
    cpu(flags, machine)
    environment = start.choose_environment()
    assert ("TF_ENABLE_ONEDNN_OPTS" in environment) == is_chosen
    assert ("TF_CPU_ALLOCATOR_USE_BFC" in environment) == is_chosen


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({}, "oneDNN as TensorFlow chose, malloc allocator"),
        ({"TF_ENABLE_ONEDNN_OPTS": "0"}, "oneDNN off, malloc allocator"),
        (
            {"TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPU_ALLOCATOR_USE_BFC": "true"},
            "oneDNN on, BFC allocator",
        ),
    ],
)
def test_describe_start_says_what_was_set(monkeypatch, environment, text):
    for name in ("TF_ENABLE_ONEDNN_OPTS", "TF_CPU_ALLOCATOR_USE_BFC"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert start.describe_start() == text


def test_the_start_is_silent_and_a_setting_of_the_user_stays():
    run = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr == ""
    assert run.stdout.startswith("oneDNN off")


def test_the_package_starts_nothing_when_it_is_imported():
    code = (
        "import os, sys; before = dict(os.environ)\n"
        "import resemul.records, resemul.runtime.tensorflow\n"
        "assert 'tensorflow' not in sys.modules and dict(os.environ) == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
