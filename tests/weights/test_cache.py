from pathlib import Path

import pytest

from resemul.errors import DownloadError
from resemul.weights.cache import cache_folder, is_offline, locked_cache


def test_cache_folder_is_resemul_home_where_that_is_set():
    assert cache_folder({"RESEMUL_HOME": "/data/models"}) == Path("/data/models")


def test_cache_folder_follows_the_platform(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder({}) == tmp_path / "resemul"


@pytest.mark.parametrize(
    ("value", "offline"), [("1", True), ("true", True), ("0", False), ("", False)]
)
def test_is_offline_reads_the_variable(value, offline):
    assert is_offline({"RESEMUL_OFFLINE": value}) is offline


def test_lock_says_how_to_choose_another_folder(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(DownloadError, match="set RESEMUL_HOME"),
        locked_cache(tmp_path / "file" / "lock"),
    ):
        pass
