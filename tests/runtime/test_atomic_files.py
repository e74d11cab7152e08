import threading

import pytest

from resemul.runtime.files import (
    atomic_write,
    ends_sha256,
    file_sha256,
    locked,
    rename_durably,
)


def test_atomic_write_names_the_file_when_the_block_ends(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as file:
        file.write("one\n")
        assert not path.exists()
    assert path.read_bytes() == b"one\n"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_keeps_what_was_there_after_an_error(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with (
        pytest.raises(ZeroDivisionError),
        atomic_write(path, "wb", durable=True) as file,
    ):
        file.write(b"%d" % (1 // 0))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_durable_writes_the_bytes(tmp_path):
    with atomic_write(tmp_path / "a", "wb", durable=True) as file:
        file.write(b"x")
    assert (tmp_path / "a").read_bytes() == b"x"


def test_file_sha256_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_lock_lets_one_in_at_a_time(tmp_path):
    inside, most = [], []

    def work():
        with locked(tmp_path / "lock"):
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


def test_lock_without_waiting_is_an_error_that_names_the_file(tmp_path):
    with (
        locked(tmp_path / "lock"),
        pytest.raises(BlockingIOError, match="lock is held"),
        locked(tmp_path / "lock", wait=False),
    ):
        pass


def test_atomic_write_keeps_names_that_are_not_unicode(tmp_path):
    with atomic_write(tmp_path / "a") as file:
        file.write("caf\udce9")
    assert (tmp_path / "a").read_bytes() == b"caf\xe9"


def test_rename_durably_gives_the_file_its_name(tmp_path):
    (tmp_path / "part").write_bytes(b"x")
    rename_durably(tmp_path / "part", tmp_path / "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_ends_tell_files_of_one_size_apart(tmp_path):
    path = tmp_path / "a"
    hashes = set()
    for content in (b"abcdef", b"Abcdef", b"abcdeF", b"abcdef"):
        path.write_bytes(content)
        hashes.add(ends_sha256(path, num_bytes=2))
    assert len(hashes) == 3
    path.write_bytes(b"x")
    assert len(ends_sha256(path)) == 64
