import numpy as np
import pandas as pd
import pytest

from resemul.excitations import mean_by_tag, spread_by_depth, tags_of


def test_tags_are_the_columns_that_are_left(table):
    assert tags_of(table) == ["a", "b", "c"]


def test_means_are_over_the_clips_with_the_tag(table):
    means = mean_by_tag(table)
    expected = {
        ("a", 0): [0.2, 0.3],
        ("a", 1): [0.2, 0.2, 0.2],
        ("b", 0): [0.6, 0.2],
        ("b", 1): [0.5, 0.4, 0.3],
    }
    # "c" has no clip and therefore no mean.
    assert list(zip(means["tag"], means["depth"], strict=True)) == list(expected)
    for found, wanted in zip(means["ex"], expected.values(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
        assert found.dtype == np.float32


def test_tag_order_is_that_of_the_columns(table):
    means = mean_by_tag(table[["ex", "depth", "b", "a"]])
    assert means["tag"].to_list() == ["b", "b", "a", "a"]


def test_spread_is_the_deviation_over_tags_averaged_over_channels(table):
    spread = spread_by_depth(mean_by_tag(table))
    # Two values lie half their distance from their mean.
    # Depth 0: (0.4 + 0.1) / 2 / 2; depth 1: (0.3 + 0.2 + 0.1) / 2 / 3.
    assert spread.to_dict() == pytest.approx({0: 0.125, 1: 0.1})
    assert spread.name == "ex_stddev"


def test_table_without_tagged_clips_gives_no_rows(table):
    assert mean_by_tag(table[["ex", "depth", "c"]]).empty


def test_files_without_labels_stand_for_tags():
    table = pd.DataFrame(
        {
            "ex": [np.array([0.2]), np.array([0.4]), np.array([0.5])],
            "depth": [0, 0, 0],
            "path": ["b.mp3", "b.mp3", "a.mp3"],
            "start_seconds": [0.0, 1.0, 0.0],
            "end_seconds": [1.0, 2.0, 1.0],
        }
    )
    assert tags_of(table) == []
    means = mean_by_tag(table)
    assert means["tag"].to_list() == ["b.mp3", "a.mp3"]
    assert [ex.item() for ex in means["ex"]] == pytest.approx([0.3, 0.5])
