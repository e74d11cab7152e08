"""The figures of the excitation analysis.

Each function returns a figure of its own, which a notebook shows and `savefig`
writes; nothing is drawn on a screen and no global state is used.
"""

from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resemul.errors import ConfigError
from resemul.excitations.analysis import TAG, spread_by_depth
from resemul.excitations.extract import DEPTH, EXCITATION
from resemul.excitations.loudness import LoudnessFit, SegmentLoudness

_LEGEND_COLUMNS = 10
# Points; the wide figures are shown at half their size in a notebook.
_WIDE_TEXT = 14
# With the 20 colours these tell 60 tags apart.
_LINE_STYLES = ("-", "--", ":")


def plot_excitations(
    means: pd.DataFrame,
    depth: int,
    tags: Sequence[str] | None = None,
    sort: bool = True,
    difference: bool = False,
) -> Figure:
    """Draws the mean excitation of each channel, one line per tag.

    Args:
        means: as `mean_by_tag` returns.
        depth: 0 for the first block.
        tags: those to draw, in the order of the legend; None for all.
        sort: orders the channels by their mean over the tags drawn, ascending.
        difference: draws how far each line is from that mean, on a scale of its own;
            in deep blocks, and in small models, the tags are too close otherwise.

    Raises:
        ConfigError: a depth or tag that is not in `means`.
    """
    chosen, lines = _select(means, depth, tags)
    channel_means = lines.mean(axis=0)
    if sort:
        order = np.argsort(channel_means, kind="stable")
        lines, channel_means = lines[:, order], channel_means[order]
    figure = Figure(figsize=(18, 8), layout="constrained")
    axes = figure.subplots()
    _draw_lines(axes, lines - channel_means if difference else lines, chosen)
    if not difference:
        axes.set_ylim(0, 1)
    axes.set_title(f"Block {depth + 1} (depth {depth})", fontsize=_WIDE_TEXT)
    axes.set_xlabel(
        "Channel, by mean excitation" if sort else "Channel", fontsize=_WIDE_TEXT
    )
    axes.set_ylabel(
        "Excitation less the mean of the tags" if difference else "Excitation",
        fontsize=_WIDE_TEXT,
    )
    # Outside and below: the lines may be anywhere between 0 and 1.
    figure.legend(
        loc="outside lower center",
        ncols=_LEGEND_COLUMNS,
        fontsize=_WIDE_TEXT,
        handlelength=1.4,
        columnspacing=1.0,
    )
    return figure


def _select(
    means: pd.DataFrame, depth: int, tags: Sequence[str] | None
) -> tuple[list[str], np.ndarray]:
    """Returns the tags to draw and their excitations `(tags, channels)`."""
    at_depth = means[means[DEPTH] == depth].set_index(TAG)[EXCITATION]
    if at_depth.empty:
        raise ConfigError(
            f"depth must be one of {_listed(sorted(set(means[DEPTH])))}, got {depth}"
        )
    chosen = list(at_depth.index) if tags is None else list(tags)
    if not chosen:
        raise ConfigError("tags must name one tag at least")
    for tag in chosen:
        if tag not in at_depth.index:
            raise ConfigError(
                f"no clip has the tag {tag!r}; there are {_listed(at_depth.index)}"
            )
    return chosen, np.stack([at_depth[tag] for tag in chosen])


def _draw_lines(axes: Axes, lines: np.ndarray, tags: list[str]) -> None:
    colours = matplotlib.color_sequences["tab10" if len(tags) <= 10 else "tab20"]
    for number, (line, tag) in enumerate(zip(lines, tags, strict=True)):
        style = _LINE_STYLES[number // len(colours) % len(_LINE_STYLES)]
        colour = colours[number % len(colours)]
        axes.plot(line, style, color=colour, label=tag, linewidth=1.2)
    axes.set_xlim(0, lines.shape[1])
    axes.tick_params(labelsize=_WIDE_TEXT)
    axes.grid(alpha=0.3)


def plot_spread(means: pd.DataFrame) -> Figure:
    """Draws how far the tags lie apart in each block (`spread_by_depth`)."""
    spread = spread_by_depth(means)
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot(spread.index, spread.to_numpy(), marker="o")
    axes.set_xticks(spread.index)
    axes.set_ylim(bottom=0)
    axes.set_title("Standard deviation over tags, mean over channels")
    axes.set_xlabel("Layer")
    axes.set_ylabel("Excitation standard deviation")
    axes.grid(alpha=0.3)
    return figure


def plot_loudness(measured: SegmentLoudness, fit: LoudnessFit) -> Figure:
    """Draws segments and lines of the channels that rise most and fall most."""
    figure = Figure(figsize=(12, 5), layout="constrained")
    figure.suptitle(
        f"Block {measured.depth + 1}, {len(measured.loudness_db)} segments: "
        f"{fit.num_positive} channels rise with loudness, {fit.num_negative} fall"
    )
    all_axes = figure.subplots(1, 2, sharex=True)
    channels = (int(np.argmax(fit.slopes)), int(np.argmin(fit.slopes)))
    for axes, channel, title in zip(
        all_axes, channels, ("Largest slope", "Smallest slope"), strict=True
    ):
        _draw_channel(axes, measured, fit, channel)
        axes.set_title(f"{title}: channel {channel}, {fit.slopes[channel]:+.2g} per dB")
        axes.set_xlabel("Loudness of the segment (RMS, dB full scale)")
        axes.set_ylabel("Excitation")
    return figure


def _draw_channel(
    axes: Axes, measured: SegmentLoudness, fit: LoudnessFit, channel: int
) -> None:
    loudness = measured.loudness_db
    # Thousands of segments must not become one blot.
    alpha = float(np.clip(200 / len(loudness), 0.05, 0.6))
    axes.scatter(loudness, measured.excitations[:, channel], s=10, alpha=alpha)
    ends = np.array([loudness.min(), loudness.max()])
    line = fit.intercepts[channel] + fit.slopes[channel] * ends
    axes.plot(ends, line, color="tab:red", linewidth=2)
    axes.grid(alpha=0.3)


def _listed(values: Sequence[object]) -> str:
    return ", ".join(str(value) for value in values)
