import pandas as pd
import pytest

from resemul.curation.tag_frames import (
    add_tags,
    check_overlap,
    combine_tags,
    merge_frames,
    remove,
)


def frame(*rows, labels=None):
    tags, merged = zip(*rows, strict=True)
    return pd.DataFrame({"tag": tags, "merge_tags": merged}, labels, dtype=object)


def rows(table):
    """What a frame says, without the order of merged names."""
    tags = zip(table["tag"], map(sorted, table["merge_tags"]), strict=True)
    return dict(tags)


ROCK = frame(("rock", ["Rock"]), ("pop", []), ("hard rock", ["hardrock"]))


def test_combined_rows_are_called_by_the_most_popular():
    result = combine_tags(ROCK, ["hard rock", "rock"])
    assert rows(result) == {"rock": ["Rock", "hard rock", "hardrock"], "pop": []}
    assert result.index.tolist() == [0, 1]
    assert rows(ROCK)["rock"] == ["Rock"]  # the input is as it was


def test_row_0_can_be_asked_for_like_any_other():
    result = combine_tags(ROCK, ["hard rock", "pop"], merge_idx=0)
    assert rows(result) == {"rock": ["Rock", "hard rock", "hardrock", "pop"]}
    result = combine_tags(ROCK, ["rock", "hard rock"], merge_idx=2)
    assert rows(result) == {"hard rock": ["Rock", "hardrock", "rock"], "pop": []}


def test_names_that_are_no_main_tags_cannot_be_combined():
    with pytest.raises(ValueError, match="no row has the main tag 'Rock'"):
        combine_tags(ROCK, ["rock", "Rock"])
    with pytest.raises(ValueError, match="no row has the label 9"):
        combine_tags(ROCK, ["rock", "pop"], merge_idx=9)


def test_added_names_go_to_the_row_that_has_the_target():
    result = add_tags(ROCK, ["r o c k", "Rock", "rock"], "Rock")
    assert rows(result)["rock"] == ["Rock", "r o c k"]
    with pytest.raises(ValueError, match="no row has the tag 'jazz'"):
        add_tags(ROCK, ["Jazz"], "jazz")


def test_added_main_tags_bring_their_rows():
    to_target = add_tags(ROCK, ["rock", "new"], "hard rock", target_merge_index=True)
    assert rows(to_target)["hard rock"] == ["Rock", "hardrock", "new", "rock"]
    to_popular = add_tags(ROCK, ["rock", "new"], "hard rock", target_merge_index=False)
    assert rows(to_popular) == {
        "rock": ["Rock", "hard rock", "hardrock", "new"],
        "pop": [],
    }


def test_an_added_name_that_another_row_has_joins_both():
    result = add_tags(ROCK, ["hardrock"], "pop")
    assert rows(result) == {"rock": ["Rock"], "pop": ["hard rock", "hardrock"]}


def test_overlaps_are_followed_to_their_end():
    table = frame(
        ("a", ["1"]), ("b", ["2"]), ("c", ["2", "3"]), ("d", ["3", "1"]), ("e", [])
    )
    assert rows(check_overlap(table)) == {"a": ["1", "2", "3", "b", "c", "d"], "e": []}


def test_a_name_is_removed_wherever_it_is(caplog):
    assert rows(remove(ROCK, "rock")) == {"pop": [], "hard rock": ["hardrock"]}
    assert rows(remove(ROCK, "hardrock"))["hard rock"] == []
    assert rows(remove(ROCK, "jazz")) == rows(ROCK)
    assert "no tag 'jazz' to remove" in caplog.text


def test_rows_with_equal_labels_are_refused():
    table = frame(("a", []), ("b", []), labels=[0, 0])
    with pytest.raises(ValueError, match="once only"):
        remove(table, "a")


def test_frames_are_united():
    one = frame(("rock", ["Rock"]), ("pop", []))
    two = frame(("rock", ["ROCK"]), ("Rock", ["rrock"]), ("funk", ["pop"]))
    assert rows(merge_frames([one, two])) == {
        "rock": ["ROCK", "Rock", "rrock"],
        "funk": ["pop"],
    }


def test_thousands_of_rows_take_no_time():
    names = [f"tag {n}" for n in range(20_000)]
    table = frame(*[(name, []) for name in names])
    assert len(combine_tags(table, names[::2])) == 10_001
