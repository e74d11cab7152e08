import json
import sqlite3

import numpy as np
import pandas as pd
import pytest

from resemul.curation.lastfm_backends import MemoryTags, SqliteTags
from resemul.curation.lastfm_files import (
    open_tags,
    read_csv_tables,
    read_json,
    write_database,
)
from resemul.errors import ConfigError, DatasetError, UnknownNameError

INJECTION = "x'; DROP TABLE tags; --"
TAGS = ["rock", "pop", INJECTION, "null", "unused", "2008"]
# Track 3 has no id, as in a clean database; track 4 no tags.
TIDS = ["TRA", "TRB", None, "TRD"]
PAIRS = [(1, 2, 100), (2, 1, 60), (1, 3, 50), (2, 3, 0), (1, 4, 5), (3, 6, 9)]


def write(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE tags (tag TEXT)")
        connection.execute("CREATE TABLE tids (tid TEXT)")
        connection.execute("CREATE TABLE tid_tag (tid INT, tag INT, val FLOAT)")
        connection.executemany("INSERT INTO tags VALUES (?)", [(tag,) for tag in TAGS])
        connection.executemany("INSERT INTO tids VALUES (?)", [(tid,) for tid in TIDS])
        connection.executemany("INSERT INTO tid_tag VALUES (?, ?, ?)", PAIRS)
    connection.close()
    return path


@pytest.fixture
def database(tmp_path):
    return write(tmp_path / "tags#1?.db")


@pytest.fixture(params=["sqlite", "memory", "csv"])
def tags(request, database, tmp_path):
    if request.param == "csv":
        folder = tmp_path / "csv"
        folder.mkdir()
        with SqliteTags(database) as stored:
            stored.db_to_csv(folder)
        database = folder
    with open_tags(database, in_memory=request.param == "memory") as opened:
        yield opened


def test_names_and_numbers_are_found_both_ways(tags):
    assert tags.tid_to_tid_num("TRB") == 2
    assert tags.tid_to_tid_num(["TRD", "TRA", "TRD"]) == [4, 1, 4]
    assert tags.tid_num_to_tid(np.int64(4)) == "TRD"
    assert tags.tid_num_to_tid(np.array([2, 1])) == ["TRB", "TRA"]
    assert tags.tid_num_to_tid(3) is None
    assert tags.tag_to_tag_num("pop") == 2
    assert tags.tag_to_tag_num(pd.Series(["unused", "null"])) == [5, 4]
    assert tags.tag_num_to_tag((6, 2)) == ["2008", "pop"]


def test_tags_of_a_track_are_in_stored_order(tags):
    assert tags.tid_num_to_tag_nums(1) == [2, 3, 4]
    assert tags.tid_num_to_tag_nums([2, 4]) == [[1, 3], []]
    assert tags.tid_num_to_tags(2) == ["rock", INJECTION]
    assert tags.query_tags("TRA") == ["pop", INJECTION, "null"]
    assert tags.query_tags(["TRB", "TRD"]) == [["rock", INJECTION], []]
    assert tags.query_tags_dict(["TRB"]) == {"TRB": ["rock", INJECTION]}


def test_counts_over_tracks(tags):
    assert tags.tag_count(["TRA", "TRB", "TRA"]) == {
        INJECTION: 2,
        "pop": 1,
        "null": 1,
        "rock": 1,
    }
    assert tags.tid_tag_count(["TRD", "TRA"]) == {"TRD": 0, "TRA": 3}
    assert tags.filter_tags(["TRB", "TRD", "TRA"], 2) == ["TRB", "TRA"]


def test_tracks_with_a_tag(tags):
    assert tags.with_tag(INJECTION) == ["TRA", "TRB"]
    assert tags.with_tag("unused") == []
    assert tags.with_tag("2008") == []  # its only track has no id


def test_all_of_a_table(tags):
    assert tags.get_tags() == TAGS
    assert tags.get_tag_nums() == [1, 2, 3, 4, 5, 6]
    assert tags.get_tids() == ["TRA", "TRB", "TRD"]
    assert tags.get_tid_nums() == [1, 2, 4]
    pairs = tags.fetch_all_tids_tags()
    assert pairs.columns.tolist() == ["tid", "tag"]
    assert pairs.to_numpy().tolist() == [list(pair[:2]) for pair in PAIRS]
    above = tags.fetch_all_tids_tags_threshold(50)
    assert above.to_numpy().tolist() == [[1, 2], [2, 1]]
    assert len(tags.fetch_all_tids_tags_threshold()) == 5


def test_popularity_breaks_ties_by_number(tags):
    table = tags.popularity()
    assert table.columns.tolist() == ["tag", "tag_num", "count"]
    assert table.index.tolist() == [1, 2, 3, 4, 5]
    assert table["tag_num"].tolist() == [3, 1, 2, 4, 6]
    assert table["count"].tolist() == [2, 1, 1, 1, 1]
    assert table["tag"].tolist()[:2] == [INJECTION, "rock"]
    assert tags.pop is tags.pop


@pytest.mark.parametrize(
    ("method", "key", "said"),
    [
        ("tid_to_tid_num", ["TRA", "TRX"], "no track 'TRX'"),
        ("query_tags", "TRX", "no track 'TRX'"),
        ("query_tags", ["TRX"], "no track 'TRX'"),
        ("tag_to_tag_num", "' OR 1=1 --", 'no tag "\' OR 1=1 --"'),
        ("with_tag", "Rock", "no tag 'Rock'"),
        ("tag_num_to_tag", 7, "no tag number 7"),
        ("tid_num_to_tid", 0, "no track number 0"),
        ("tid_num_to_tags", 2**70, f"no track number {2**70}"),
        ("tid_num_to_tag_nums", [1, 9], "no track number 9"),
    ],
)
def test_what_is_not_there_is_named(tags, method, key, said):
    with pytest.raises(KeyError) as error:
        getattr(tags, method)(key)
    assert said in str(error.value)
    assert isinstance(error.value, UnknownNameError)


def test_both_back_ends_agree_on_equal_rows_gaps_and_orphans(tmp_path):
    path = tmp_path / "odd.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE tags (tag TEXT)")
        connection.execute("CREATE TABLE tids (tid TEXT)")
        connection.execute("CREATE TABLE tid_tag (tid INT, tag INT)")
        connection.executemany(
            "INSERT INTO tags (rowid, tag) VALUES (?, ?)",
            [(2, "rock"), (5, "rock"), (9, "")],
        )
        connection.executemany(
            "INSERT INTO tids (rowid, tid) VALUES (?, ?)", [(3, "TRA"), (8, "TRB")]
        )
        connection.executemany(
            "INSERT INTO tid_tag VALUES (?, ?)",
            [(8, 2), (8, 2), (3, 77), (None, 2), (3, None), (3, 9)],
        )
    connection.close()
    with SqliteTags(path) as stored:
        memory = MemoryTags.load(stored)
        for tags in (stored, memory):
            assert tags.tag_to_tag_num("rock") == 2
            assert tags.query_tags("TRB") == ["rock", "rock"]
            assert tags.query_tags("TRA") == [""]
            assert tags.with_tag("rock") == ["TRB"]
            assert tags.popularity()["count"].tolist() == [2, 1]
            with pytest.raises(DatasetError, match="no values"):
                tags.fetch_all_tids_tags_threshold(1)
        pd.testing.assert_frame_equal(stored.pairs(), memory.pairs())


def test_the_database_is_opened_for_reading_only(database):
    with SqliteTags(database) as tags, pytest.raises(sqlite3.OperationalError):
        tags._connection.execute("DELETE FROM tags")


def test_files_that_are_no_databases_are_named(tmp_path):
    with pytest.raises(DatasetError, match="does not exist"):
        open_tags(tmp_path / "no.db")
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"SQLite format 3\x00" + bytes(200))
    with pytest.raises(DatasetError, match=r"broken.db is not an SQLite database"):
        open_tags(broken)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE tags (name TEXT)")
    connection.close()
    with pytest.raises(DatasetError, match=r"no column tags.tag"):
        open_tags(other)


def test_a_damaged_database_is_an_error_when_it_is_read(tmp_path):
    path = tmp_path / "cut.db"
    names = pd.DataFrame({"tag": [f"tag {n}" for n in range(5000)]})
    names.index += 1
    pairs = pd.DataFrame({"tid": [1] * 5000, "tag": range(1, 5001)})
    tids = pd.DataFrame({"tid": ["TRA"]}, index=[1])
    write_database(path, names, tids, pairs)
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\x55" * (len(whole) - 8192))
    with open_tags(path) as tags, pytest.raises(DatasetError, match=r"cut.db cannot"):
        MemoryTags.load(tags)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=r"cut.db is not an SQLite database"):
        open_tags(path)


def test_a_database_is_written_with_its_numbers(tmp_path, database):
    path = tmp_path / "new.db"
    with SqliteTags(database) as tags:
        write_database(path, tags.tag_table(), tags.tid_table(), tags.pairs())
        with SqliteTags(path) as copy:
            for table in ("tag_table", "tid_table", "pairs", "popularity"):
                pd.testing.assert_frame_equal(
                    getattr(copy, table)(), getattr(tags, table)()
                )
    assert [file.name for file in tmp_path.iterdir() if "part" in file.name] == []
    with pytest.raises(ConfigError, match="cannot be written"):
        write_database(tmp_path / "no" / "x.db", *[pd.DataFrame()] * 3)


def test_csv_tables_count_from_0_without_a_name_for_the_index(tmp_path, database):
    with SqliteTags(database) as tags:
        paths = tags.db_to_csv()
    assert [path.parent for path in paths] == [tmp_path] * 3
    lines = (tmp_path / "lastfm_tids.csv").read_text().splitlines()
    assert lines == ["tid", "0,TRA", "1,TRB", "2,", "3,TRD"]
    assert (
        (tmp_path / "lastfm_tid_tag.csv").read_text().startswith("tid,tag,val\n0,1,2")
    )
    assert read_csv_tables(tmp_path).get_tag_nums()[0] == 1


def json_file(folder, tid, tags):
    path = folder / tid[2] / tid[3] / tid[4] / f"{tid}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"track_id": tid, "tags": tags, "similars": []}))


def test_json_files_are_read_in_order(tmp_path):
    json_file(tmp_path, "TRBBB1", [["pop", "100"], ["rock", "0"]])
    json_file(tmp_path, "TRAAA1", [["rock", "100"]])
    json_file(tmp_path, "TRAAA2", [])
    (tmp_path / "A" / "broken.json").write_text('{"track_id": "TRX", "tags"')
    tags = read_json(tmp_path)
    assert tags.get_tids() == ["TRAAA1", "TRBBB1"]
    assert tags.get_tags() == ["rock", "pop"]
    assert tags.query_tags("TRBBB1") == ["pop", "rock"]
    assert len(tags.fetch_all_tids_tags_threshold(0)) == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="no JSON file"):
        open_tags(tmp_path / "empty")


def test_lines_of_json_skip_repeated_tracks(tmp_path):
    line = json.dumps({"track_id": "TRA", "tags": [["a", "1"]]})
    path = tmp_path / "x.jsonl"
    path.write_text(f"{line}\n\n{line}\n[1, 2]\n")
    tags = open_tags(path)
    assert tags.get_tids() == ["TRA"]
    assert len(tags.pairs()) == 1


def test_real_excerpt_gives_the_same_answers_from_both(real_data, tmp_path):
    memory = open_tags(real_data / "lastfm_subset_excerpt.jsonl")
    path = tmp_path / "real.db"
    write_database(path, memory.tag_table(), memory.tid_table(), memory.pairs())
    with SqliteTags(path) as stored:
        for tags in (memory, stored):
            assert len(tags.get_tids()) == 13  # of 16; the others have no tag
            found = tags.query_tags("TRAAABD128F429CF47")
            assert found[:3] == ["60s", "soul", "pop"]
            assert len(found) == 23
        pd.testing.assert_frame_equal(stored.popularity(), memory.popularity())
        tids = memory.get_tids()
        assert stored.query_tags_dict(tids) == memory.query_tags_dict(tids)
        assert stored.tag_count(tids) == memory.tag_count(tids)
