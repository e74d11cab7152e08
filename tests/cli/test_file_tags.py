import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from resemul.audio.encode import encode_mp3
from resemul.cli import run

TAGS = {"rock": 0.5, "Mellow": 0.25, "sad": 0.125}


@pytest.fixture(scope="module")
def mp3():
    sound = np.sin(np.arange(8_000) / 5).astype("float32")
    return encode_mp3(sound, 16_000, 64_000)


@pytest.fixture
def folder(tmp_path, monkeypatch, mp3):
    """A folder with two songs and what models heard in them; the plan goes there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESEMUL_DATA", str(tmp_path / "data"))
    results = []
    for name in ("a.mp3", "b.mp3"):
        (tmp_path / name).write_bytes(mp3)
        results.append(
            {
                "path": name,
                "model": "msd-musicnn",
                "model_sha256": "ab",
                "resemul": "0.1.0",
                "status": "tagged",
                "error": None,
                "tags": TAGS,
            }
        )
    write_results(tmp_path, results)
    return tmp_path


def write_results(folder: Path, results: list[dict]) -> None:
    (folder / "tags.jsonl").write_text("\n".join(map(json.dumps, results)))


def read_results(folder: Path) -> list[dict]:
    return [json.loads(x) for x in (folder / "tags.jsonl").read_text().splitlines()]


def file_tags(*arguments: str) -> int:
    return run(["file-tags", *arguments])


def plan(*arguments: str) -> int:
    return file_tags("plan", "--from", "tags.jsonl", *arguments)


def name_of_run(shown: str) -> str:
    """What apply says last: "run NAME; ..."."""
    return shown.splitlines()[-1].split()[1].strip(";")


def test_a_plan_says_what_would_change_and_writes_no_song(folder, capsys, mp3):
    assert plan() == 0
    shown = capsys.readouterr().out
    assert f"{folder / 'a.mp3'} (MP3, ID3v2.4)" in shown
    assert "mood      (none) -> Mellow, Sad  [TMOO]" in shown
    assert "evidence  (none) -> 3 scores of msd-musicnn  [TXXX:RESEMUL]" in shown
    assert "2 songs to change, 0 unchanged, 0 left out; no song was written" in shown
    assert (folder / "a.mp3").read_bytes() == mp3
    assert len((folder / "plan.jsonl").read_text().splitlines()) == 3


def test_a_plan_is_carried_out_listed_and_taken_back(folder, capsys, mp3):
    plan()
    assert file_tags("apply", "plan.jsonl", "--yes") == 0
    written = (folder / "a.mp3").read_bytes()
    assert written != mp3
    run_name = name_of_run(capsys.readouterr().out)
    assert file_tags("runs") == 0
    assert f"{run_name}  " in (listed := capsys.readouterr().out)
    assert "2 written" in listed
    assert file_tags("undo", run_name) == 0
    assert "2 undone" in capsys.readouterr().out
    assert (folder / "a.mp3").read_bytes() == mp3
    assert file_tags("undo", run_name) == 0
    assert "nothing left to take back" in capsys.readouterr().out


def test_the_last_run_is_taken_back_by_default(folder, mp3):
    plan()
    file_tags("apply", "plan.jsonl", "--yes")
    assert file_tags("undo") == 0
    assert (folder / "b.mp3").read_bytes() == mp3


def test_a_second_plan_and_a_second_apply_change_nothing(folder, capsys):
    plan()
    file_tags("apply", "plan.jsonl", "--yes")
    before = (folder / "a.mp3").read_bytes()
    assert file_tags("apply", "plan.jsonl", "--yes") == 0
    assert "2 unchanged" in capsys.readouterr().out
    assert plan("-o", "second.jsonl") == 0
    assert "0 songs to change, 2 unchanged" in capsys.readouterr().out
    assert file_tags("apply", "second.jsonl") == 0
    assert "the plan changes nothing" in capsys.readouterr().out
    assert (folder / "a.mp3").read_bytes() == before
    file_tags("runs")
    assert capsys.readouterr().out.count("written") == 1


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_apply_asks(folder, capsys, monkeypatch, mp3, answer, status):
    plan()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: answer, raising=False)
    capsys.readouterr()
    assert file_tags("apply", "plan.jsonl") == status
    shown = capsys.readouterr().out
    assert "mood      (none) -> Mellow, Sad" in shown
    assert "write these tags into 2 songs? [y/N]" in shown
    assert ((folder / "a.mp3").read_bytes() == mp3) == bool(status)


def test_apply_without_anybody_to_ask_needs_yes(folder, capsys, monkeypatch, mp3):
    plan()
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert file_tags("apply", "plan.jsonl") == 1
    assert "--yes writes without asking" in capsys.readouterr().err
    assert (folder / "a.mp3").read_bytes() == mp3


def test_what_cannot_be_planned_is_named_and_counted(folder, capsys):
    results = read_results(folder)
    (folder / "b.mp3").write_text("no audio")
    missing = {**results[0], "path": "c.mp3"}
    silent = {**results[0], "path": "d.mp3", "status": "silent", "tags": {}}
    write_results(folder, [*results, missing, silent])
    assert plan() == 1
    shown = capsys.readouterr()
    assert f"{folder / 'b.mp3'}: is of no format" in shown.err
    assert f"{folder / 'c.mp3'}: no such file" in shown.err
    assert f"{folder / 'd.mp3'}: is silent" in shown.err
    assert "1 songs to change, 0 unchanged, 3 left out" in shown.out


def test_what_cannot_be_written_is_named_and_counted(folder, capsys):
    plan()
    (folder / "a.mp3").unlink()
    assert file_tags("apply", "plan.jsonl", "--yes") == 1
    shown = capsys.readouterr()
    assert f"{folder / 'a.mp3'}: no such file or directory" in shown.err
    assert "1 failed, 1 written" in shown.out


def test_fields_and_names_can_be_chosen(folder, capsys):
    (folder / "map.csv").write_text("tag,kind,name\nrock,mood,Rocking\nsad,ignore,\n")
    assert plan("--fields", "mood=replace", "--map", "map.csv") == 0
    shown = capsys.readouterr().out
    assert "mood      (none) -> Rocking, Mellow  [TMOO]" in shown
    assert "genre" not in shown
    assert "evidence" not in shown


def test_results_may_come_from_standard_input(folder, capsys, monkeypatch):
    text = (folder / "tags.jsonl").read_text()
    monkeypatch.setattr("sys.stdin.read", lambda: text, raising=False)
    assert file_tags("plan", "--from", "-") == 0
    assert "2 songs to change" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan"], "either songs to tag, or --from"),
        (["plan", "--from", "tags.jsonl", "--model", "x"], "--model tags songs"),
        (["plan", "a.mp3", "--from", "tags.jsonl"], "either songs"),
        (["plan", "--from", "nothing.jsonl"], "nothing.jsonl cannot be read"),
        (["plan", "--from", "a.mp3"], "a.mp3 cannot be read"),
        (["plan", "--from", "tags.jsonl", "-o", "tags.jsonl"], "there and no plan"),
        (
            ["plan", "--from", "tags.jsonl", "-o", "no/plan"],
            "no/plan cannot be written",
        ),
        (["plan", "--from", "tags.jsonl", "--fields", "title"], "--fields"),
        (["plan", "--from", "tags.jsonl", "--fields", "mood=add"], "--fields"),
        (["plan", "--from", "tags.jsonl", "--fields", "mood,mood"], "each field once"),
        (["plan", "--from", "tags.jsonl", "--max-values", "0"], "--max-values"),
        (["plan", "--from", "tags.jsonl", "--min-score", "2"], "--min-score"),
        (["plan", "--from", "tags.jsonl", "--id3v23-separator", " "], "separator"),
        (["plan", "--from", "tags.jsonl", "--map", "none.csv"], "none.csv"),
        (["apply", "nothing.jsonl"], "nothing.jsonl cannot be read"),
        (["apply", "tags.jsonl"], "no plan"),
        (["undo"], "no run to take back"),
        (["undo", "yesterday"], "there is no run 'yesterday'"),
        (["runs", "--forget", "yesterday"], "there is no run 'yesterday'"),
    ],
)
def test_what_cannot_work_is_said_in_a_line(folder, capsys, arguments, message):
    assert file_tags(*arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_forgotten_run_cannot_be_taken_back(folder, capsys):
    plan()
    file_tags("apply", "plan.jsonl", "--yes")
    written = (folder / "a.mp3").read_bytes()
    run_name = name_of_run(capsys.readouterr().out)
    assert file_tags("runs", "--forget", run_name) == 0
    assert file_tags("undo") == 1
    assert (folder / "a.mp3").read_bytes() == written


def test_names_that_would_move_the_cursor_are_shown_harmless(folder, capsys, mp3):
    name = "\x1b[2Jc.mp3"
    (folder / name).write_bytes(mp3)
    write_results(folder, [{**read_results(folder)[0], "path": name}])
    plan()
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\\x1b[2Jc.mp3" in shown


def test_names_that_are_no_text_are_written_too(folder, capsys, mp3):
    name = b"\xff.mp3".decode("utf-8", "surrogateescape")
    (folder / name).write_bytes(mp3)
    write_results(folder, [{**read_results(folder)[0], "path": name}])
    assert plan() == 0
    assert file_tags("apply", "plan.jsonl", "--yes") == 0
    assert (folder / name).read_bytes() != mp3
    assert file_tags("undo") == 0
    assert (folder / name).read_bytes() == mp3


def test_an_interrupted_run_is_put_right_and_named(folder, capsys, monkeypatch, mp3):
    from resemul.tagging.file_tags import apply

    plan()

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(apply, "write_change", stop)
        patch.setattr(apply, "settle", lambda entry, take_back: None)
        assert file_tags("apply", "plan.jsonl", "--yes") == 130
    assert file_tags("runs") == 0
    assert f"{folder / 'a.mp3'}: of the interrupted run" in capsys.readouterr().err
    assert (folder / "a.mp3").read_bytes() == mp3
    assert file_tags("apply", "plan.jsonl", "--yes") == 0


def test_no_tensorflow_and_no_keras_on_this_way(folder):
    root = Path(__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r}); from resemul.cli import run; "
        "run(['file-tags', 'plan', '--from', 'tags.jsonl']); "
        "run(['file-tags', 'apply', 'plan.jsonl', '--yes']); "
        "run(['file-tags', 'undo']); "
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(root)!r}); {code}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
