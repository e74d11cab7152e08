import numpy as np
import pytest

from resemul.constants import NUM_SAMPLES
from resemul.errors import DatasetError
from resemul.excitations import (
    SegmentLoudness,
    extract_excitations,
    loudness_slopes,
    measure_loudness,
)
from resemul.excitations.loudness import level_db

SQUARE_WAVE = np.tile([1.0, -1.0, 1.0], NUM_SAMPLES // 3).astype("float32")


def measured(loudness_db, excitations):
    return SegmentLoudness(
        np.array(loudness_db, "float64"),
        np.array(excitations, "float32"),
        depth=0,
        num_silent=0,
    )


def test_level_is_rms_in_db_full_scale():
    assert level_db(SQUARE_WAVE) == 0
    assert level_db(0.1 * SQUARE_WAVE) == pytest.approx(-20)
    assert level_db(np.zeros(4, "float32")) == -np.inf


def test_slopes_of_points_on_a_line_are_those_of_the_line():
    levels = [-40, -30, -10]
    fit = loudness_slopes(
        measured(levels, [[0.9 + 0.01 * db, 0.5 - 0.002 * db, 0.3] for db in levels])
    )
    np.testing.assert_allclose(fit.slopes, [0.01, -0.002, 0], atol=1e-8)
    np.testing.assert_allclose(fit.intercepts, [0.9, 0.5, 0.3], atol=1e-6)


def test_slopes_of_scattered_points_are_least_squares():
    # Means -20 and 0.3; sum of products 1, sum of squares 200.
    fit = loudness_slopes(measured([-30, -20, -10], [[0.2], [0.4], [0.3]]))
    assert fit.slopes == pytest.approx([0.005])
    assert fit.intercepts == pytest.approx([0.4])


def test_channels_are_counted_by_sign_and_flat_ones_not_at_all():
    fit = loudness_slopes(
        measured([-2, -1], [[0.1, 0.4, 0.6, 0.5], [0.2, 0.5, 0.5, 0.5]])
    )
    assert (fit.num_positive, fit.num_negative) == (2, 1)


def test_slopes_need_two_levels():
    with pytest.raises(DatasetError, match="2 segments of one level, and 0 of silence"):
        loudness_slopes(measured([-20.1, -20.1], [[0.2], [0.3]]))


def test_measuring_gives_each_segment_its_own_excitation(se_model):
    labels = np.zeros(3, "float32")
    segments = np.stack([SQUARE_WAVE, 0.1 * SQUARE_WAVE, 0.01 * SQUARE_WAVE])
    # Clips of two and three segments; the last two are silence, one of them of -100 dB.
    silence = np.stack([1e-5 * SQUARE_WAVE, np.zeros(NUM_SAMPLES, "float32")])
    clips = [
        (segments[:2], labels),
        (np.concatenate([segments[2:], silence]), labels),
    ]
    found = measure_loudness(se_model, iter(clips), batch_size=3)
    np.testing.assert_allclose(found.loudness_db, [0, -20, -40], atol=1e-4)
    assert found.num_silent == 2
    alone = [(segment[np.newaxis], labels) for segment in segments]
    table = extract_excitations(se_model, alone, ("a", "b", "c"))
    expected = np.stack(table["ex"][table["depth"] == 0].to_list())
    np.testing.assert_allclose(found.excitations, expected, atol=1e-6)
    assert np.ptp(expected, axis=0).max() > 1e-4
