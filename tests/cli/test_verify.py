import os
import shutil
import wave

import numpy as np
import pytest

from resemul import cli
from resemul.datasets.mtt import KNOWN_EMPTY_FILES

# 10 segments of 59,049 samples at 22,050 Hz last 26.78 s.
GOOD_SECONDS = 27


@pytest.fixture
def data_dir(tmp_path):
    """A tagged clip that is good, an untagged one, and a known empty one."""
    folder = tmp_path / "dataset"
    rows = [("1", 1, "0/good.mp3"), ("2", 0, "0/untagged.mp3")]
    rows.append(("3", 1, KNOWN_EMPTY_FILES[0]))
    lines = ["clip_id\trock\tpop\tmp3_path"]
    lines += [f"{clip}\t{label}\t0\t{path}" for clip, label, path in rows]
    for _, _, path in rows:
        (folder / "mp3" / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / "annotations_final.csv").write_text("\n".join(lines) + "\n")
    write_tone(folder / "mp3/0/good.mp3", GOOD_SECONDS)
    write_tone(folder / "mp3/0/untagged.mp3", GOOD_SECONDS)
    (folder / "mp3" / KNOWN_EMPTY_FILES[0]).touch()
    return folder


def write_tone(path, seconds):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.full(seconds * 8000, 1000, "<i2").tobytes())


def verify(data_dir, *options):
    return cli.run(
        ["verify", "--data-dir", str(data_dir), "--num-workers", "1", *options]
    )


def test_verify_of_a_good_folder_exits_0_and_names_the_known_file(data_dir, capsys):
    assert verify(data_dir) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "clip_id,path,status,reason,seconds",
        f"3,{data_dir}/mp3/{KNOWN_EMPTY_FILES[0]},known-empty,"
        "is empty in the published archive too,",
    ]
    assert "3 files: 2 good, 1 known-empty" in captured.err


def test_verify_of_a_short_clip_exits_1(data_dir, capsys):
    write_tone(data_dir / "mp3/0/good.mp3", 26)
    assert verify(data_dir) == 1
    assert "short,holds 9 of 10 whole segments,26.0" in capsys.readouterr().out


def test_verify_looks_at_untagged_clips_unless_told_not_to(data_dir, capsys):
    (data_dir / "mp3/0/untagged.mp3").unlink()
    assert verify(data_dir, "--no-decode") == 1
    assert "untagged.mp3,missing" in capsys.readouterr().out
    assert verify(data_dir, "--no-decode", "--no-keep-untagged") == 0


def test_verify_writes_the_list_to_a_file(data_dir, tmp_path, capsys):
    (data_dir / "mp3/0/good.mp3").unlink()
    path = tmp_path / "list.csv"
    assert verify(data_dir, "--no-decode", "--csv", str(path)) == 1
    assert "good.mp3,missing,does not exist," in path.read_text()
    assert capsys.readouterr().out == ""
    assert not path.with_name("list.csv.part").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "is a folder; give the name"), ("mp3/0/good.mp3/list.csv", "is no folder")],
)
def test_verify_refuses_a_list_that_cannot_be_written_before_the_work(
    data_dir, capsys, monkeypatch, name, message
):
    def decode(*args, **options):
        pytest.fail("looked at the files")

    monkeypatch.setattr("resemul.records.verification.verify_audio", decode)
    assert verify(data_dir, "--csv", str(data_dir / name)) == 1
    assert message in capsys.readouterr().err
    assert not list(data_dir.glob(".*"))


def test_verify_takes_the_options_of_a_build(data_dir, tmp_path, capsys):
    (data_dir / "my.csv").write_text(
        "path,tags,split\n0/good.mp3,a,train\n0/gone.mp3,a,val\n0/untagged.mp3,b,test\n"
    )
    own = ["--dataset", "csv", "--annotations", str(data_dir / "my.csv")]
    own += ["--audio-dir", str(data_dir / "mp3"), "--model", "fcn4"]
    assert verify(data_dir, *own) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines()[1:] == [
        f"0/gone.mp3,{data_dir}/mp3/0/gone.mp3,missing,does not exist,"
    ]
    shutil.copy(data_dir / "mp3/0/good.mp3", data_dir / "mp3/0/gone.mp3")
    assert verify(data_dir, *own) == 0
    assert verify(data_dir, *own, "--min-segments", "2") == 1


def test_verify_passes_names_that_are_not_unicode_through(data_dir, tmp_path):
    for name in (b"caf\xe9\nau lait.mp3", b"b.mp3", b"c.mp3"):
        song = tmp_path / "songs/rock" / os.fsdecode(name)
        song.parent.mkdir(parents=True, exist_ok=True)
        song.touch()
    table = tmp_path / "list.csv"
    own = ["--dataset", "folders", "--audio-dir", str(tmp_path / "songs")]
    own += ["--ratio", "1:1:1", "--no-decode"]
    assert verify(data_dir, *own, "--csv", str(table)) == 1
    assert b"caf\xe9\nau lait.mp3" in table.read_bytes()


def test_verify_refuses_zero_workers(data_dir, capsys):
    assert verify(data_dir, "--num-workers", "0") == 1
    assert "--num-workers must be at least 1, got 0" in capsys.readouterr().err


def test_verify_without_annotations_names_the_remedy(tmp_path, capsys):
    assert verify(tmp_path) == 1
    assert "'resemul download mtt' fetches it" in capsys.readouterr().err
