"""What may go wrong around a song while it is written."""

import errno
import os
import sqlite3
import stat
from pathlib import Path

import pytest
from readers import read

from resemul.configs.file_tags import FileTagsConfig
from resemul.errors import ConfigError, FileTagsError
from resemul.tagging.file_tags import (
    Journal,
    WriteRules,
    apply_plan,
    open_journal,
    read_plan,
    write,
    write_plan,
)
from resemul.tagging.file_tags.journal import WRITTEN, Entry

# Whose tag fits in place, and whose needs a copy.
both_ways = pytest.mark.parametrize("ending", ["flac", "mp3"])


def apply(plan, data_folder, **rules):
    with open_journal(data_folder) as journal:
        run = journal.start_run(Path("plan.jsonl"))
        return list(apply_plan(plan, journal, run, WriteRules(**rules)))


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def failing(code: int, after: int = 0):
    """A function that raises an OSError, at the second call if `after` is 1."""
    left = after

    def fail(*args, **kwargs):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(code, os.strerror(code))

    return fail


@both_ways
def test_one_bad_song_stops_nothing(song, planned, data_folder, ending):
    paths = [song(ending, name) for name in ("a", "b", "c")]
    plan = planned(*paths)
    paths[1].unlink()
    outcomes = apply(plan, data_folder)
    assert [o.state for o in outcomes] == ["written", "failed", "written"]
    assert outcomes[1].message == "no such file or directory"


@both_ways
def test_a_song_that_changed_since_the_plan_is_left_alone(
    song, planned, data_folder, ending
):
    path = song(ending)
    plan = planned(path)
    with path.open("ab") as file:
        file.write(b"\0")
    before = path.read_bytes()
    [outcome] = apply(plan, data_folder)
    assert "changed since the plan" in outcome.message
    assert path.read_bytes() == before


@both_ways
def test_a_song_that_changed_since_it_was_written_is_left_alone(
    song, written, undone, data_folder, ending
):
    path = song(ending)
    before = path.read_bytes()
    run, _ = written(path)
    after = path.read_bytes()
    path.write_bytes(after + b"\0")
    [outcome] = undone(run)
    assert "changed since by another program" in outcome.message
    assert path.read_bytes() == after + b"\0"
    # Once it is as it was, it can be taken back after all.
    path.write_bytes(after)
    [outcome] = undone(run)
    assert outcome.state == "undone"
    assert path.read_bytes() == before


@both_ways
def test_a_plan_that_was_carried_out_changes_nothing(
    song, planned, data_folder, ending
):
    path = song(ending)
    plan = planned(path)
    apply(plan, data_folder)
    after = path.read_bytes()
    [outcome] = apply(plan, data_folder)
    assert outcome.state == "unchanged"
    assert path.read_bytes() == after


@both_ways
def test_a_read_only_song_is_named(song, planned, data_folder, ending):
    path = song(ending)
    plan = planned(path)
    path.chmod(0o444)
    [outcome] = apply(plan, data_folder)
    assert (outcome.state, outcome.message) == ("failed", "is read-only")


def test_a_read_only_folder_is_named(song, planned, data_folder, monkeypatch):
    path = song("mp3")
    plan = planned(path)
    monkeypatch.setattr(write.os, "access", lambda where, mode: where != path.parent)
    [outcome] = apply(plan, data_folder)
    assert "the folder is read-only" in outcome.message


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize(
    ("ending", "function"),
    [
        ("flac", "os.fsync"),
        ("flac", "_write_all"),
        ("wav", "os.posix_fallocate"),
        ("mp3", "os.fsync"),
        ("mp3", "shutil.copyfileobj"),
    ],
)
def test_a_song_that_cannot_be_written_has_its_old_bytes(
    song, planned, data_folder, monkeypatch, ending, function, code
):
    path, other = song(ending, "a"), song(ending, "b")
    before = path.read_bytes()
    plan = planned(path, other)
    whole, calls = write, function.split(".")
    for name in calls[:-1]:
        whole = getattr(whole, name)
    real = getattr(whole, calls[-1])
    with open_journal(data_folder):
        pass
    left = [failing(code)]

    def fail_once(*args, **kwargs):
        return (left.pop() if left else real)(*args, **kwargs)

    monkeypatch.setattr(whole, calls[-1], fail_once)
    first, second = apply(plan, data_folder)
    assert first.message == os.strerror(code).lower()
    assert path.read_bytes() == before
    assert second.state == "written"
    assert leftovers(path.parent) == []


@both_ways
def test_a_disk_that_gives_back_other_bytes_is_noticed(
    song, planned, data_folder, monkeypatch, ending
):
    path = song(ending)
    before = path.read_bytes()
    plan = planned(path)
    real = write.file_sha256
    monkeypatch.setattr(write, "file_sha256", lambda path: real(path)[::-1])
    [outcome] = apply(plan, data_folder)
    assert "does not give back what was written" in outcome.message
    assert path.read_bytes() == before
    assert leftovers(path.parent) == []


def test_a_song_that_changes_at_the_last_moment_is_left_alone(
    song, planned, data_folder, monkeypatch
):
    path = song("mp3")
    plan = planned(path)
    real = write.shutil.copystat

    def change_it(source, target):
        real(source, target)
        os.utime(source, ns=(1, 1))

    monkeypatch.setattr(write.shutil, "copystat", change_it)
    before = path.read_bytes()
    [outcome] = apply(plan, data_folder)
    assert "by another program just now" in outcome.message
    assert path.read_bytes() == before
    assert leftovers(path.parent) == []


def test_an_undo_that_cannot_be_written_can_be_repeated(
    song, written, undone, data_folder, monkeypatch
):
    path = song("mp3")
    before = path.read_bytes()
    run, _ = written(path)
    with monkeypatch.context() as patch:
        patch.setattr(write.shutil, "copyfileobj", failing(errno.ENOSPC))
        [outcome] = undone(run)
    assert outcome.message == "no space left on device"
    [outcome] = undone(run)
    assert outcome.state == "undone"
    assert path.read_bytes() == before


def test_a_journal_that_cannot_be_written_keeps_songs_from_being_written(
    song, planned, data_folder, monkeypatch
):
    path = song("flac")
    before = path.read_bytes()

    def fail(self, entry):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Journal, "add", fail)
    [outcome] = apply(planned(path), data_folder)
    assert outcome.message == "the journal cannot be written: database or disk is full"
    assert path.read_bytes() == before


@both_ways
def test_mode_time_and_attributes_are_kept(song, planned, data_folder, undone, ending):
    path = song(ending)
    path.chmod(0o640)
    os.utime(path, ns=(10**18, 10**18))
    has_attributes = True
    try:
        os.setxattr(path, "user.rating", b"5")
    except OSError:
        has_attributes = False
    [outcome] = apply(planned(path), data_folder, keep_times=True)
    assert outcome.state == "written"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.stat().st_mtime_ns == 10**18
    if has_attributes:
        assert os.getxattr(path, "user.rating") == b"5"


@both_ways
def test_the_time_says_that_a_song_was_written(song, written, undone, ending):
    path = song(ending)
    os.utime(path, ns=(10**18, 10**18))
    run, _ = written(path)
    assert path.stat().st_mtime_ns > 10**18
    undone(run, WriteRules(keep_times=True))
    assert path.stat().st_mtime_ns == 10**18


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_is_kept(song, written):
    path = song("mp3")
    os.chown(path, 1234, 5678)
    written(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 5678)


def test_hard_links_are_kept_or_broken_on_demand(song, planned, written, data_folder):
    fits, grows = song("flac", "a"), song("mp3", "b")
    for path in (fits, grows):
        os.link(path, path.with_suffix(".link"))
    plan = planned(fits, grows)
    before = grows.read_bytes()
    in_place, refused = apply(plan, data_folder)
    assert in_place.state == "written"
    assert fits.samefile(fits.with_suffix(".link"))
    assert "has 2 hard links" in refused.message
    assert grows.read_bytes() == before
    _, broken = apply(plan, data_folder, break_links=True)
    assert broken.state == "written"
    assert grows.with_suffix(".link").read_bytes() == before


def test_a_link_stays_a_link(song, written, tmp_path):
    path = song("mp3")
    link = tmp_path / "link.mp3"
    link.symlink_to(path)
    written(link)
    assert link.is_symlink()
    assert read(path, "mood") == ["Mellow", "Sad"]


def refuse_journal(folder: Path, message: str) -> None:
    with pytest.raises(FileTagsError, match=message), open_journal(folder):
        pass


def test_two_runs_at_once_are_one_too_many(data_folder):
    with (
        open_journal(data_folder),
        pytest.raises(FileTagsError, match="another run of file-tags is at work"),
        open_journal(data_folder),
    ):
        pass


def test_a_journal_of_another_version_is_refused(data_folder):
    with open_journal(data_folder):
        pass
    with sqlite3.connect(data_folder / "journal.sqlite3") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    refuse_journal(data_folder, "of another version")


def test_a_damaged_journal_is_named(data_folder):
    data_folder.mkdir(parents=True)
    (data_folder / "journal.sqlite3").write_bytes(b"no database at all" * 100)
    refuse_journal(data_folder, "cannot be used")


def test_the_journal_gives_back_what_was_put_in(data_folder):
    from resemul.tagging.file_tags.splices import Splice

    path = Path(os.fsdecode(b"/music/\xff.mp3"))
    with open_journal(data_folder) as journal:
        run = journal.start_run(path)
        entry = Entry(
            run, WRITTEN, path, path, True, 1, 2, "a", 3, "b", "c", "d",
            (Splice(5, b"\0", b"xy"),),
        )  # fmt: skip
        number = journal.add(entry)
        [found] = journal.entries(run, WRITTEN)
        assert found == Entry(**{**vars(entry), "id": number})
        assert [r.num_by_state for r in journal.runs()] == [{"written": 1}]
        assert journal.start_run(path) != run
        journal.forget(run)
        assert [r.id for r in journal.runs()] != [run]
        assert journal.entries(run, WRITTEN) == []


def test_a_plan_is_read_back(song, planned, tmp_path):
    plan = planned(song("flac"), song("mp3"))
    file = tmp_path / "plan.jsonl"
    with file.open("w") as out:
        write_plan(out, plan.songs, FileTagsConfig())
    assert read_plan(file).songs == plan.songs


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"schema": "other"}',
        '{"schema": "resemul.file-tags/1"}',
        '{"schema": "resemul.file-tags/1", "formats": {"x": 1}, "created": ""}',
        '{"schema": "resemul.file-tags/1", "formats": {}, "created": ""}\n{"path": 3}',
        '{"schema": "resemul.file-tags/1", "formats": {}, "created": ""}\n'
        '{"path": "a", "label": "", "sha256": "", "notes": [], "changes": '
        '[{"field": "title", "name": "", "old": [], "new": []}]}',
    ],
)
def test_what_is_no_plan_is_refused(tmp_path, text):
    file = tmp_path / "plan.jsonl"
    file.write_text(text)
    with pytest.raises(ConfigError):
        read_plan(file)
