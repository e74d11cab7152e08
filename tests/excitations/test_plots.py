from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from resemul.errors import ConfigError
from resemul.excitations import SegmentLoudness, loudness_slopes, mean_by_tag
from resemul.excitations.plots import plot_excitations, plot_loudness, plot_spread


@pytest.fixture
def means(table):
    """Depth 0: "a" (0.2, 0.3), "b" (0.6, 0.2)."""
    return mean_by_tag(table)


def lines(figure):
    return {
        line.get_label(): np.round(line.get_ydata().astype("float64"), 6).tolist()
        for line in figure.axes[0].get_lines()
    }


def test_channels_are_sorted_by_their_mean_over_the_tags(means):
    figure = plot_excitations(means, 0)
    # Means 0.4 and 0.25: the second channel comes first.
    assert lines(figure) == {"a": [0.3, 0.2], "b": [0.2, 0.6]}


def test_channels_are_sorted_by_the_tags_drawn(means):
    assert lines(plot_excitations(means, 0, ["a"])) == {"a": [0.2, 0.3]}


def test_unsorted_channels_keep_their_order(means):
    figure = plot_excitations(means, 0, sort=False)
    assert lines(figure) == {"a": [0.2, 0.3], "b": [0.6, 0.2]}
    assert figure.axes[0].get_xlabel() == "Channel"


def test_difference_is_from_the_mean_of_the_tags(means):
    figure = plot_excitations(means, 0, difference=True)
    assert lines(figure)["a"] == pytest.approx([0.05, -0.2])
    assert lines(figure)["b"] == pytest.approx([-0.05, 0.2])
    assert figure.axes[0].get_ylim()[0] < 0


def test_axes_are_those_of_the_published_figure(means):
    figure = plot_excitations(means, 1)
    assert tuple(figure.get_size_inches()) == (18, 8)
    assert figure.axes[0].get_xlim() == (0, 2)
    assert figure.axes[0].get_ylim() == (0, 1)
    assert figure.axes[0].get_title(loc="left") == "Block 2"


def many_means(num_tags):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [(rng.random(8), 0, f"female voice {i}") for i in range(num_tags)],
        columns=["ex", "depth", "tag"],
    )


def test_legend_of_50_tags_is_in_the_figure_and_beside_the_axes():
    figure = plot_excitations(many_means(50), 0)
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert legend.x0 > figure.axes[0].get_tightbbox().x1
    assert legend.x1 <= figure.bbox.x1
    assert figure.bbox.y0 <= legend.y0
    assert len(figure.legends[0].get_texts()) == 50


def test_50_lines_look_different_and_their_colours_are_far_apart():
    axes = plot_excitations(many_means(50), 0).axes[0]
    lines = axes.get_lines()
    looks = {
        (line.get_color(), str(line.get_linestyle()), str(line._dash_pattern))
        for line in lines
    }
    assert len(looks) == 50
    colours = {to_rgb(line.get_color()) for line in lines}
    assert len(colours) == 10
    apart = [np.linalg.norm(np.subtract(*pair)) for pair in combinations(colours, 2)]
    # Of red, green and blue in 0 to 1; the pinks of tab20 are 0.2 apart.
    assert min(apart) > 0.25


def test_legend_is_in_the_order_of_the_line_ends(means):
    # Sorted by their means the channels end with 0.2 of "a" and 0.6 of "b".
    figure = plot_excitations(means, 0)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["b", "a"]
    handles = figure.legends[0].legend_handles
    ends = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert handles[0].get_color() == ends["b"].get_color()


def test_of_a_long_name_the_legend_shows_the_end(table):
    path = "a very long way to a folder/of/songs/song.mp3"
    means = mean_by_tag(table.rename(columns={"a": path}))
    texts = [t.get_text() for t in plot_excitations(means, 0).legends[0].get_texts()]
    assert texts == ["b", "…" + path[-29:]]


def test_every_figure_says_what_it_is_of(table):
    table.attrs = {"model": "best.keras", "split_name": "mtt-all", "num_clips": 4332}
    means = mean_by_tag(table)
    told = "best.keras, split mtt-all, 4,332 clips"
    for figure in (plot_excitations(means, 0), plot_spread(means)):
        assert figure.axes[0].get_title(loc="right") == told
    # Of tables that say nothing of themselves, the clips are counted.
    table.attrs = {}
    figure = plot_spread(mean_by_tag(table))
    assert figure.axes[0].get_title(loc="right") == "3 clips"


def test_unknown_depth_and_tag_are_told(means):
    with pytest.raises(ConfigError, match="no depth 9; there are 0, 1, 0 is Block 1"):
        plot_excitations(means, 9)
    with pytest.raises(ConfigError, match="no clip has the tag 'c'; there are a, b"):
        plot_excitations(means, 0, ["a", "c"])
    with pytest.raises(ConfigError, match="one tag at least"):
        plot_excitations(means, 0, [])


def test_spread_is_one_line_over_the_depths(means):
    axes = plot_spread(means).axes[0]
    (line,) = axes.get_lines()
    assert list(line.get_xdata()) == [1, 2]
    assert list(line.get_ydata()) == pytest.approx([0.125, 0.1])
    assert axes.get_xlabel() == "Block"


def test_loudness_figure_shows_the_steepest_channels_both_ways():
    loudness = np.array([-30.0, -20.0, -10.0])
    slopes = np.array([0.001, -0.01, 0.02, 0.0])
    excitations = (0.5 + np.outer(loudness, slopes)).astype("float32")
    measured = SegmentLoudness(loudness, excitations, depth=0, num_silent=0)
    figure = plot_loudness(measured, loudness_slopes(measured), "best.keras")
    rising, falling = figure.axes
    assert rising.get_title() == "Largest slope: channel 2, +0.0200 per dB"
    assert falling.get_title() == "Smallest slope: channel 1, -0.0100 per dB"
    (line,) = rising.get_lines()
    assert list(line.get_xdata()) == [-30, -10]
    assert list(line.get_ydata()) == pytest.approx([-0.1, 0.3], abs=1e-6)
    assert figure.get_supxlabel() == "best.keras, 3 segments"
    assert figure.get_suptitle().startswith("Block 1: ")
    assert "2 channels rise with loudness, 1 fall" in figure.get_suptitle()


def test_figures_are_not_kept_by_pyplot(means):
    import matplotlib.pyplot as plt

    plot_excitations(means, 0)
    plot_spread(means)
    assert plt.get_fignums() == []
