import logging

import pandas as pd
import pytest

from resemul.configs import TagsConfig
from resemul.datasets.tags import MTT_TOP_50, select_tags, top_tags
from resemul.errors import ConfigError, DatasetError

# Counts: a 1, b 3, c 2, none 0.
LABELS = pd.DataFrame(
    {"a": [1, 0, 0], "b": [1, 1, 1], "c": [0, 1, 1], "none": [0, 0, 0]},
    dtype="uint8",
)


def select(**options):
    labels, rule = select_tags(LABELS, TagsConfig(**options))
    return list(labels), rule


def test_select_tags_takes_all_by_default_rarest_first():
    assert select() == (["none", "a", "c", "b"], "")


def test_select_tags_takes_the_most_frequent():
    assert select(num_tags=2) == (["c", "b"], "top2")


def test_select_tags_does_not_name_the_number_that_is_the_default():
    labels, rule = select_tags(LABELS, TagsConfig(num_tags=2), default_num_tags=2)
    assert (list(labels), rule) == (["c", "b"], "")
    labels, rule = select_tags(LABELS, TagsConfig(), default_num_tags=3)
    assert (list(labels), rule) == (["a", "c", "b"], "")


def test_select_tags_keeps_the_order_of_a_list(tmp_path):
    path = tmp_path / "tags.txt"
    path.write_text("# order of the labels\nb\n\na\n")
    tags, rule = select(file=path)
    assert tags == ["b", "a"]
    path.write_text("a\nb\n")
    assert select(file=path)[0] == ["a", "b"]
    assert select(file=path)[1] != rule
    assert rule.startswith("list-")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\nd\ne\n", r"tags\.txt: no clip can have the tag 'd', 'e'; .*'a', 'b'"),
        ("a\na\n", r"'a' is there twice"),
        ("\n", r"names no tag"),
    ],
)
def test_select_tags_refuses_a_list_that_does_not_fit(tmp_path, content, message):
    path = tmp_path / "tags.txt"
    path.write_text(content)
    with pytest.raises(DatasetError, match=message):
        select(file=path)


def test_select_tags_merges_before_it_counts(tmp_path):
    path = tmp_path / "synonyms.txt"
    path.write_text("a, c\n")
    tags, rule = select(merge=str(path), num_tags=2)
    # a or c: all three clips; equally frequent tags go by the alphabet.
    assert tags == ["b", "a"]
    assert rule.startswith("merge-")
    assert rule.endswith("-top2")


def test_select_tags_names_the_other_rule_of_names(tmp_path):
    path = tmp_path / "synonyms.txt"
    path.write_text("c, a\n")
    tags, rule = select(merge=str(path), merge_names="header")
    assert set(tags) == {"a", "b", "none"}
    assert "-header-" in rule


def test_select_tags_warns_if_nothing_is_merged(caplog):
    with caplog.at_level(logging.WARNING):
        assert select(merge="mtt29")[0] == ["none", "a", "c", "b"]
    assert "mtt29 merges nothing" in caplog.text


def test_top_tags_ranks_a_tag_without_clips_last():
    assert top_tags(LABELS, 3) == ("a", "c", "b")


def test_the_published_tags_of_mtt_are_only_for_their_number():
    names = [*MTT_TOP_50, *(f"rare {i}" for i in range(138))]
    labels = pd.DataFrame([[1] * 50 + [0] * 138], columns=names, dtype="uint8")
    chosen, rule = select_tags(labels, TagsConfig(), default_num_tags=50)
    assert (tuple(chosen), rule) == (MTT_TOP_50, "")
    chosen, rule = select_tags(labels, TagsConfig(num_tags=2), default_num_tags=50)
    assert (list(chosen), rule) == (["beat", "ambient"], "top2")


def test_tags_config_refuses_a_number_and_a_list(tmp_path):
    with pytest.raises(ConfigError, match="not both"):
        TagsConfig(num_tags=3, file=tmp_path)
    with pytest.raises(ConfigError, match="num_tags must be at least 1, got 0"):
        TagsConfig(num_tags=0)
