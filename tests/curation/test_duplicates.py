import pandas as pd
import pytest

from resemul.curation.duplicates import (
    drop_groups,
    group_by_columns,
    group_by_content,
)
from resemul.errors import DatasetError

SONGS = pd.DataFrame(
    {
        "artist": ["Ann", "ann ", "Bob", "Cy", None, None],
        "title": ["One", "one", "One", "One", "Two", "Two"],
        "song": ["s1", "s2", "s3", "s2", "s4", None],
    },
    index=[10, 11, 12, 13, 14, 15],
)


def test_rows_are_linked_by_any_key_and_through_each_other():
    assert group_by_columns(SONGS, [["artist", "title"]]) == [[0, 1]]
    groups = group_by_columns(SONGS, [["artist", "title"], ["song"]])
    assert groups == [[0, 1, 3]]


def test_what_is_missing_agrees_with_nothing():
    assert group_by_columns(SONGS[4:], [["artist", "title"], ["song"]]) == []
    assert group_by_columns(SONGS, []) == []
    with pytest.raises(DatasetError, match="no column isrc"):
        group_by_columns(SONGS, [["isrc"]])


def test_files_are_the_same_byte_by_byte(tmp_path):
    contents = {"a": b"xx", "b": b"yy", "c": b"xx", "d": b"", "e": b"", "f": b"yyy"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in [*contents, "missing"]]
    assert group_by_content(paths) == [[0, 2]]


def test_one_row_of_each_group_stays():
    kept = drop_groups(SONGS, [[0, 1, 3]])
    assert len(kept) == 4
    assert {12, 14, 15} < set(kept.index)
    assert drop_groups(SONGS, []).equals(SONGS)
