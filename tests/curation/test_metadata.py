import sqlite3

import numpy as np
import pytest
from curation_world import track_id

from resemul.curation.metadata import Metadata
from resemul.errors import ConfigError, DatasetError, UnknownNameError


@pytest.fixture
def metadata(tmp_path, write_summary):
    summary = write_summary(
        [(number, track_id(n), 0) for n, number in enumerate((71, 72, 73, 79, 79), 1)]
    )
    path = tmp_path / "meta#1.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (track_id, title, song_id, year)")
        connection.executemany(
            "INSERT INTO songs VALUES (?, ?, ?, ?)",
            [(track_id(n), f"title {n}", f"SO{n % 2}", 1990 + n) for n in (1, 2, 3)],
        )
    connection.close()
    return Metadata(summary, path)


def test_ids_are_found_both_ways_one_or_several(metadata):
    assert metadata.get_trackid_from_7digitalid(72) == track_id(2)
    found = metadata.get_trackid_from_7digitalid([np.int64(73), "71"])
    assert found == [track_id(3), track_id(1)]
    assert metadata.get_7digitalid_from_trackid(track_id(3)) == 73
    assert metadata.get_7digitalid_from_trackid([track_id(3), track_id(3)]) == [73, 73]


def test_ids_that_are_not_there_or_ambiguous_are_named(metadata):
    with pytest.raises(KeyError, match=r"no song has the id 5$"):
        metadata.get_trackid_from_7digitalid([71, 5])
    with pytest.raises(UnknownNameError, match="2 songs have the id 79"):
        metadata.get_trackid_from_7digitalid(79)
    with pytest.raises(UnknownNameError, match="no song has the id TRX"):
        metadata.get_7digitalid_from_trackid("TRX")


def test_attributes_are_found_by_every_kind_of_id(metadata):
    assert metadata.get_attribute("title", 72) == "title 2"
    # The original's own example has the number as text, and failed.
    assert metadata.get_attribute("title", "72") == "title 2"
    assert metadata.get_attribute("year", [track_id(3), track_id(1)]) == [1993, 1991]
    assert metadata.get_attribute("title", "SO1") == "title 1"


def test_nothing_of_the_user_is_pasted_into_a_query(metadata):
    with pytest.raises(ConfigError, match="attribute must be one of"):
        metadata.get_attribute("title FROM songs; DROP TABLE songs; --", 71)
    with pytest.raises(UnknownNameError, match="no song has the id TR"):
        metadata.get_attribute("title", "TR' OR '1'='1")
    assert metadata.get_attribute("title", 71) == "title 1"


def test_mixed_or_odd_ids_are_refused(metadata):
    with pytest.raises(ConfigError, match="all of one kind"):
        metadata.get_attribute("title", [71, track_id(1)])
    with pytest.raises(ConfigError, match=r"a whole number, got '7\.1'"):
        metadata.get_trackid_from_7digitalid(["7.1"])


def test_missing_and_broken_files_are_named(tmp_path, write_summary):
    summary = write_summary([(1, track_id(1), 0)])
    with pytest.raises(ConfigError, match="--path-db"):
        Metadata(summary).get_attribute("title", 1)
    with pytest.raises(ConfigError, match="--path-h5"):
        Metadata().get_trackid_from_7digitalid(1)
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"SQLite format 3\x00" + bytes(50))
    with pytest.raises(DatasetError, match=r"broken.db is not an SQLite database"):
        Metadata(summary, broken).get_attribute("title", 1)
    empty = tmp_path / "empty.db"
    empty.touch()
    with pytest.raises(DatasetError, match=r"empty.db cannot be read: no such table"):
        Metadata(summary, empty).get_attribute("title", 1)
