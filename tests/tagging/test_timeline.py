"""Regions in which a tag is heard."""

import numpy as np
import pytest

from resemul.errors import ConfigError
from resemul.tagging.results import TagResult, Timeline
from resemul.tagging.timeline import Region, find_regions


def regions(starts, ends, *present):
    timeline = Timeline(
        np.array(starts, float),
        np.array(ends, float),
        np.zeros((len(starts), len(present)), "float32"),
        None if not present else np.array(present, bool).T,
    )
    tags = ("a", "b")[: max(1, len(present))]
    return find_regions(TagResult("x", "m", "tagged", tags, timeline=timeline))


def test_segments_that_follow_each_other_are_one_region():
    found = regions([0, 3, 6, 9], [3, 6, 9, 12], [1, 1, 0, 1], [0, 0, 1, 0])
    assert found == [Region(0, 6, "a"), Region(6, 9, "b"), Region(9, 12, "a")]


def test_segments_that_overlap_or_leave_milliseconds_are_joined():
    assert regions([0, 1, 2], [3, 4, 5], [1, 1, 1]) == [Region(0, 5, "a")]
    assert regions([0, 2.992], [2.976, 5.968], [1, 1]) == [Region(0, 5.968, "a")]


def test_what_a_long_hop_leaves_unheard_belongs_to_no_region():
    assert regions([0, 10], [3, 13], [1, 1]) == [Region(0, 3, "a"), Region(10, 13, "a")]


def test_regions_need_a_threshold():
    with pytest.raises(ConfigError, match="threshold"):
        regions([0], [3])
