"""Runs in folders that are called by the time."""

import re

import pytest

from resemul.cli.lr_range import parse_range
from resemul.cli.run_folder import run_folder
from resemul.errors import ConfigError


def test_a_new_run_is_called_by_the_time(tmp_path):
    folder = run_folder(tmp_path, "new", now=1_567_500_000)
    assert folder.parent == tmp_path
    # 3 September 2019 in most of the world.
    assert re.fullmatch(r"19090[234]-\d{6}", folder.name)
    assert run_folder(tmp_path, None) == tmp_path


def test_a_run_goes_on_by_its_time_or_as_the_latest(tmp_path):
    for name in ("190902-100000", "190901-235959", "notes"):
        (tmp_path / name).mkdir()
    assert run_folder(tmp_path, "latest").name == "190902-100000"
    assert run_folder(tmp_path, "190901-235959").name == "190901-235959"
    with pytest.raises(ConfigError, match="there are 190901-235959, 190902-100000"):
        run_folder(tmp_path, "190903-000000")
    with pytest.raises(ConfigError, match="there is none"):
        run_folder(tmp_path / "notes", "latest")


def test_a_range_is_two_numbers():
    import argparse

    assert parse_range("1e-6/1") == (1e-6, 1.0)
    for text in ("1e-6", "a/b", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="expected LOW/HIGH"):
            parse_range(text)
