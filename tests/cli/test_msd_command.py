"""A world of a dozen previews and sixty names goes through every stage."""

import csv
import json
import sqlite3
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from resemul import cli

RATE = 16_000
LISTS = {
    "non_genre_list": "rock\nhip hop\n-seen live\n",
    "rap_list": "rap\ngangsta rap\n",
    "instrumental_list": "instrumental\n",
    "male_list": "male\n",
    "female_list": "-female\nfemale vocalists\n",
}
NAMES = ["rock", "seen live", "hip hop", "Hip-Hop", "female vocalists", "gangsta rap"]


def tid(number):
    return f"TR{number:016d}"


@pytest.fixture(scope="module")
def mp3s():
    from resemul.audio.encode import encode_mp3

    tone = 0.3 * np.sin(np.arange(RATE) / 5).astype("float32")
    gap = np.zeros(RATE, "float32")
    sounds = {"sound": [tone, tone], "gap": [tone, gap, tone], "silent": [gap, gap]}
    return {
        name: encode_mp3(np.concatenate(parts), RATE, 32_000)
        for name, parts in sounds.items()
    }


@pytest.fixture
def world(tmp_path, mp3s):
    """Previews 1 to 9, of which 3 is empty, 4 broken, 5 silent, 6 has a gap.

    1 and 2 are duplicates, 7 is a mismatch, 8 has no tag, 9 is of no track.
    """
    import h5py

    kinds = {3: b"", 4: b"broken" * 50, 5: mp3s["silent"], 6: mp3s["gap"]}
    for number in range(1, 10):
        path = tmp_path / "previews #1" / str(number) / f"{number}0.clip.mp3"
        path.parent.mkdir(parents=True)
        path.write_bytes(kinds.get(number, mp3s["sound"]))
    path.with_name("other.mp3").write_bytes(b"x")
    with h5py.File(tmp_path / "summary.h5", "w") as file:
        for table, field, kind, values in (
            ("metadata", "track_7digitalid", "<i4", [n * 10 for n in range(1, 9)]),
            ("analysis", "track_id", "S32", [tid(n).encode() for n in range(1, 9)]),
            ("musicbrainz", "year", "<i4", [2000] * 8),
        ):
            rows = np.array([(value,) for value in values], [(field, kind)])
            file[f"{table}/songs"] = rows
    (tmp_path / "mismatches.txt").write_text(f"ERROR: <SO {tid(7)}> A != B\n")
    (tmp_path / "duplicates.txt").write_text(
        f"# x\n%1 A - B\n{tid(1)}\n{tid(2)}\n%2 C - D\n{tid(6)}\n{tid(99)}\n"
    )
    write_tags(tmp_path / "tags.db")
    (tmp_path / "lists").mkdir()
    for name, text in LISTS.items():
        (tmp_path / "lists" / f"{name}_filtered.txt").write_text(text)
    return tmp_path


def write_tags(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE tags (tag TEXT)")
        connection.execute("CREATE TABLE tids (tid TEXT)")
        connection.execute("CREATE TABLE tid_tag (tid INT, tag INT, val FLOAT)")
        rows = [(name,) for name in NAMES]
        connection.executemany("INSERT INTO tags VALUES (?)", rows)
        rows = [(tid(n),) for n in (1, 2, 5, 6, 7)]
        connection.executemany("INSERT INTO tids VALUES (?)", rows)
        pairs = [(1, 1), (2, 1), (3, 1), (4, 3), (4, 4), (5, 5), (1, 2), (2, 2), (1, 6)]
        rows = [(*pair, 100 - i) for i, pair in enumerate(pairs)]
        connection.executemany("INSERT INTO tid_tag VALUES (?, ?, ?)", rows)
    connection.close()


def msd(*words):
    return cli.run(["msd", *map(str, words)])


def rows(path, comment=1):
    return pd.read_csv(path, skiprows=comment)


def fetch(world, *options):
    root = world / "previews #1"
    assert msd("fetch", world / "files", "--root-dir", root, *options) == 0
    return world / "files.csv"


def wrangle(world, source, *options):
    return msd(
        *("wrangle", source, world / "ultimate.csv"),
        *("--path-h5", world / "summary.h5", "--path-db", world / "tags.db"),
        *("--path-txt-mism", world / "mismatches.txt"),
        *("--path-txt-dupl", world / "duplicates.txt"),
        *("--discard-no-tag", "--discard-dupl", *options),
    )


def test_fetch_lists_previews(world, capsys):
    files = fetch(world)
    assert files.read_text().startswith("# resemul msd fetch --root-dir '")
    table = rows(files)
    assert table.columns.tolist() == [
        *("track_7digitalid", "file_path", "file_size", "channels", "clip_length")
    ]
    assert table["track_7digitalid"].tolist() == [n * 10 for n in range(1, 10)]
    assert table["clip_length"].isna().sum() == 2
    out = capsys.readouterr().out
    assert "9 files, 1 left out" in out
    assert "without a header that can be read: 2" in out


def test_fetch_leaves_out_what_it_is_told_to(world):
    table = rows(fetch(world, "--no-size", "--no-mut-length", "--abs"))
    assert table.columns.tolist() == ["track_7digitalid", "file_path", "channels"]
    assert table["file_path"].str.startswith(str(world)).all()


def test_no_stage_overwrites_a_table(world, capsys):
    files = fetch(world)
    before = files.read_text()
    for words in (
        ("fetch", world / "files.csv"),
        ("silence", files, world / "files"),
        ("wrangle", files, files, "--path-h5", world / "summary.h5"),
        ("clean-tags", world / "tags.db", world / "tags.db"),
    ):
        assert msd(*words) == 2
        assert "not overwritten" in capsys.readouterr().err
    assert files.read_text() == before


def test_the_long_way_keeps_what_can_be_heard(world, capsys):
    files = fetch(world)
    heard = world / "heard.csv"
    root = world / "previews #1"
    filters = ("--filter-trim-length", "1", "--filter-max-silence", "0.5")
    workers = ("--num-workers", "1", "--root-dir-mp3", root)
    assert msd("silence", files, heard, *workers, *filters) == 0
    assert rows(heard)["track_7digitalid"].tolist() == [10, 20, 70, 80, 90]
    broken = rows(world / "heard.broken.csv", comment=0)
    assert broken["file_path"].tolist() == ["3/30.clip.mp3", "4/40.clip.mp3"]
    capsys.readouterr()
    assert wrangle(world, heard) == 0
    steps = dict(line.split() for line in capsys.readouterr().out.splitlines()[:-1])
    assert steps == {
        "input": "5",
        "match": "4",
        "repeated": "4",
        "mismatches": "3",
        "empty": "3",
        "unreadable": "3",
        "tags": "2",
        "duplicates": "1",
    }
    table = rows(world / "ultimate.csv")
    assert table.columns.tolist()[:4] == [
        *("track_id", "track_7digitalid", "year", "file_size")
    ]
    assert not list(world.glob(".*"))  # no journal is left


def test_the_short_way_chooses_duplicates_first_or_last(world):
    files = fetch(world)
    assert wrangle(world, files, "--order", "match,mismatches,tags") == 0
    ultimate = world / "ultimate.csv"
    ids = rows(ultimate)["track_7digitalid"].tolist()
    assert ids == [10, 20, 50, 60]
    root = world / "previews #1"
    words = ("--root-dir-mp3", root, "--num-workers", "1", "--filter-trim-length", "1")
    assert msd("silence", ultimate, world / "heard", *words) == 0
    heard = rows(world / "heard.csv")
    assert heard.columns.tolist()[:4] == [
        *("track_id", "track_7digitalid", "year", "mp3_path")
    ]
    assert heard["track_7digitalid"].tolist() == [10, 20, 60]
    words = ("--path-txt-dupl", world / "duplicates.txt", "--discard-dupl")
    assert msd("wrangle", world / "heard.csv", world / "last.csv", *words) == 0
    # 60 is the only one of its group, and stays.
    assert rows(world / "last.csv")["track_7digitalid"].tolist()[-1] == 60
    assert len(rows(world / "last.csv")) == 2


def test_nothing_to_do_is_said(world, capsys):
    files = fetch(world)
    words = ("--root-dir-mp3", world / "previews #1", "--num-workers", "1")
    assert msd("silence", files, world / "heard", *words) == 0
    assert msd("silence", world / "heard.csv", world / "again") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert not (world / "again.csv").exists()


def test_the_database_is_not_needed_where_it_is_not_used(world):
    files = fetch(world)
    assert msd("wrangle", files, world / "x", "--path-h5", world / "summary.h5") == 0


@pytest.mark.parametrize("flag", ["--discard-no-tag", "--discard-dupl"])
def test_a_missing_list_is_named(world, flag, capsys):
    files = fetch(world)
    h5 = ("--path-h5", world / "summary.h5")
    assert msd("wrangle", files, world / "x", *h5, flag) == 1
    assert f"{flag} needs --path-" in capsys.readouterr().err


def test_tags_answers_questions(world, capsys):
    def ask(*words):
        assert msd("tags", world / "tags.db", *words) == 0
        return capsys.readouterr().out.splitlines()

    assert ask("--tid", tid(1)) == [
        f"{tid(1)},rock",
        f"{tid(1)},seen live",
        f"{tid(1)},gangsta rap",
    ]
    assert ask("--tid", tid(1), tid(5), "--min-tags", "2")[0] == f"{tid(1)},rock"
    assert ask("--tag", "rock", "--in-memory") == [tid(1), tid(2), tid(5)]
    assert ask("--count", tid(1), tid(2))[0] == "rock,2"
    assert ask("--popularity", "1") == ["rank,tag,tag_num,count", "1,rock,1,3"]
    assert len(ask("--to-csv", world)) == 3
    assert msd("tags", world, "--tag", "rock") == 0
    assert capsys.readouterr().out.splitlines() == [tid(1), tid(2), tid(5)]


def test_tags_names_what_is_not_there(world, capsys):
    assert msd("tags", world / "tags.db", "--tag", "x' OR 1=1 --") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert 'has no tag "x\' OR 1=1 --"' in line


def test_info_prints_ids(world, capsys):
    h5 = ("--path-h5", world / "summary.h5")
    assert msd("info", "track_id", "20", "10", *h5) == 0
    assert msd("info", "track_7digitalid", tid(3), *h5) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"20,{tid(2)}",
        f"10,{tid(1)}",
        f"{tid(3)},30",
    ]


def test_candidates_are_lists_to_go_through(world, capsys):
    words = ("--threshold", "2", "--vocal", "female=100")
    assert msd("candidates", world / "tags.db", world / "new", *words) == 0
    text = (world / "new" / "non_genre_list.txt").read_text()
    assert text == "rock\nseen live\n"
    assert (world / "new" / "female_list.txt").read_text() == "female vocalists\n"
    assert "put a - before" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        msd("candidates", world / "tags.db", world / "x", "--vocal", "rap=200")


def test_clean_tags_writes_a_database_and_what_was_merged(world, capsys):
    clean = world / "clean"
    words = ("--lists", world / "lists", "--threshold", "1", "--sub-threshold", "1")
    assert msd("clean-tags", world / "tags.db", clean, *words) == 1
    assert "2 names belong to two tags: 'gangsta rap'" in capsys.readouterr().err
    words += ("--vocal-first",)
    assert msd("clean-tags", world / "tags.db", clean, *words) == 0
    out = capsys.readouterr().out
    assert "   2        2  hip hop: Hip-Hop" in out
    assert "6 tags, 5 tracks with one" in out
    with (world / "clean.names.csv").open() as file:
        report = list(csv.DictReader(file))
    assert [row["name"] for row in report if row["tag"] == "hip hop"] == [
        "hip hop",
        "Hip-Hop",
    ]
    msd("tags", world / "clean.db", "--popularity")
    lines = capsys.readouterr().out.splitlines()[1:]
    assert lines == ["1,rock,1,3", "2,hip hop,2,1", "3,rap,3,1", "4,female,6,1"]
    rows_counted = ("--count", "rows", "--val", "92")
    msd("clean-tags", world / "tags.db", world / "rows", *words, *rows_counted)
    capsys.readouterr()
    msd("tags", world / "rows.db", "--popularity")
    assert "2,hip hop,2,2" in capsys.readouterr().out


def test_names_can_be_combined_dropped_and_added(world, capsys):
    words = ["--lists", world / "lists", "--threshold", "1", "--vocal-first"]
    corrections = ["--combine", "rock,hip hop", "--drop", "Hip-Hop"]
    corrections += ["--add", "male=seen live,he sings"]
    new = world / "new.db"
    assert msd("clean-tags", world / "tags.db", new, *words, *corrections) == 0
    report = pd.read_csv(world / "new.names.csv")
    names = report.groupby("tag")["name"].agg(list).to_dict()
    assert names["rock"] == ["rock", "hip hop"]
    assert names["male"] == ["male", "seen live", "he sings"]
    assert msd("clean-tags", world / "tags.db", world / "x", "--add", "male") == 1
    assert "TAG=NAME,NAME, got male" in capsys.readouterr().err


def test_clean_tags_works_with_our_own_lists(world, capsys):
    words = ("--threshold", "1", "--sub-threshold", "1", "--exp", "1")
    assert msd("clean-tags", world / "tags.db", world / "own.db", *words) == 0
    msd("tags", world / "own.db", "--popularity")
    assert "seen live" not in capsys.readouterr().out.split("rank")[1]


def test_statistics_prints_and_draws(world, capsys):
    shares, plot = world / "shares.csv", world / "shares.png"
    words = ("--csv", shares, "--plot", plot, "--either")
    assert msd("statistics", world / "tags.db", *words) == 0
    out = capsys.readouterr().out.splitlines()
    assert "hip hop = Hip-Hop (1.00, 1.00)" in out
    assert "seen live -> rock (1.00)" in out
    table = pd.read_csv(shares, index_col="tag")
    assert table.loc["rock", "seen live"] == pytest.approx(2 / 3)
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert msd("statistics", world / "tags.db", "--plot", world / "x.bmp") == 1
    assert "--plot writes .png, .pdf, .svg, not 'x.bmp'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["msd", stage]
        for stage in (
            *("fetch", "silence", "wrangle", "tags", "info", "candidates"),
            *("clean-tags", "statistics", "records", "config"),
        )
    ]
    + [["curate", stage] for stage in ("scan", "silence", "duplicates")],
)
def test_every_stage_explains_itself_with_an_example(words, capsys):
    with pytest.raises(SystemExit) as end:
        cli.run([*words, "-h"])
    assert end.value.code == 0
    assert f"examples:\n  resemul {' '.join(words)}" in capsys.readouterr().out


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from resemul import cli\n"
        "try: cli.run(['msd', 'silence', '-h'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'pandas', 'numpy', 'scipy', 'h5py'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.fixture
def collection(tmp_path, mp3s):
    folder = tmp_path / "music"
    for name, kind in (("a/one", "sound"), ("b/two", "silent"), ("c/three", "sound")):
        path = folder / f"{name}.mp3"
        path.parent.mkdir(parents=True)
        path.write_bytes(mp3s[kind])
    return folder


def test_any_folder_is_scanned(collection, tmp_path):
    output = tmp_path / "files.csv"
    assert cli.run(["curate", "scan", str(collection), str(output)]) == 0
    table = rows(output)
    assert table.columns.tolist() == [
        *("file_path", "file_size", "channels", "clip_length")
    ]
    assert table["file_path"].tolist() == ["a/one.mp3", "b/two.mp3", "c/three.mp3"]


def test_silence_of_any_folder_or_table(collection, tmp_path):
    options = ["--filter-trim-length", "1", "--num-workers", "1"]
    output = tmp_path / "heard.csv"
    assert cli.run(["curate", "silence", str(collection), str(output), *options]) == 0
    assert rows(output)["mp3_path"].tolist() == ["a/one.mp3", "c/three.mp3"]
    table = collection / "my.csv"
    table.write_text("path,tags\nb/two.mp3,x\na/one.mp3,y\n")
    output = tmp_path / "mine.csv"
    assert cli.run(["curate", "silence", str(table), str(output), *options]) == 0
    assert rows(output)["tags"].tolist() == ["y"]


def test_duplicates_of_any_folder_or_table(collection, tmp_path, capsys):
    output = tmp_path / "unique.csv"
    assert cli.run(["curate", "duplicates", str(collection), str(output)]) == 0
    assert len(rows(output)) == 2
    assert "2 of 3 rows left, 1 groups" in capsys.readouterr().out
    table = tmp_path / "my.csv"
    table.write_text("path,artist\na,Ann\nb,ann\nc,Bob\n")
    output = tmp_path / "mine.csv"
    words = ["curate", "duplicates", str(table), str(output), "--by", "artist"]
    assert cli.run(words) == 0
    assert len(rows(output)) == 2
    words[2] = str(collection)
    words[3] = str(tmp_path / "x.csv")
    assert cli.run(words) == 1
    assert "a folder has no columns" in capsys.readouterr().err


def test_config_is_written_and_translated(tmp_path, capsys):
    output = tmp_path / "runs"
    assert msd("config", output, "top=10", "without=rap,00s", "n_filters=8") == 0
    content = json.loads((output / "config.json").read_text())
    assert content["tags"]["top"] == 10
    assert content["tags"]["without"] == ["rap", "00s"]
    assert content["model"]["n_filters"] == 8
    assert "build:  resemul build --dataset msd --top 10" in capsys.readouterr().out
    assert msd("config", output) == 2
    assert "not overwritten" in capsys.readouterr().err
    words = ("--from", output / "config.json", "--as", "resemul")
    assert msd("config", tmp_path / "ours.json", *words) == 1
    assert "needs --front-end" in capsys.readouterr().err
    words += ("--front-end", "log-mel-spectrogram")
    assert msd("config", tmp_path / "ours.json", *words) == 0
    ours = json.loads((tmp_path / "ours.json").read_text())
    assert ours["model"] == "pons_log_mel"
    assert ours["model_options"]["channels"] == 8
    saved = tmp_path / "all.json"
    words = ["train", "--config", tmp_path / "ours.json", "--save-config", saved]
    assert cli.run(list(map(str, words))) == 0
    assert json.loads(saved.read_text())["training"]["batch_size"] == 32


def test_train_reads_the_original_for_the_model_that_is_named(tmp_path, capsys):
    theirs, saved = tmp_path / "theirs.json", tmp_path / "saved.json"
    assert msd("config", theirs, "batch_size=7", "n_mels=48") == 0
    words = ["train", "--config", str(theirs), "--save-config", str(saved)]
    assert cli.run(words) == 1
    assert "is for pons_waveform or pons_log_mel" in capsys.readouterr().err
    assert cli.run([*words, "--model", "pons_log_mel", "--epochs", "3"]) == 0
    content = json.loads(saved.read_text())
    assert content["model_options"]["num_bands"] == 48
    assert content["training"]["batch_size"] == 7
    assert content["training"]["max_epochs"] == 3
    assert content["training"]["monitor"] == "val_pr_auc"


def test_config_takes_a_split_as_numbers(tmp_path, capsys):
    output = tmp_path / "c.json"
    assert msd("config", output, "split=80,10,10", "early_stop_patience=null") == 0
    content = json.loads(output.read_text())["config"]
    assert content["split"] == [80, 10, 10]
    assert content["early_stop_patience"] is None
    assert msd("config", tmp_path / "d.json", "split=80,x") == 1
    assert "split has two or three numbers" in capsys.readouterr().err


def test_config_names_what_it_does_not_know(tmp_path, capsys):
    assert msd("config", tmp_path / "x.json", "speed=9") == 1
    assert "there is no 'speed'" in capsys.readouterr().err
    assert msd("config", tmp_path / "x.json", "speed") == 1
    assert "settings are NAME=VALUE" in capsys.readouterr().err


def test_the_tracks_are_a_data_set(world, capsys):
    assert wrangle(world, fetch(world), "--order", "match,mismatches,unreadable") == 0
    words = ("--lists", world / "lists", "--threshold", "1", "--vocal-first")
    msd("clean-tags", world / "tags.db", world / "clean.db", *words)
    capsys.readouterr()
    words = ["describe", "--dataset", "msd", "--annotations", world / "ultimate.csv"]
    words += ["--audio-dir", world / "previews #1", "--tag-db", world / "clean.db"]
    words += ["--top", "2", "--split", "random", "--keep-untagged", "--json"]
    assert cli.run(list(map(str, words))) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["dataset"] == "msd"
    assert result["tags"] == ["rock", "hip hop"]
    # 1, 2, 5 and 6 have a tag that is learned; 8 has none at all.
    assert sum(split["clips"] for split in result["splits"].values()) == 5
    assert sum(split["untagged"] for split in result["splits"].values()) == 1


def test_records_of_whole_tracks_are_written(world, capsys):
    assert wrangle(world, fetch(world), "--order", "match,unreadable") == 0
    words = ("--lists", world / "lists", "--threshold", "1", "--vocal-first")
    msd("clean-tags", world / "tags.db", world / "clean.db", *words)
    capsys.readouterr()
    words = ("--csv-path", world / "ultimate.csv", "--tag-path", world / "clean.db")
    words += ("--root-dir", world / "previews #1", "-n", "2", "--num-workers", "1")
    assert msd("records", "waveform", world / "records", *words, "-i", "2", "2") == 0
    assert msd("records", "waveform", world / "records", *words) == 0
    # 1, 2, 5, 6 and 7 have a tag; 8 has none.
    out = capsys.readouterr().out
    assert "records: 1 files" in out
    assert "records: 2 files, 5 tracks" in out
    assert f"left out: 1; the first: {tid(8)}: it has no tag" in out


def test_names_are_no_formulas_for_spreadsheets(world):
    with sqlite3.connect(world / "tags.db") as connection:
        connection.execute("UPDATE tags SET tag = '=1+1' WHERE tag = 'rock'")
    connection.close()
    words = ("--threshold", "1", "--sub-threshold", "1")
    assert msd("clean-tags", world / "tags.db", world / "clean.db", *words) == 0
    assert "1,'=1+1,'=1+1,3" in (world / "clean.names.csv").read_text()


def test_what_cannot_be_written_is_one_line(world, capsys, monkeypatch):
    from resemul.runtime import files

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    fetched = fetch(world)
    monkeypatch.setattr(files, "atomic_write", full)
    capsys.readouterr()
    h5 = ("--path-h5", world / "summary.h5")
    assert msd("wrangle", fetched, world / "x", *h5) == 1
    assert "x.csv cannot be written: [Errno 28] No space" in capsys.readouterr().err
    assert msd("config", world / "x.json") == 1
    assert "x.json cannot be written" in capsys.readouterr().err
