"""`resemul tag`: what it finds, writes, refuses and remembers."""

import csv
import io
import json
import logging
import os
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
from loudness import LoudnessRuntime

from resemul.cli import run

_STUB = """
import sys
sys.path.insert(0, {folder!r})
from test_tag_command import stub_runtimes
stub_runtimes(sys.modules.__setitem__)
from resemul.cli import run
status = run(["tag", *sys.argv[1:]])
heavy = ("tensorflow", "keras", "torch", "jax", "sklearn", "pandas", "h5py")
assert not [name for name in heavy if name in sys.modules]
sys.exit(status)
"""


def open_fake(name, runtime, trust=False):
    if "many" in name:
        return LoudnessRuntime(("loud", "quiet", "odd"))
    return LoudnessRuntime(thresholds={"loud": 0.5, "quiet": 0.5})


def stub_runtimes(set_module):
    module = ModuleType("resemul.prediction.runtime")
    module.open_runtime = open_fake
    set_module("resemul.prediction.runtime", module)


@pytest.fixture(autouse=True)
def _models(tmp_path, monkeypatch, caplog):
    stub_runtimes(lambda name, module: monkeypatch.setitem(sys.modules, name, module))
    for name in ("one.keras", "many.keras"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESEMUL_MODEL", "one.keras")
    caplog.set_level(logging.INFO)


def tag(*arguments):
    return run(["tag", *map(str, arguments)])


def test_a_folder_is_shown_as_a_table_and_what_fails_is_counted(songs, capsys, caplog):
    assert tag(songs) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("songs/a-loud.wav  0:00")
    assert lines[1].split()[:2] == ["loud", "0.90"]
    assert lines[3].endswith("b-broken.mp3 is empty (0 bytes)")
    assert "2 tagged, 1 failed" in caplog.text
    assert "hours of audio/min" in caplog.text


def test_one_song_is_tagged_by_both_models_in_two_groups(songs, capsys):
    models = ["--model", "one.keras", "--model", "many.keras"]
    assert tag(songs / "a-loud.wav", *models) == 0
    lines = capsys.readouterr().out.splitlines()
    groups = [line.split()[0] for line in lines if line[2:6].strip()]
    assert "one" in groups
    assert "many" in groups


def test_json_holds_every_tag_model_and_failure(songs, capsys):
    assert tag(songs, "--format", "json", "--model", "many.keras") == 1
    content = json.loads(capsys.readouterr().out)
    assert [r["status"] for r in content["results"]] == ["tagged", "failed", "tagged"]
    assert content["results"][0]["tags"].keys() == {"loud", "quiet", "odd"}
    assert content["results"][0]["model"] == "many.keras"
    assert "is empty" in content["results"][1]["error"]


def test_an_output_file_says_its_format_by_its_name(songs, tmp_path, capsys):
    assert tag(songs, "-o", tmp_path / "out.csv") == 1
    header, *rows = csv.reader(io.StringIO((tmp_path / "out.csv").read_text()))
    assert header[-2:] == ["loud", "quiet"]
    assert [row[2] for row in rows] == ["tagged", "failed", "tagged"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--top-k", "1"], ["loud"]),
        (["--threshold", "0.05"], ["loud", "quiet"]),
        (["--threshold", "fitted"], ["loud"]),
        (["--tags", "quiet"], ["quiet"]),
    ],
)
def test_options_choose_what_is_shown(songs, capsys, options, expected):
    assert tag(songs / "a-loud.wav", "--format", "jsonl", *options) == 0
    assert list(json.loads(capsys.readouterr().out)["tags"]) == expected


def test_tags_go_by_the_names_of_a_map(songs, tmp_path, capsys):
    (tmp_path / "map.csv").write_text("loud,noisy\nquiet,\n")
    assert tag(songs / "a-loud.wav", "--format", "jsonl", "--map", "map.csv") == 0
    assert list(json.loads(capsys.readouterr().out)["tags"]) == ["noisy"]


def test_ranks_within_the_library_are_called_so(songs, capsys, caplog):
    tag(songs, "--calibrate", "quantile", "--format", "json")
    results = json.loads(capsys.readouterr().out)["results"]
    assert [r["tags"].get("loud") for r in results] == [1.0, None, 0.0]
    assert results[0]["calibration"] == "quantile"
    assert "shares of these files that score lower" in caplog.text


def test_resume_goes_on_and_ends_with_the_same_file(songs, tmp_path, caplog):
    expected, out = tmp_path / "expected.csv", tmp_path / "out.csv"
    tag(songs, "-o", expected)
    assert tag(songs, "-o", out, "--resume") == 1
    out.unlink()
    assert tag(songs, "-o", out, "--resume") == 1
    assert "(3 of them by an earlier run)" in caplog.text
    assert out.read_bytes() == expected.read_bytes()


def test_paths_come_from_a_list_too(songs, tmp_path, monkeypatch, capsys):
    names = f"{songs}/sub/c-quiet.wav\0{songs}/a-loud.wav\0".encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(names)))
    assert tag("--list", "-", "--format", "jsonl") == 0
    paths = [json.loads(line)["path"] for line in capsys.readouterr().out.splitlines()]
    assert [os.path.basename(path) for path in paths] == ["c-quiet.wav", "a-loud.wav"]  # noqa: PTH119


def test_embeddings_and_timelines_are_written(songs, tmp_path):
    assert (
        tag(songs / "a-loud.wav", "--embeddings", "e.npz", "-o", "t.csv", "--timeline")
        == 0
    )
    with np.load(tmp_path / "e.npz") as arrays:
        assert arrays["one/embeddings"].shape == (3, 2)
        assert arrays["one/starts"].tolist() == [0, 0.25, 0.5]
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    assert [row["start"] for row in rows] == ["0.0", "0.25", "0.5"]


def test_pictures_are_drawn_of_one_file_or_into_a_folder(songs, tmp_path):
    pytest.importorskip("matplotlib")
    assert tag(songs / "a-loud.wav", "--plot", "one.png") == 0
    assert tag(songs, "--plot", "all", "-o", "x.json") == 1
    assert (tmp_path / "one.png").stat().st_size > 1_000
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == [
        "a-loud.png",
        "c-quiet.png",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one.keras", "a.wav"], "resemul tag PATH... --model one.keras"),
        ([], "name a file or a folder with music"),
        (["a.wav", "--model", "fcn-mttat"], "did you mean fcn-mtat"),
        (["a.wav", "--model", "gone.keras"], "gone.keras does not exist"),
        (["a.wav", "--top-k", "0"], "--top-k must be at least 1"),
        (["a.wav", "--top-k", "-1"], "--top-k must be at least 1"),
        (["a.wav", "--threshold", "nan"], "--threshold must be a number from 0 to 1"),
        (["a.wav", "--threshold", "1.5"], "--threshold must be a number from 0 to 1"),
        (["a.wav", "--hop", "0"], "--hop must be above 0"),
        (["a.wav", "--tail", "keep"], "--tail must be one of anchor, drop"),
        (["a.wav", "--format", "xml"], "--format must be one of table, json"),
        (["a.wav", "--format", "npz"], "--format npz needs -o OUT"),
        (["a.wav", "--format", "audacity", "-o", "x"], "give --threshold"),
        (["a.wav", "--timeline"], "table has no place for a timeline"),
        (["a.wav", "--resume"], "give -o OUT"),
        (["a.wav", "-o", "gone/x.csv"], "gone/x.csv cannot be written"),
        (["a.wav", "--calibrate", "quantile", "--threshold", "fitted"], "do not go"),
        (["a.wav", "--calibrate", "quantile", "--plot", "x.png"], "does not go"),
        (["a.wav", "c.wav", "--plot", "x.png"], "is one picture, of 2 files"),
        (["a.wav", "--map", "gone.csv"], "gone.csv cannot be read"),
        (["--list", "gone.txt"], "--list gone.txt cannot be read"),
        (["empty"], "no audio file in empty"),
        (["gone.mp3"], "gone.mp3 does not exist"),
        (["a\0b.mp3"], "does not exist"),
    ],
)
def test_what_cannot_work_is_said_before_a_model_is_loaded(
    tmp_path, monkeypatch, capsys, arguments, message
):
    def load(*_, **__):
        raise AssertionError("a model was loaded")

    (tmp_path / "empty").mkdir()
    for name in ("a.wav", "c.wav"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setattr(sys.modules["resemul.prediction.runtime"], "open_runtime", load)
    assert tag(*arguments) == 1
    assert message in capsys.readouterr().err


def run_apart(folder, *arguments, stdout=subprocess.PIPE):
    """Runs the command in a process of its own, on a terminal that takes only ASCII."""
    script = _STUB.format(folder=os.path.dirname(__file__))  # noqa: PTH120
    environment = os.environ | {
        "PYTHONIOENCODING": "ascii:strict",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=environment,
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device")  # noqa: PTH110
@pytest.mark.parametrize("name", ["table", "csv"])
def test_a_full_disk_is_said_in_a_line(songs, tmp_path, name):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = run_apart(tmp_path, songs, "--format", name, stdout=full)
    assert done.returncode == 1
    assert b"resemul tag: error: no space is left to write to" in done.stderr
    assert b"Traceback" not in done.stderr


def test_odd_names_pass_through_a_strict_terminal_and_a_table(songs, tmp_path):
    name = b"caf\xe9\n\x1b[31m.wav"
    try:
        with open(os.path.join(os.fsencode(songs), name), "wb") as file:  # noqa: PTH118, PTH123
            file.write((songs / "a-loud.wav").read_bytes())
    except OSError:
        pytest.skip("this file system takes no such name")

    def output_of(*options):
        done = run_apart(tmp_path, songs, *options)
        assert b"Traceback" not in done.stderr
        assert b"3 tagged, 1 failed" in done.stderr
        return done.stdout

    assert rb"caf\udce9\n\x1b[31m.wav" in output_of()
    assert b"\x1b" not in output_of()
    assert name in output_of("--format", "csv")


def test_tagging_loads_no_library_of_training(songs, tmp_path):
    # The process asserts it at its end.
    done = run_apart(tmp_path, songs / "a-loud.wav", "--format", "json")
    assert (done.returncode, done.stderr.count(b"Error")) == (0, 0)


def test_a_run_that_is_stopped_says_that_it_goes_on(songs, capsys, caplog, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("resemul.tagging.resume.tag_many", stop)
    assert tag(songs, "-o", "out.csv", "--resume") == 130
    assert "the same command goes on there" in caplog.text
    assert "stopped" in capsys.readouterr().err
