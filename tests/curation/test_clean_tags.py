import numpy as np
import pandas as pd
import pytest

from resemul.configs.curation import CleaningConfig
from resemul.curation.clean_tags import (
    CleanTags,
    apply_rules,
    clean_tags,
    merge_report,
    number_names,
)
from resemul.curation.lastfm_backends import MemoryTags, SqliteTags
from resemul.curation.lastfm_files import numbered, write_database
from resemul.curation.tag_names import generate_final_frame
from resemul.errors import ConfigError, DatasetError

FRAME = pd.DataFrame(
    {
        "tag": ["Rock", "pop", "female"],
        "merge_tags": [["ROCK"], [], ["female vocalists", "not in the db"]],
    }
)


def raw_tags(**options):
    pairs = [(1, 1, 100), (1, 2, 60), (1, 3, 40), (2, 4, 100), (3, 5, 10), (4, 5, 100)]
    return MemoryTags(
        numbered(["ROCK", "Rock", "seen live", "female vocalists", "pop"], "tag"),
        numbered(["TRA", "TRB", None, "TRD", "TRE"], "tid"),
        pd.DataFrame(pairs, columns=["tid", "tag", "val"]),
        **options,
    )


def test_names_become_the_number_of_their_row():
    assert number_names(FRAME)["ROCK"] == 1
    assert number_names(FRAME)["female vocalists"] == 3


def test_tracks_keep_their_places_and_lose_their_ids_without_a_tag():
    clean = clean_tags(raw_tags(), FRAME)
    assert clean.tags["tag"].tolist() == ["rock", "pop", "female"]
    assert clean.tags.index.tolist() == [1, 2, 3]
    # The input's null stays one: as many rows as before, not as many ids.
    assert clean.tids["tid"].tolist() == ["TRA", "TRB", None, "TRD", None]
    assert clean.tid_tag.columns.tolist() == ["tid", "tag"]
    assert clean.tid_tag.to_numpy().tolist() == [[1, 1], [2, 3], [4, 2]]
    assert clean.num_tracks == 3


def test_a_listed_name_that_no_track_has_is_reported():
    assert clean_tags(raw_tags(), FRAME).absent == ["female", "not in the db"]


def test_equal_rows_are_written_once_or_as_published():
    assert len(clean_tags(raw_tags(), FRAME).tid_tag) == 3
    rows = clean_tags(raw_tags(), FRAME, count="rows").tid_tag
    assert rows.to_numpy().tolist() == [[1, 1], [1, 1], [2, 3], [4, 2]]
    with pytest.raises(ConfigError, match="tracks, rows"):
        clean_tags(raw_tags(), FRAME, count="names")


def test_values_have_to_be_above_the_limit():
    clean = clean_tags(raw_tags(), FRAME, min_value=60)
    assert clean.tid_tag.to_numpy().tolist() == [[1, 1], [2, 3], [4, 2]]
    clean = clean_tags(raw_tags(), FRAME, min_value=100)
    assert clean.tid_tag.empty
    assert clean.tids["tid"].isna().all()


def test_a_name_of_two_tags_is_an_error():
    frame = pd.DataFrame({"tag": ["a", "b"], "merge_tags": [["x"], ["x"]]})
    with pytest.raises(DatasetError, match=r"'x' \(a and b\); put a -"):
        clean_tags(raw_tags(), frame)
    frame = pd.DataFrame({"tag": ["Rap", "rap"], "merge_tags": [[], []]})
    with pytest.raises(DatasetError, match="two clean tags would be called 'rap'"):
        clean_tags(raw_tags(), frame)


def test_a_clean_database_is_the_same_from_both_back_ends(tmp_path):
    raw = raw_tags()
    path = tmp_path / "raw.db"
    write_database(path, raw.tag_table(), raw.tid_table(), raw.pairs())
    with SqliteTags(path) as stored:
        one, other = clean_tags(raw, FRAME, 50), clean_tags(stored, FRAME, 50)
    for table in ("tags", "tids", "tid_tag"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table))
    write_database(tmp_path / "clean.db", one.tags, one.tids, one.tid_tag)
    with SqliteTags(tmp_path / "clean.db") as clean:
        assert clean.popularity()["tag"].tolist() == ["rock", "pop", "female"]
        assert clean.query_tags("TRA") == ["rock"]
        assert clean.get_tid_nums() == [1, 2, 4]


def test_tags_without_a_track_keep_their_number():
    frame = pd.concat(
        [pd.DataFrame({"tag": ["unheard"], "merge_tags": [[]]}), FRAME],
        ignore_index=True,
    )
    clean = clean_tags(raw_tags(), frame)
    assert clean.tags["tag"].tolist() == ["unheard", "rock", "pop", "female"]
    assert clean.tid_tag["tag"].tolist() == [2, 4, 3]


def test_the_report_lists_every_name_with_its_count():
    report = merge_report(FRAME, raw_tags().popularity())
    assert report.to_numpy().tolist() == [
        [1, "rock", "Rock", 1],
        [1, "rock", "ROCK", 1],
        [2, "pop", "pop", 2],
        [3, "female", "female", 0],
        [3, "female", "female vocalists", 1],
        [3, "female", "not in the db", 0],
    ]


def test_rules_change_tracks_of_tags_that_go_together():
    pairs = pd.DataFrame({"tid": [1, 1, 2, 3], "tag": [1, 2, 1, 2]})
    clean = CleanTags(
        numbered(["x", "y"], "tag"), numbered(["A", "B", "C"], "tid"), pairs, []
    )
    shares = np.array([[1.0, 0.9], [0.5, 1.0]])

    def after(rule):
        found = apply_rules(clean, shares, rule, 0.8)
        rows = found.tid_tag.sort_values(["tid", "tag"]).to_numpy().tolist()
        return rows, found.tids["tid"].tolist()

    assert after(1) == ([[1, 1], [1, 2], [2, 1], [2, 2], [3, 2]], ["A", "B", "C"])
    assert after(2) == ([[1, 1], [2, 1], [3, 2]], ["A", "B", "C"])
    assert after(3) == ([[1, 2], [2, 1], [3, 2]], ["A", "B", "C"])
    with pytest.raises(ConfigError, match="1, 2 or 3"):
        apply_rules(clean, shares, 4)


@pytest.fixture(scope="module")
def real_top_50(real_data):
    """The tags of 41,174 real tracks, of the 50 most frequent names."""
    with np.load(real_data / "lastfm_top50_labels.npz") as stored:
        names = stored["tags"].tolist()
        tids = stored["track_ids"].tolist()
        labels = np.unpackbits(stored["labels"], axis=1)[:, : len(names)]
    rows, columns = np.nonzero(labels)
    pairs = pd.DataFrame({"tid": rows + 1, "tag": columns + 1})
    return MemoryTags(numbered(names, "tag"), numbered(tids, "tid"), pairs)


def test_real_names_of_one_tag_count_once_a_track(real_data, real_top_50):
    folder = real_data / "tag_lists"
    table = real_top_50.popularity()
    frame = generate_final_frame(table, CleaningConfig(lists=folder, threshold=1))
    for count, expected in (("tracks", 3_128), ("rows", 3_224)):
        clean = clean_tags(real_top_50, frame, count=count)
        number = clean.tags.index[clean.tags["tag"] == "female"][0]
        assert (clean.tid_tag["tag"] == number).sum() == expected
    assert len(clean.tids) == 41_174
