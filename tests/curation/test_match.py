import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from curation_world import track_id

from resemul.configs.curation import STEPS
from resemul.curation.match import (
    Lists,
    choose_duplicates,
    drop_repeated,
    match_tracks,
    read_duplicates,
    read_mismatches,
    read_summary,
    wrangle,
)
from resemul.errors import ConfigError, DatasetError


def files(*numbers, **columns):
    table = pd.DataFrame({"track_7digitalid": numbers})
    table["file_path"] = [f"{number}.clip.mp3" for number in numbers]
    for name, default in (("file_size", 10), ("channels", 2), ("clip_length", 30.0)):
        table[name] = columns.get(name, [default] * len(numbers))
    return table


def songs(*numbers):
    return pd.DataFrame(
        {
            "track_7digitalid": numbers,
            "track_id": [track_id(number) for number in numbers],
            "year": [0] * len(numbers),
        }
    )


def test_the_summary_file_gives_ids_and_years(write_summary):
    path = write_summary([(7, track_id(1), 1999), (5, track_id(2), 0)])
    table = read_summary(path)
    assert table.columns.tolist() == ["track_7digitalid", "track_id", "year"]
    assert table.to_numpy().tolist() == [[7, track_id(1), 1999], [5, track_id(2), 0]]


def test_text_of_any_length_is_read(tmp_path, write_summary):
    import h5py

    path = write_summary([(7, track_id(1), 1999)])
    with h5py.File(path, "a") as file:
        del file["analysis/songs"]
        kind = [("track_id", h5py.string_dtype())]
        file["analysis/songs"] = np.array([(track_id(5),)], kind)
    assert read_summary(path)["track_id"].tolist() == [track_id(5)]


def test_a_broken_summary_file_is_one_error(tmp_path, write_summary):
    path = tmp_path / "broken.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(DatasetError, match=r"broken.h5 cannot be read"):
        read_summary(path)
    whole = write_summary([(7, track_id(1), 1999)]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=r"broken.h5 cannot be read"):
        read_summary(path)
    with pytest.raises(DatasetError, match="does not exist"):
        read_summary(tmp_path / "no.h5")


def test_a_summary_file_without_its_tables_says_what_is_missing(tmp_path):
    import h5py

    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["songs"] = np.zeros(3)
    with pytest.raises(DatasetError, match="track_7digitalid in metadata/songs"):
        read_summary(tmp_path / "x.h5")


def test_tables_of_different_lengths_are_refused(write_summary):
    path = write_summary([(7, track_id(1), 1999)], tracks=[track_id(1), track_id(2)])
    with pytest.raises(DatasetError, match="different lengths"):
        read_summary(path)


def test_files_are_matched_in_the_summarys_order():
    table = match_tracks(files(3, 1, 9), songs(1, 2, 3))
    assert table["track_7digitalid"].tolist() == [1, 3]
    assert table.columns.tolist()[:4] == [
        "track_id",
        "track_7digitalid",
        "year",
        "file_path",
    ]


def test_missing_ids_match_nothing_not_each_other():
    table = match_tracks(
        files(1, np.nan), songs(1, 2).assign(track_id=["", track_id(2)])
    )
    assert table.empty


def test_all_rows_of_a_repeated_id_are_dropped():
    both = pd.DataFrame(
        {"track_7digitalid": [1, 1, 2, 3, 4], "track_id": list("abccd")}
    )
    assert drop_repeated(both)["track_id"].tolist() == ["d"]


def test_mismatches_take_the_first_track_id_of_a_line(tmp_path):
    path = tmp_path / "mismatches.txt"
    lines = [
        f"ERROR: <SOAAAAA12AB0182807 {track_id(n)}> A  -  B  !=  {track_id(9)}  -  C"
        for n in (1, 2, 1)
    ]
    path.write_text("\n".join(["no id here", *lines]))
    assert read_mismatches(path) == [track_id(1), track_id(2)]
    path.write_text("nothing")
    with pytest.raises(DatasetError, match="no track id"):
        read_mismatches(path)


def test_groups_begin_at_their_marks_however_long_the_header_is(tmp_path):
    path = tmp_path / "duplicates.txt"
    groups = f"%1 A - B\n{track_id(1)}\n{track_id(2)}\n%2 C - D\n{track_id(3)}\n"
    for header in ("", "# one\n", "# x\n" * 6, "# x\n" * 9):
        path.write_text(header + groups)
        assert read_duplicates(path) == [[track_id(1), track_id(2)], [track_id(3)]]


@pytest.mark.parametrize("text", ["# only comments\n", f"{track_id(1)}\n%1\n", "%1\nx"])
def test_a_file_that_is_no_list_of_duplicates_is_refused(tmp_path, text):
    path = tmp_path / "duplicates.txt"
    path.write_text(text)
    with pytest.raises(DatasetError, match=r"%|a track id"):
        read_duplicates(path)


def test_the_only_present_member_of_a_group_stays():
    assert choose_duplicates([["a", "b"]], ["a", "z"]) == set()


def test_one_of_each_group_is_drawn_with_the_legacy_generator():
    groups = [["a", "b", "c"], ["x", "gone"], ["d", "e"], ["f", "g"]]
    random = np.random.RandomState(42)
    kept = {
        "abc"[random.randint(3)],
        "x",
        "de"[random.randint(2)],
        "fg"[random.randint(2)],
    }
    present = set("abcxdefg")
    assert present - choose_duplicates(groups, present) == kept
    assert kept == {"c", "x", "e", "f"}


def test_groups_that_share_a_track_keep_one_at_least():
    groups = [["a", "b"], ["b", "c"]]
    left = set("abc") - choose_duplicates(groups, "abc")
    assert left


def test_every_step_counts_the_rows_left():
    table = files(1, 2, 2, 3, 4, 5, 6, 7, 99)
    table.loc[4, "file_size"] = 0
    table.loc[5, "clip_length"] = np.nan
    lists = Lists(
        songs(*range(1, 9)),
        mismatches=[track_id(3)],
        tagged={track_id(n) for n in (1, 6, 7)},
        duplicates=[[track_id(6), track_id(7)]],
    )
    result, steps = wrangle(table, lists)
    assert steps == [
        ("input", 9),
        ("match", 8),
        ("repeated", 6),
        ("mismatches", 5),
        ("empty", 4),
        ("unreadable", 3),
        ("tags", 3),
        ("duplicates", 2),
    ]
    assert result["track_7digitalid"].tolist() == [1, 6]
    assert result.columns.tolist() == [
        *("track_id", "track_7digitalid", "year", "file_path", "file_size"),
        *("channels", "clip_length"),
    ]
    assert result.index.tolist() == [0, 1]


def test_steps_whose_list_is_not_given_are_left_out():
    _, steps = wrangle(files(1), Lists(songs(1)))
    assert [name for name, _ in steps[1:]] == ["match", *STEPS[1:2], *STEPS[3:5]]


def test_a_table_that_was_matched_before_needs_no_summary():
    matched, _ = wrangle(files(1, 2), Lists(songs(1, 2)))
    duplicates = [[track_id(1), track_id(2)]]
    result, steps = wrangle(matched, Lists(duplicates=duplicates), ("duplicates",))
    assert steps == [("input", 2), ("duplicates", 1)]
    assert result.columns.tolist() == matched.columns.tolist()


def test_duplicates_can_be_chosen_before_or_after_another_step():
    duplicates = [[track_id(1), track_id(2)]]
    lists = Lists(songs(1, 2), [track_id(1)], duplicates=duplicates)
    last, _ = wrangle(files(1, 2), lists)
    assert last["track_id"].tolist() == [track_id(2)]
    order = ("match", "duplicates", "mismatches")
    assert wrangle(files(1, 2), lists, order)[0].empty


def test_wrong_orders_and_tables_are_refused():
    with pytest.raises(ConfigError, match="each of match, repeated"):
        wrangle(files(1), Lists(songs(1)), ("match", "match"))
    with pytest.raises(ConfigError, match="each of match, repeated"):
        wrangle(files(1), Lists(songs(1)), ("magic",))
    with pytest.raises(ConfigError, match="--path-h5"):
        wrangle(files(1), Lists())
    with pytest.raises(DatasetError, match="no column clip_length"):
        wrangle(files(1).drop(columns="clip_length"), Lists(songs(1)))


@pytest.fixture(scope="module")
def real_files(real_data: Path) -> pd.DataFrame:
    with gzip.open(real_data / "msd_7digital_ids.csv.gz") as file:
        ids = pd.read_csv(file)
    return ids.assign(file_path="a#b", file_size=1, channels=2, clip_length=30.0)


def test_real_lists_have_the_published_sizes(real_data):
    mismatches = read_mismatches(real_data / "sid_mismatches.txt")
    assert len(mismatches) == len(set(mismatches)) == 18_972
    groups = read_duplicates(real_data / "msd_duplicates_subset.txt")
    assert (len(groups), sum(map(len, groups))) == (53, 111)


def test_real_ids_go_through_every_step(real_data, real_files):
    summary = real_files[["track_7digitalid", "track_id"]].assign(year=0)
    table = real_files.drop(columns=["track_id", "split"])
    mismatches = read_mismatches(real_data / "sid_mismatches.txt")
    groups = read_duplicates(real_data / "msd_duplicates_subset.txt")
    result, steps = wrangle(table, Lists(summary, mismatches, duplicates=groups))
    # Two ids of 7digital are there twice: 4 rows more when joined, 4 fewer after.
    assert dict(steps) == {
        "input": 242_854,
        "match": 242_858,
        "repeated": 242_850,
        "mismatches": 234_614,
        "empty": 234_614,
        "unreadable": 234_614,
        "duplicates": 234_585,
    }
    assert result["track_id"].is_unique


def test_of_the_real_ids_six_tracks_are_alone_in_their_group(real_data, real_files):
    groups = read_duplicates(real_data / "msd_duplicates_subset.txt")
    mismatches = set(read_mismatches(real_data / "sid_mismatches.txt"))
    present = set(real_files["track_id"]) - mismatches
    counts = [sum(track in present for track in group) for group in groups]
    assert counts.count(1) == 6
    dropped = choose_duplicates(groups, present)
    assert len(dropped) == sum(count - 1 for count in counts if count > 1)


def test_the_real_summary_file_is_read(real_data):
    table = read_summary(real_data / "msd_summary_688.h5")
    assert table.shape == (688, 3)
    assert table.iloc[0].tolist() == [8473798, "TRAAAZF12903CCCF6B", 1983]
    assert table["track_id"].str.fullmatch("TR[A-Z0-9]{16}").all()
