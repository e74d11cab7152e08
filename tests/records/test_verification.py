import io
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from resemul.configs import BuildConfig
from resemul.datasets import Annotations, Track
from resemul.datasets.mtt import KNOWN_EMPTY_FILES
from resemul.errors import ConfigError
from resemul.records import verification
from resemul.records.verification import Finding, verify_audio, write_findings

# A clip is 2 segments of 100 samples; the third of its 30 ms is dropped.
CONFIG = BuildConfig(sample_rate=8000, num_samples=100, clip_seconds=0.03)

LOADER = """
import os
import time
import numpy as np
from resemul.errors import AudioError, ConfigError

def load(path, config):
    if "crash" in path.name:
        os._exit(11)
    if "hang" in path.name:
        time.sleep(600)
    if "slow" in path.name:
        time.sleep(1)
    if "odd" in path.name:
        raise ValueError("out of its mind")
    if "unset" in path.name:
        raise ConfigError("no such decoder")
    return np.zeros(240, "float32")
"""


def write_tone(path, num_samples):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.full(num_samples, 1000, "<i2").tobytes())


def write_bytes(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def annotate(folder, names):
    """Annotations of these files; the clip ids count from 1."""
    labels = np.ones(1, "uint8")
    tracks = [
        Track(clip_id=str(i), path=Path(name), split="train", labels=labels)
        for i, name in enumerate(names, 1)
    ]
    return Annotations(
        "mtt",
        "mtt-all",
        ("rock",),
        tracks,
        folder,
        "0" * 64,
        known_empty=frozenset(map(Path, KNOWN_EMPTY_FILES)),
    )


@pytest.fixture
def load(tmp_path, monkeypatch):
    """A loader that behaves by the name of the file, in the workers too."""
    (tmp_path / "loader_for_tests.py").write_text(LOADER)
    monkeypatch.syspath_prepend(tmp_path)
    import loader_for_tests

    yield loader_for_tests.load
    del sys.modules["loader_for_tests"]


def statuses(result):
    return [(finding.clip_id, finding.status) for finding in result.findings]


def test_verify_lists_each_kind_in_the_order_of_the_annotations(tmp_path):
    write_tone(tmp_path / "0/good.mp3", 240)
    write_tone(tmp_path / "0/short.mp3", 199)
    write_bytes(tmp_path / "0/noise.mp3", b"no audio at all" * 9)
    write_bytes(tmp_path / "0/empty.mp3", b"")
    write_bytes(tmp_path / KNOWN_EMPTY_FILES[0], b"")
    names = ["0/short.mp3", "0/gone.mp3", "0/good.mp3", "0/noise.mp3", "0/empty.mp3"]
    result = verify_audio(annotate(tmp_path, [*names, KNOWN_EMPTY_FILES[0]]), CONFIG)
    assert statuses(result) == [
        ("1", "short"),
        ("2", "missing"),
        ("4", "unreadable"),
        ("5", "unreadable"),
        ("6", "known-empty"),
    ]
    assert result.num_files == 6
    assert result.num_unknown == 4
    assert result.summary() == (
        "6 files: 1 good, 1 missing, 2 unreadable, 1 short, 1 known-empty"
    )


def test_verify_accepts_a_clip_of_exactly_enough_segments(tmp_path):
    write_tone(tmp_path / "0/a.mp3", 200)
    assert verify_audio(annotate(tmp_path, ["0/a.mp3"]), CONFIG).findings == []


def test_verify_says_how_short_a_clip_is(tmp_path):
    write_tone(tmp_path / "0/a.mp3", 160)
    [finding] = verify_audio(annotate(tmp_path, ["0/a.mp3"]), CONFIG).findings
    assert finding.reason == "holds 1 of 2 whole segments"
    assert finding.seconds == 0.02  # 160 / 8000


def test_verify_gives_the_reason_without_the_path(tmp_path):
    write_bytes(tmp_path / "0/a.mp3", b"no audio at all" * 9)
    [finding] = verify_audio(annotate(tmp_path, ["0/a.mp3"]), CONFIG).findings
    assert finding.path == str(tmp_path / "0/a.mp3")
    assert finding.reason.startswith("cannot be read as audio")


def test_verify_without_decoding_finds_only_missing_and_empty(tmp_path):
    write_bytes(tmp_path / "0/noise.mp3", b"no audio")
    write_bytes(tmp_path / "0/empty.mp3", b"")
    (tmp_path / "0/folder.mp3").mkdir()
    names = ["0/noise.mp3", "0/empty.mp3", "0/gone.mp3", "0/folder.mp3"]
    result = verify_audio(annotate(tmp_path, names), CONFIG, decode=False)
    assert statuses(result) == [
        ("2", "unreadable"),
        ("3", "missing"),
        ("4", "unreadable"),
    ]


def test_verify_of_a_known_empty_file_that_is_missing_says_missing(tmp_path):
    names = [KNOWN_EMPTY_FILES[1]]
    result = verify_audio(annotate(tmp_path, names), CONFIG, decode=False)
    assert statuses(result) == [("1", "missing")]
    assert result.num_unknown == 1


def test_verify_goes_on_when_files_kill_their_workers_or_hang(tmp_path, load):
    names = [f"0/{i}.mp3" for i in range(6)]
    names[1], names[2], names[4] = "0/crash.mp3", "0/hang.mp3", "0/odd.mp3"
    for name in names:
        write_bytes(tmp_path / name, b"x")
    result = verify_audio(
        annotate(tmp_path, names), CONFIG, num_workers=2, load=load, timeout_seconds=2
    )
    assert [(f.clip_id, f.status, f.reason) for f in result.findings] == [
        ("2", "unreadable", "cannot be decoded: its process died (exit status 11)"),
        ("3", "unreadable", "cannot be decoded: it took longer than 2 s"),
        ("5", "unreadable", "ValueError: out of its mind"),
    ]


def test_verify_keeps_the_order_when_a_later_file_is_done_first(tmp_path, load):
    names = ["0/slow_odd.mp3", "0/odd.mp3"]
    for name in names:
        write_bytes(tmp_path / name, b"x")
    result = verify_audio(annotate(tmp_path, names), CONFIG, num_workers=2, load=load)
    assert statuses(result) == [("1", "unreadable"), ("2", "unreadable")]


def test_verify_does_not_blame_files_for_a_wrong_decoder(tmp_path, load):
    write_bytes(tmp_path / "0/unset.mp3", b"x")
    with pytest.raises(ConfigError, match="no such decoder"):
        verify_audio(annotate(tmp_path, ["0/unset.mp3"]), CONFIG, load=load)


def test_verify_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    names = ["0/a.mp3", "0/b.mp3", "0/short.mp3"]
    for name in names:
        write_tone(tmp_path / name, 199 if "short" in name else 240)
    run_jobs, decoded = verification.run_jobs, []

    def stop_before_the_last(jobs, *args, **options):
        for number, done in enumerate(run_jobs(jobs, *args, **options)):
            decoded.append(done.job.clip_id)
            yield done
            if number == 1:
                raise KeyboardInterrupt

    options = {"num_workers": 1, "journal_path": tmp_path / "journal"}
    monkeypatch.setattr(verification, "run_jobs", stop_before_the_last)
    with pytest.raises(KeyboardInterrupt):
        verify_audio(annotate(tmp_path, names), CONFIG, **options)
    result = verify_audio(annotate(tmp_path, names), CONFIG, **options)
    assert decoded == ["1", "2", "3"]
    assert statuses(result) == [("3", "short")]
    assert not (tmp_path / "journal").exists()


def test_verify_of_no_tracks_is_good():
    result = verify_audio(annotate(Path(), []), CONFIG)
    assert result.summary() == "0 files: 0 good"


def test_write_findings_is_csv_with_a_header():
    file = io.StringIO()
    findings = [
        Finding("2", "mp3/0/a, b.mp3", "short", "holds 1 of 2 segments", 14.5),
        Finding("3", "mp3/0/c.mp3", "missing", "does not exist"),
    ]
    write_findings(findings, file)
    assert file.getvalue().splitlines() == [
        "clip_id,path,status,reason,seconds",
        '2,"mp3/0/a, b.mp3",short,holds 1 of 2 segments,14.5',
        "3,mp3/0/c.mp3,missing,does not exist,",
    ]


def test_workers_do_not_start_tensorflow():
    code = (
        "import sys, resemul.records.verification;"
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
