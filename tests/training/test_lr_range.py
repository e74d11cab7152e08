"""The range test of the learning rate."""

import csv

import keras
import numpy as np
import pytest

from resemul.configs import RunConfig, TrainConfig
from resemul.errors import ConfigError
from resemul.records import read_record_set
from resemul.training.lr_range import (
    RateRange,
    measure_rates,
    plot_rates,
    smooth,
    write_rates,
)


def test_a_loss_is_smoothed_by_those_before():
    # (0.9 + 2) / 1.9, (0.81 + 1.8 + 4) / 2.71
    expected = [1, 2.9 / 1.9, 6.61 / 2.71]
    np.testing.assert_allclose(smooth([1.0, 2.0, 4.0]), expected)


def fallen(num_steps=100):
    """A loss that falls around 1e-3, fastest there, and rises from 1e-1 on."""
    rates = np.geomspace(1e-6, 1, num_steps)
    decades = np.log10(rates)
    losses = 1 - 0.5 / (1 + np.exp(-4 * (decades + 3)))
    losses += np.where(decades > -1, decades + 1, 0)
    return RateRange(rates, losses, losses)


def test_the_rate_at_which_the_loss_falls_fastest_is_suggested():
    assert fallen().suggestion == pytest.approx(1e-3, rel=0.15)


def test_a_loss_that_only_rises_suggests_nothing():
    rates = np.geomspace(1e-6, 1, 50)
    losses = np.linspace(1, 2, 50)
    assert RateRange(rates, losses, losses).suggestion is None


def test_the_picture_marks_the_suggestion_on_a_logarithmic_axis():
    [axes] = plot_rates(fallen()).axes
    assert axes.get_xscale() == "log"
    labels = axes.get_legend_handles_labels()[1]
    assert labels[:2] == ["each step", "smoothed"]
    assert labels[2].startswith("falls fastest at 0.0009")


def test_the_table_and_the_picture_are_written(tmp_path):
    table, picture = write_rates(fallen(), tmp_path / "log")
    rows = list(csv.DictReader(table.open()))
    assert list(rows[0]) == ["step", "lr", "loss", "smoothed"]
    assert [float(rows[0]["lr"]), float(rows[-1]["lr"])] == [1e-6, 1]
    assert picture.read_bytes().startswith(b"\x89PNG")


def config(tiny_model_options, **options):
    training = TrainConfig(batch_size=4, shuffle_buffer=50, **options)
    return RunConfig("sample_cnn", tiny_model_options, training)


def test_steps_are_taken_at_rates_that_rise_geometrically(
    tiny_records, tiny_model_options
):
    records = read_record_set(tiny_records)
    run = config(tiny_model_options)
    found = measure_rates(run, records, 1e-6, 1e-4, num_steps=21)
    np.testing.assert_allclose(found.rates, 10.0 ** np.linspace(-6, -4, 21))
    assert np.isfinite(found.losses).all()
    # The first loss is that of the untrained model on the first batch, not a mean.
    again = measure_rates(run, records, 1e-6, 1e-4, num_steps=21)
    np.testing.assert_array_equal(found.losses, again.losses)
    assert len(set(found.losses)) > 15


def test_the_test_ends_when_the_loss_rises(tiny_records, tiny_model_options):
    records = read_record_set(tiny_records)
    run = config(tiny_model_options)
    found = measure_rates(run, records, 1e-4, 1e6, num_steps=60)
    assert len(found.rates) < 60


def test_rates_that_do_not_rise_are_refused(tiny_records, tiny_model_options):
    records = read_record_set(tiny_records)
    for low, high in ((1.0, 1e-3), (0.0, 1.0), (1e-3, float("inf"))):
        with pytest.raises(ConfigError, match="rates must rise"):
            measure_rates(config(tiny_model_options), records, low, high)
    with pytest.raises(ConfigError, match="at least 20 steps"):
        measure_rates(config(tiny_model_options), records, 1e-3, 1, num_steps=3)


def test_steps_are_profiled_once(tmp_path):
    from resemul.training.profiling import ProfileSteps

    waveform = keras.Input((4,))
    model = keras.Model(waveform, keras.layers.Dense(1)(waveform))
    model.compile("sgd", "mse")
    profile = ProfileSteps(tmp_path, 2, 3)
    data = np.zeros((12, 4)), np.zeros((12, 1))
    for _ in range(2):
        model.fit(*data, batch_size=3, verbose=0, callbacks=[profile])
    assert len(list(tmp_path.glob("plugins/profile/*"))) == 1
