import csv
import json
import subprocess
import sys

import pytest

from resemul import cli

TABLE = "path,rock,slow,split\na.wav,1,0,train\nb.wav,1,1,train\nc.wav,0,0,train\n"
TABLE += "d.wav,1,0,val\ne.wav,0,1,test\n"


@pytest.fixture
def table(tmp_path):
    for name in "abcde":
        (tmp_path / f"{name}.wav").touch()
    path = tmp_path / "my.csv"
    path.write_text(TABLE)
    return path


def describe(table, *options):
    return cli.run(
        ["describe", "--dataset", "csv", "--annotations", str(table), *options]
    )


def test_describe_prints_a_line_per_tag(table, capsys):
    assert describe(table) == 0
    title, header, clips, untagged, slow, rock = capsys.readouterr().out.splitlines()
    assert title.startswith("split column-")
    assert title.endswith(": 5 clips, 2 tags")
    assert header.split() == ["train", "val", "test"]
    assert clips.split() == ["clips", "3", "1", "1"]
    assert untagged.split() == ["without", "a", "tag", "1", "0", "0"]
    assert slow.split() == ["slow", "1", "33.33%", "0", "0.00%", "1", "100.00%"]
    assert rock.split() == ["rock", "2", "66.67%", "1", "100.00%", "0", "0.00%"]


def test_describe_prints_json(table, capsys):
    assert describe(table, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["dataset"] == "csv"
    assert result["tags"] == ["slow", "rock"]
    assert result["splits"]["train"] == {
        "clips": 3,
        "untagged": 1,
        "positives": {"slow": 1, "rock": 2},
        "percent": {"slow": 33.33, "rock": 66.67},
    }


def test_describe_writes_a_table(table, tmp_path, capsys):
    assert describe(table, "--csv", str(tmp_path / "out.csv")) == 0
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["split", "tag", "clips", "positives", "percent"]
    assert rows[1] == ["train", "slow", "3", "1", "33.33"]
    assert len(rows) == 1 + 3 * 2
    assert "rock" in capsys.readouterr().out


def test_describe_passes_every_option_on(table, tmp_path, capsys):
    (tmp_path / "tags.txt").write_text("rock\n")
    options = ["--tags", str(tmp_path / "tags.txt"), "--no-keep-untagged"]
    options += ["--split", "random", "--ratio", "1/0/1", "--split-seed", "4"]
    assert describe(table, *options, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["tags"] == ["rock"]
    name = result["split_name"]
    assert name.startswith("random-1:0:1-seed4-tagged-list-")
    assert sum(split["clips"] for split in result["splits"].values()) == 3


def test_describe_reads_mtt_by_default(tiny_dataset, capsys):
    assert cli.run(["describe", "--data-dir", str(tiny_dataset)]) == 0
    assert "split mtt-tagged: 27 clips, 3 tags" in capsys.readouterr().out


def test_describe_says_what_is_wrong_in_one_line(table, capsys):
    assert describe(table, "--tag-column", "tags") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "my.csv has no column 'tags'; it has 'path', 'rock'" in line
    assert describe(table, "--num-tags", "1", "--tags", "x.txt") == 1
    assert "not both" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["build", "describe"])
def test_help_imports_nothing_heavy(command):
    script = (
        "import sys; from resemul import cli\n"
        f"try: cli.run(['{command}', '-h'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'pandas', 'numpy', 'tensorflow', 'keras'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "--group-column" in result.stdout
    assert result.stdout.splitlines()[-1] == "[]"
