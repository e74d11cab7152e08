"""Whole builds: the same bytes whatever happened on the way."""

import dataclasses
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from resemul.audio import load_waveform
from resemul.configs import BuildConfig, DatasetConfig
from resemul.datasets import Annotations, Track, load_annotations
from resemul.errors import DatasetError
from resemul.records import pool, shards, write_shards
from resemul.records.manifest_checks import read_manifest
from resemul.records.write import write_shard

# A clip is 2 segments of 100 samples, a shard 2 clips.
CONFIG = BuildConfig(
    sample_rate=8_000, num_samples=100, clip_seconds=0.025, num_audios_per_shard=2
)
LABELS = np.array([1, 0], "uint8")

# Stands for resemul.records.write in worker processes.
WRITER = """
import os, signal, time
from pathlib import Path
from resemul.records import write

load_clip = write.load_clip

def load(path, config):
    pid_file = Path(os.environ["WORKER_PID_FILE"])
    if not pid_file.exists():
        pid_file.write_text(str(os.getpid()))
    if "slow" in os.environ.get("WRITER", ""):
        time.sleep(0.4)
    if "once" in path.name and not Path("died").exists():
        Path("died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if "deadly" in path.name:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "hanging" in path.name:
        time.sleep(600)
    return load_clip(path, config)

def write_shard(*args, **options):
    write.load_clip = load
    return write.write_shard(*args, **options)
"""

BUILD = """
import sys
from pathlib import Path
from resemul.audio import load_waveform
from resemul.configs import BuildConfig
from resemul.configs import DatasetConfig
from resemul.datasets import load_annotations
from resemul.records import pool, write_shards
import writer_for_tests

if __name__ == "__main__":
    pool.write_shard = writer_for_tests.write_shard
    data_dir = Path(sys.argv[1])
    config = BuildConfig(num_audios_per_shard=3, clip_seconds=6.0)
    annotations = load_annotations(DatasetConfig(data_dir=data_dir))
    write_shards(annotations, data_dir / "tfrecord", config)
"""


def write_tone(path, num_samples=250):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        number = sum(os.fsencode(path.name))
        file.writeframes(np.full(num_samples, number, "<i2").tobytes())


def annotate(audio_dir, names):
    """Annotations of these files; the clip ids count from 1."""
    folders = {"0": "train", "c": "val", "d": "test"}
    tracks = [
        Track(str(i), Path(name), folders[name[0]], LABELS)
        for i, name in enumerate(names, 1)
    ]
    return Annotations("mtt", "mtt-all", ("rock", "slow"), tracks, audio_dir, "0" * 64)


NAMES = ["0/a.mp3", "0/b.mp3", "0/c.mp3", "0/d.mp3", "c/e.mp3", "d/f.mp3", "d/g.mp3"]


@pytest.fixture
def annotations(tmp_path):
    """Seven clips with audio: 4 / 1 / 2."""
    for name in NAMES:
        write_tone(tmp_path / "mp3" / name)
    return annotate(tmp_path / "mp3", NAMES)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tfrecord"


@pytest.fixture
def in_this_process(monkeypatch):
    """Writes shards without worker processes, which take seconds to start."""
    written = []

    def run_shard_jobs(jobs, folder, state_folder, **options):
        for job in jobs:
            written.append(job.file)
            yield write_shard(job, folder, state_folder)

    monkeypatch.setattr(shards, "run_shard_jobs", run_shard_jobs)
    return written


@pytest.fixture
def writer(tmp_path, monkeypatch):
    """`write_shard` for workers that can be told to be slow or to die."""
    (tmp_path / "writer_for_tests.py").write_text(WRITER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKER_PID_FILE", str(tmp_path / "worker.pid"))
    import writer_for_tests

    yield writer_for_tests.write_shard
    del sys.modules["writer_for_tests"]


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.mark.usefixtures("in_this_process")
def test_a_build_leaves_shards_and_a_manifest_and_nothing_else(annotations, folder):
    manifest = write_shards(annotations, folder, CONFIG)
    assert list(contents(folder)) == [
        "manifest.json",
        "test-0000-of-0001.seq.tfrecord",
        "train-0000-of-0002.tfrecord",
        "train-0001-of-0002.tfrecord",
        "val-0000-of-0001.tfrecord",
    ]
    assert manifest.num_clips("train") == 4
    assert manifest.num_segments("train") == 8
    assert manifest.skipped() == manifest.short() == []


@pytest.mark.slow
def test_two_workers_write_the_bytes_of_one_process(annotations, tmp_path, request):
    write_shards(annotations, tmp_path / "two", CONFIG, num_workers=2)
    request.getfixturevalue("in_this_process")
    write_shards(annotations, tmp_path / "one", CONFIG)
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


@pytest.mark.usefixtures("in_this_process")
def test_the_bytes_do_not_depend_on_where_the_data_lies(annotations, folder, tmp_path):
    (tmp_path / "mp3/0/a.mp3").write_bytes(b"")
    write_shards(annotations, folder, CONFIG)
    shutil.copytree(tmp_path / "mp3", tmp_path / "elsewhere/mp3")
    moved = annotate(tmp_path / "elsewhere/mp3", NAMES)
    write_shards(moved, tmp_path / "moved", CONFIG)
    assert contents(tmp_path / "moved") == contents(folder)


@pytest.mark.usefixtures("in_this_process")
def test_clips_that_cannot_be_used_are_skipped_with_a_reason(
    annotations, folder, tmp_path
):
    audio = tmp_path / "mp3"
    (audio / "0/a.mp3").write_bytes(b"")
    (audio / "0/b.mp3").write_bytes(b"no audio, but text " * 100)
    (audio / "0/c.mp3").unlink()
    write_tone(audio / "d/f.mp3", num_samples=99)
    (audio / "d/g.mp3").unlink()
    (audio / "d/g.mp3").mkdir()
    write_tone(audio / "c/e.mp3", num_samples=150)
    manifest = write_shards(annotations, folder, CONFIG)
    reasons = {clip.clip_id: clip.reason for clip in manifest.skipped()}
    assert reasons.keys() == {"1", "2", "3", "6", "7"}
    assert reasons["1"] == "0/a.mp3 is empty (0 bytes)"
    assert reasons["2"].startswith("0/b.mp3 cannot be read as audio")
    assert reasons["3"] == "0/c.mp3 does not exist"
    assert reasons["6"] == "d/f.mp3 is too short: 0.01 s, 0.01 s needed"
    assert reasons["7"] == "d/g.mp3 is a folder, not an audio file"
    assert manifest.short() == [("5", "val", 1)]
    assert [c for s in manifest.shards for c, _ in s.clips] == ["4", "5"]
    # The same from the file as from the call.
    assert json.loads((folder / "manifest.json").read_text())["num_skipped"] == 5
    assert read_manifest(folder) == manifest


@pytest.mark.usefixtures("in_this_process")
def test_names_of_any_kind_pass_through(folder, tmp_path):
    odd = os.fsdecode(b"0/caf\xe9\nau lait.mp3")
    write_tone(tmp_path / "mp3" / odd)
    (tmp_path / "mp3" / f"{odd}2").touch()
    write_tone(tmp_path / "mp3/c/a.mp3")
    write_tone(tmp_path / "mp3/d/a.mp3")
    names = [odd, f"{odd}2", "c/a.mp3", "d/a.mp3"]
    write_shards(annotate(tmp_path / "mp3", names), folder, CONFIG)
    manifest = read_manifest(folder)
    [skipped] = manifest.skipped()
    assert skipped.path == f"{odd}2"
    assert skipped.reason == "0/caf\\udce9\\nau lait.mp32 is empty (0 bytes)"


@pytest.mark.usefixtures("in_this_process")
def test_a_file_that_takes_too_much_memory_costs_itself(
    annotations, folder, monkeypatch
):
    def load(source, *args, **options):
        if source.name == "b.mp3":
            raise MemoryError
        return load_waveform(source, *args, **options)

    monkeypatch.setattr("resemul.audio.segments.load_waveform", load)
    [skipped] = write_shards(annotations, folder, CONFIG).skipped()
    assert skipped.reason == "0/b.mp3 needs more memory than there is"


@pytest.mark.usefixtures("in_this_process")
def test_old_builds_are_the_same_builds_by_their_options(annotations, folder):
    manifest = write_shards(annotations, folder, CONFIG)
    assert list(manifest.identity.options) == [
        "sample_rate",
        "num_samples",
        "clip_seconds",
        "num_audios_per_shard",
        "min_segments",
        "decoder",
    ]
    other = dataclasses.replace(CONFIG, mix="mean")
    with pytest.raises(DatasetError, match="mix ffmpeg -> mean"):
        write_shards(annotations, folder, other)


@pytest.mark.usefixtures("in_this_process")
def test_min_segments_skips_short_clips(annotations, folder, tmp_path):
    write_tone(tmp_path / "mp3/c/e.mp3", num_samples=150)
    config = dataclasses.replace(CONFIG, min_segments=2)
    [skipped] = write_shards(annotations, folder, config).skipped()
    assert (skipped.clip_id, skipped.split) == ("5", "val")
    assert "too short" in skipped.reason


def test_a_build_of_what_is_there_writes_nothing(annotations, folder, in_this_process):
    write_shards(annotations, folder, CONFIG)
    before = contents(folder)
    in_this_process.clear()
    write_shards(annotations, folder, CONFIG)
    assert in_this_process == []
    assert contents(folder) == before


@pytest.mark.parametrize("damage", ["missing", "cut off", "one bit"])
def test_a_build_writes_again_what_is_damaged(
    annotations, folder, in_this_process, damage
):
    write_shards(annotations, folder, CONFIG)
    before = contents(folder)
    in_this_process.clear()
    path = folder / "train-0001-of-0002.tfrecord"
    if damage == "missing":
        path.unlink()
    elif damage == "cut off":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    write_shards(annotations, folder, CONFIG)
    assert in_this_process == [path.name]
    assert contents(folder) == before


def test_a_build_that_failed_goes_on_after_the_last_shard(
    annotations, folder, in_this_process, monkeypatch, tmp_path
):
    run_all = shards.run_shard_jobs

    def run_two(jobs, **options):
        yield from run_all(jobs[:2], **options)
        raise DatasetError("stopped")

    monkeypatch.setattr(shards, "run_shard_jobs", run_two)
    with pytest.raises(DatasetError, match="stopped"):
        write_shards(annotations, folder, CONFIG)
    assert not (folder / "manifest.json").exists()
    monkeypatch.setattr(shards, "run_shard_jobs", run_all)
    in_this_process.clear()
    write_shards(annotations, folder, CONFIG)
    assert len(in_this_process) == 2
    write_shards(annotations, tmp_path / "straight", CONFIG)
    assert contents(folder) == contents(tmp_path / "straight")


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_samples": 50}, "num_samples 100 -> 50"),
        ({"sample_rate": 4_000}, "sample_rate 8000 -> 4000"),
        ({"decoder": "madmom"}, "decoder pyav -> madmom"),
        ({"num_audios_per_shard": 3}, "num_audios_per_shard 2 -> 3"),
    ],
)
def test_a_build_with_other_options_is_refused(
    annotations, folder, changes, message, finished
):
    write_shards(annotations, folder, CONFIG)
    if not finished:
        identity = json.loads((folder / "manifest.json").read_text())["identity"]
        (folder / "manifest.json").unlink()
        (folder / ".build").mkdir()
        (folder / ".build/identity.json").write_text(json.dumps(identity))
    before = contents(folder)
    other = dataclasses.replace(CONFIG, **changes)
    with pytest.raises(DatasetError) as error:
        write_shards(annotations, folder, other)
    assert f"other options ({message})" in str(error.value)
    assert "--overwrite" in str(error.value)
    after = contents(folder)
    assert {k: after[k] for k in before} == before


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tags": ("rock", "fast")}, "(tags)"),
        ({"source_sha256": "1" * 64}, "(annotations_sha256)"),
        ({"split_name": "mtt-tagged"}, "(split_name mtt-all -> mtt-tagged)"),
    ],
)
def test_a_build_of_other_annotations_is_refused(annotations, folder, changes, message):
    write_shards(annotations, folder, CONFIG)
    other = dataclasses.replace(annotations, **changes)
    with pytest.raises(DatasetError) as error:
        write_shards(other, folder, CONFIG)
    assert message in str(error.value)


@pytest.mark.usefixtures("in_this_process")
def test_overwrite_deletes_the_build_that_was_there(annotations, folder, tmp_path):
    write_shards(annotations, folder, CONFIG)
    other = dataclasses.replace(CONFIG, num_audios_per_shard=1, num_samples=50)
    write_shards(annotations, folder, other, overwrite=True)
    write_shards(annotations, tmp_path / "fresh", other)
    assert contents(folder) == contents(tmp_path / "fresh")


@pytest.mark.usefixtures("in_this_process")
def test_shards_of_an_unknown_build_are_left_alone(annotations, folder):
    folder.mkdir()
    foreign = folder / "train-0000-of-0152.tfrecord"
    foreign.write_bytes(b"precious")
    with pytest.raises(DatasetError, match="shards of an unknown build"):
        write_shards(annotations, folder, CONFIG)
    assert foreign.read_bytes() == b"precious"
    write_shards(annotations, folder, CONFIG, overwrite=True)
    assert not foreign.exists()


@pytest.mark.usefixtures("in_this_process")
def test_a_full_disk_is_told_and_the_next_build_goes_on(annotations, folder, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A write beyond this fails, as on a full disk. A shard is about 2 kB.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    try:
        with pytest.raises(DatasetError) as error:
            write_shards(annotations, folder, CONFIG)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "cannot be written" in str(error.value)
    assert "the same command goes on from there" in str(error.value)
    assert list(folder.glob("*.tfrecord")) == []
    write_shards(annotations, folder, CONFIG)
    write_shards(annotations, tmp_path / "straight", CONFIG)
    assert contents(folder) == contents(tmp_path / "straight")


@pytest.mark.usefixtures("in_this_process")
def test_too_little_space_is_told_before_anything_is_read(
    annotations, folder, monkeypatch
):
    usage = shutil.disk_usage("/")._replace(free=1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    # 7 clips of 2 segments of 100 samples of 4 bytes.
    with pytest.raises(DatasetError, match=r"need up to 0\.0 GB, 0\.0 GB are free"):
        write_shards(annotations, folder, CONFIG)
    assert list(folder.glob("*.tfrecord")) == []


@pytest.mark.usefixtures("in_this_process")
def test_a_folder_that_cannot_be_made_is_told(annotations, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DatasetError, match="cannot be written: Not a directory"):
        write_shards(annotations, tmp_path / "file/tfrecord", CONFIG)


@pytest.mark.usefixtures("in_this_process")
def test_two_builds_do_not_write_into_one_folder(annotations, folder):
    (folder / ".build").mkdir(parents=True)
    with (folder / ".build/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DatasetError, match="another build is writing into"):
            write_shards(annotations, folder, CONFIG)
    write_shards(annotations, folder, CONFIG)


@pytest.mark.usefixtures("in_this_process")
def test_a_data_set_without_audio_is_told(annotations, folder, tmp_path):
    missing = dataclasses.replace(annotations, audio_dir=tmp_path / "gone")
    with pytest.raises(DatasetError, match="gone does not exist"):
        write_shards(missing, folder, CONFIG)


@pytest.mark.usefixtures("in_this_process")
def test_a_build_without_a_usable_clip_fails_and_can_be_repeated(
    annotations, folder, tmp_path
):
    shutil.move(tmp_path / "mp3", tmp_path / "elsewhere")
    (tmp_path / "mp3").mkdir()
    with pytest.raises(DatasetError, match=r"no clip .* could be used; the first: "):
        write_shards(annotations, folder, CONFIG)
    shutil.rmtree(tmp_path / "mp3")
    shutil.move(tmp_path / "elsewhere", tmp_path / "mp3")
    assert write_shards(annotations, folder, CONFIG).num_clips("train") == 4


@pytest.mark.slow
def test_a_worker_that_dies_or_hangs_takes_no_other_clip_with_it(
    annotations, folder, tmp_path, writer, monkeypatch
):
    names = ["0/hanging.mp3", *NAMES[1:4], "c/once.mp3", "d/deadly.mp3", "d/g.mp3"]
    for name in names:
        write_tone(tmp_path / "mp3" / name)
    monkeypatch.setattr(pool, "write_shard", writer)
    manifest = write_shards(
        annotate(tmp_path / "mp3", names), folder, CONFIG, 2, timeout_seconds=3
    )
    assert (tmp_path / "died").exists()
    assert {clip.path: clip.reason for clip in manifest.skipped()} == {
        "0/hanging.mp3": "0/hanging.mp3 cannot be decoded: it took longer than 3 s",
        "d/deadly.mp3": "d/deadly.mp3 cannot be decoded: its process died (SIGSEGV)",
    }
    assert [manifest.num_clips(s) for s in ("train", "val", "test")] == [3, 1, 1]


@pytest.mark.slow
@pytest.mark.usefixtures("writer", "in_this_process")
def test_a_build_killed_with_its_workers_goes_on_to_the_same_bytes(
    tiny_records, tmp_path
):
    expected = contents(tiny_records / "tfrecord")
    shutil.rmtree(tiny_records / "tfrecord")
    script = tmp_path / "build_for_tests.py"
    script.write_text(BUILD)
    process = subprocess.Popen(
        [sys.executable, str(script), str(tiny_records)],
        env={
            **os.environ,
            "WRITER": "slow",
            "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}",
        },
        stderr=subprocess.DEVNULL,
    )
    folder = tiny_records / "tfrecord"
    pid_file = tmp_path / "worker.pid"
    wait_until(
        lambda: any(folder.glob("*.tfrecord")) and any(folder.glob(".build/*.part"))
    )
    worker = int(pid_file.read_text())
    assert is_running(worker)
    process.send_signal(signal.SIGKILL)
    process.wait()
    # No worker goes on writing without its parent.
    wait_until(lambda: not is_running(worker))
    assert not (folder / "manifest.json").exists()
    assert any((folder / ".build").glob("*.part"))
    assert len(list(folder.glob("*.tfrecord"))) < 8
    config = BuildConfig(num_audios_per_shard=3, clip_seconds=6.0)
    write_shards(load_annotations(DatasetConfig(data_dir=tiny_records)), folder, config)
    assert contents(folder) == expected
