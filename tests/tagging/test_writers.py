"""Each format, written and read back; every one takes every kind of result."""

import csv
import io
import json

import numpy as np
import pytest

from resemul.errors import ConfigError
from resemul.tagging.results import TagResult, Timeline
from resemul.tagging.writers import WRITERS, WriteOptions

ODD_NAME = "caf\udce9\n\x1b[31m=.mp3"


def tagged(path, model, tags, scores, **fields):
    scores = np.array(scores, "float32")
    timeline = Timeline(
        np.array([0.0, 3.0]),
        np.array([3.0, 6.0]),
        np.stack([scores, scores]),
        np.stack([scores > 0.5, scores > 0.5]),
    )
    return TagResult(path, model, "tagged", tags, scores, "", 6.0, timeline, **fields)


TAGS = {"m": ("rock", "=1+1"), "n": ("rock", "path")}
RESULTS = [
    tagged("a.mp3", "m", TAGS["m"], [0.75, 0.25]),
    tagged("a.mp3", "n", TAGS["n"], [0.5, 1.0]),
    TagResult(ODD_NAME, "m", "failed", TAGS["m"], error="no sound"),
    TagResult(ODD_NAME, "n", "failed", TAGS["n"], error="no sound"),
    TagResult("-s.wav", "m", "silent", TAGS["m"], seconds=2.0),
    tagged("-s.wav", "n", TAGS["n"], [0.125, 0.625], chosen=(1,)).replace(
        status="short"
    ),
]


def options(**fields):
    return WriteOptions(models=("m", "n"), tags=("rock", "=1+1", "path"), **fields)


def write(name, path=None, **fields):
    """What a writer gives for all results, as text if there is no path."""
    stream = io.StringIO()
    with WRITERS[name].open(path, options(**fields), stream) as writer:
        for result in RESULTS:
            writer.write(result)
    return stream.getvalue()


@pytest.mark.parametrize("with_timeline", [False, True])
@pytest.mark.parametrize("name", WRITERS)
def test_every_format_takes_every_result(tmp_path, name, with_timeline):
    out = tmp_path / "out"
    write(name, out, with_timeline=with_timeline)
    assert out.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_names_an_output_that_cannot_be_written(tmp_path, name):
    out = tmp_path / "gone" / "out" if name != "audacity" else tmp_path / "file"
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"out cannot be written|should be a folder"):
        write(name, out)


def test_json_holds_all_results_by_the_schema():
    content = json.loads(write("json"))
    assert content["schema"] == "resemul.tag/1"
    results = content["results"]
    assert [r["path"] for r in results][::2] == ["a.mp3", ODD_NAME, "-s.wav"]
    assert results[0]["tags"] == {"rock": 0.75, "=1+1": 0.25}
    assert results[2]["status"] == "failed"
    assert results[2]["error"] == "no sound"
    assert results[5]["tags"] == {"path": 0.625}


def test_json_of_nothing_is_json():
    stream = io.StringIO()
    with WRITERS["json"].open(None, options(), stream):
        pass
    assert json.loads(stream.getvalue()) == {"schema": "resemul.tag/1", "results": []}


def test_jsonl_has_a_result_a_line():
    lines = write("jsonl", with_timeline=True).splitlines()
    assert [json.loads(line)["model"] for line in lines] == ["m", "n"] * 3
    assert json.loads(lines[0])["timeline"][1]["start"] == 3.0


def test_csv_has_a_row_for_each_file_and_model():
    text = write("csv")
    assert "\r" not in text
    header, *rows = csv.reader(io.StringIO(text))
    assert header == [
        *("path", "model", "status", "error", "seconds"),
        *("rock", "'=1+1", "tag path"),
    ]
    assert rows[0] == ["a.mp3", "m", "tagged", "", "6.0", "0.75", "0.25", ""]
    assert rows[1][5:] == ["0.5", "", "1.0"]
    assert rows[2][0] == ODD_NAME
    assert rows[4][:3] == ["'-s.wav", "m", "silent"]
    assert rows[5][5:] == ["", "", "0.625"]


def test_csv_with_a_timeline_has_a_row_for_each_segment():
    header, *rows = csv.reader(io.StringIO(write("csv", with_timeline=True)))
    assert header[5:7] == ["start", "end"]
    assert [row[5:7] for row in rows] == [
        *(["0.0", "3.0"], ["3.0", "6.0"]) * 2,
        *(["", ""],) * 3,
        *(["0.0", "3.0"], ["3.0", "6.0"]),
    ]


def test_csv_keeps_the_bytes_of_names_that_are_not_unicode(tmp_path):
    write("csv", tmp_path / "a.csv")
    assert b"caf\xe9\n" in (tmp_path / "a.csv").read_bytes()


def test_parquet_has_the_rows_of_csv(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    write("parquet", tmp_path / "a.parquet", with_timeline=True)
    table = pq.read_table(tmp_path / "a.parquet").to_pydict()
    assert len(table["path"]) == 9
    assert table["path"][4] == "caf\\udce9\n\x1b[31m=.mp3"
    assert table["rock"][:3] == [0.75, 0.75, 0.5]
    assert table["start"][4] is None
    assert table["=1+1"][2] is None


def test_npz_holds_arrays_by_model(tmp_path):
    write("npz", tmp_path / "a.npz", with_timeline=True)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["m/tags"].tolist() == ["rock", "=1+1"]
        assert arrays["m/path"].tolist() == ["a.mp3", ODD_NAME, "-s.wav"]
        assert arrays["m/status"].tolist() == ["tagged", "failed", "silent"]
        np.testing.assert_array_equal(arrays["m/scores"][0], [0.75, 0.25])
        assert np.isnan(arrays["m/scores"][1:]).all()
        assert arrays["n/segment_scores"].shape == (4, 2)
        assert arrays["n/segment_files"].tolist() == [0, 0, 2, 2]


def test_audacity_has_a_file_of_regions_for_each_song_and_model(tmp_path):
    write("audacity", tmp_path / "labels")
    files = {p.name: p.read_text() for p in (tmp_path / "labels").iterdir()}
    assert files == {
        "a.m.txt": "0.000000\t6.000000\trock\n",
        "a.n.txt": "0.000000\t6.000000\tpath\n",
        "-s.n.txt": "0.000000\t6.000000\tpath\n",
    }


def test_audacity_gives_songs_of_one_name_files_of_their_own(tmp_path):
    one_model = WriteOptions(models=("m",), tags=("rock",))
    with WRITERS["audacity"].open(tmp_path, one_model, io.StringIO()) as writer:
        for path in ("x/a.mp3", "y/A.mp3", "y/a.flac"):
            writer.write(tagged(path, "m", ("rock",), [1.0]))
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "A-2.txt",
        "a-3.txt",
        "a.txt",
    ]


def test_the_table_groups_the_tags_of_a_file_by_model():
    lines = write("table", in_unicode=False).splitlines()
    assert lines[:5] == [
        "a.mp3  0:06",
        "  m  rock      0.75  ###############",
        "     =1+1      0.25  #####",
        "  n  path      1.00  ####################",
        "     rock      0.50  ##########",
    ]


def test_the_table_shows_no_name_as_the_terminal_would_take_it():
    text = write("table")
    assert "\x1b" not in text
    assert r"caf\udce9\n\x1b[31m=.mp3  no sound" in text
    assert text.count("no sound") == 1


def test_the_table_says_what_is_silent_or_short():
    text = write("table")
    assert "-s.wav  0:02, silent, so not tagged" in text


def test_colours_are_for_those_who_want_them():
    assert "\x1b[34m" in write("table", in_colour=True)
