import threading
from pathlib import Path

import pytest

from resemul.errors import DownloadError
from resemul.weights import cache
from resemul.weights.cache import cache_folder, is_offline, locked


def test_cache_folder_is_resemul_home_where_that_is_set():
    assert cache_folder({"RESEMUL_HOME": "/data/models"}) == Path("/data/models")


def test_cache_folder_follows_the_platform(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder({"XDG_CACHE_HOME": "/cache"}) == Path("/cache/resemul")
    assert cache_folder({}) == Path.home() / ".cache/resemul"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder({}) == Path.home() / "Library/Caches/resemul"
    monkeypatch.setattr("sys.platform", "win32")
    assert cache_folder({"LOCALAPPDATA": "/local"}) == Path("/local/resemul")


@pytest.mark.parametrize(
    ("value", "offline"), [("1", True), ("true", True), ("0", False), ("", False)]
)
def test_is_offline_reads_the_variable(value, offline):
    assert is_offline({"RESEMUL_OFFLINE": value}) is offline


@pytest.mark.parametrize("lock", [locked, cache._locked_by_creation])
def test_lock_lets_one_in_at_a_time(lock, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_POLL_SECONDS", 0.001)
    inside, most = [], []

    def work():
        with lock(tmp_path / "lock"):
            inside.append(1)
            most.append(len(inside))
            threading.Event().wait(0.01)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == [1, 1, 1, 1]


def test_lock_by_creation_gives_up_on_an_owner_that_is_gone(tmp_path):
    (tmp_path / "lock").touch()
    with (
        pytest.raises(DownloadError, match="delete that file"),
        cache._locked_by_creation(tmp_path / "lock", longest_wait_seconds=0),
    ):
        pass


def test_lock_says_how_to_choose_another_folder(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(DownloadError, match="set RESEMUL_HOME"),
        locked(tmp_path / "file" / "lock"),
    ):
        pass
