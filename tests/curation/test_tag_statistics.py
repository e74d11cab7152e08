import numpy as np
import pandas as pd
import pytest

from resemul.curation.lastfm_backends import MemoryTags
from resemul.curation.lastfm_files import numbered
from resemul.curation.tag_statistics import TagMatrix, plot_correlation
from resemul.errors import ConfigError, DatasetError, UnknownNameError

# Tracks with rock, metal, pop: every track with metal has rock.
LABELS = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1]])


@pytest.fixture
def matrix():
    return TagMatrix(LABELS, ["rock", "metal", "pop"])


def test_tracks_are_counted_by_name_or_index(matrix):
    assert matrix.tags_and(["rock"]) == 4
    assert matrix.tags_and(["rock", "metal", "rock"]) == 2
    assert matrix.tags_and([0, 2]) == 1
    assert matrix.tags_and(["rock", "metal", "pop"]) == 0
    assert matrix.tags_or(["rock", "pop"]) == 5
    assert matrix.tags_or(["metal", "pop"]) == 4
    assert matrix.with_one_without_many(["rock"], ["metal", "pop"]) == 1
    assert matrix.with_many_without_one(["rock", "metal"], ["pop"]) == 2


def test_shares_of_two_and_of_three(matrix):
    shares = matrix.correlation_matrix_2d()
    np.testing.assert_allclose(shares, [[1, 0.5, 0.25], [1, 1, 0], [0.5, 0, 1]])
    shares = matrix.correlation_matrix_3d()
    assert shares[0, 1, 2] == 0.75  # of 4 with rock, 3 have metal or pop
    assert shares[2, 0, 1] == 0.5
    assert shares[1, 2, 2] == 0.0


def test_what_nearly_always_goes_together(matrix):
    assert matrix.all_tag_is(0.7).tolist() == [
        [False, False, False],
        [True, False, False],
        [False, False, False],
    ]
    assert not matrix.are_equivalent(0.5).any()
    assert matrix.are_equivalent(0.4)[0, 1]
    either = matrix.all_tag_is_either(0.7)
    assert either[0, 1, 2]
    assert not either[0, 0].any()
    assert not either[0, :, 0].any()


def test_a_tag_without_tracks_shares_nothing():
    matrix = TagMatrix(np.array([[1, 0]]), ["a", "b"])
    assert matrix.correlation_matrix_2d().tolist() == [[1, 0], [0, 0]]
    assert matrix.correlation_matrix_3d()[1].tolist() == [[0, 0], [0, 0]]


def test_a_database_is_counted_each_pair_once():
    pairs = [(1, 1), (1, 1), (1, 2), (2, 2), (4, 1)]
    tags = MemoryTags(
        numbered(["rock", "pop", "unused"], "tag"),
        numbered(["TRA", "TRB", "TRC", None], "tid"),
        pd.DataFrame(pairs, columns=["tid", "tag"]),
    )
    matrix = TagMatrix.count(tags)
    assert matrix.tags == ("rock", "pop")
    assert matrix.counts().tolist() == [[1, 1], [1, 2]]
    matrix = TagMatrix.count(tags, ["unused", "pop"])
    assert matrix.counts().tolist() == [[0, 0], [0, 2]]
    with pytest.raises(UnknownNameError, match="no tag 'jazz'"):
        TagMatrix.count(tags, ["jazz"])


def test_tags_that_are_not_there_are_named(matrix):
    for tag in ("jazz", 3, -1):
        with pytest.raises(UnknownNameError, match=f"no tag {tag!r}"):
            matrix.tags_and([tag])
    with pytest.raises(ConfigError, match="one tag at least"):
        matrix.tags_or([])
    with pytest.raises(ValueError, match="3 columns for 1 tags"):
        TagMatrix(LABELS, ["a"])


def test_a_matrix_is_saved_without_pickles(matrix, tmp_path):
    path = tmp_path / "matrix.npz"
    matrix.save(path)
    loaded = TagMatrix.load(path)
    assert loaded.tags == matrix.tags
    assert loaded.counts().tolist() == matrix.counts().tolist()
    np.savez(path, x=np.array([{}], dtype=object))
    with pytest.raises(DatasetError, match=r"matrix.npz cannot be read"):
        TagMatrix.load(path)
    with pytest.raises(DatasetError, match="cannot be read"):
        TagMatrix.load(tmp_path / "no.npz")


def test_the_plot_names_the_first_tags(matrix):
    figure = plot_correlation(matrix.correlation_matrix_2d(), matrix.tags, max_tags=2)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["rock", "metal"]
    assert axes.images[0].get_array().shape == (2, 2)
