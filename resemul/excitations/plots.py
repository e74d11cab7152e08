"""The figures of the excitation analysis.

Each function returns a figure of its own, which a notebook shows and `savefig`
writes; nothing is drawn on a screen and no global state is used. Each figure says
what it is of: what the table's `attrs` know of model, split and clips.
"""

from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resemul.errors import ConfigError
from resemul.excitations.analysis import TAG, spread_by_depth
from resemul.excitations.loudness import LoudnessFit, SegmentLoudness
from resemul.excitations.table import DEPTH, EXCITATION, block_name, describe

# Points; the wide figures are shown at half their size in a notebook.
_WIDE_TEXT = 14
_CAPTION_TEXT = 10
# Ten colours that nobody takes for each other; with the styles they tell 60 tags apart.
_COLOURS = "tab10"
_LINE_STYLES = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 4)))
# Tags in a column of the legend.
_LEGEND_ROWS = 26
# Letters of a name there; of a longer one, a path say, the end is shown.
_LEGEND_LETTERS = 30


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
        tags: those to draw; None for all. The legend lists them from top to bottom
            as their lines end on the right, beside it.
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
    _set_titles(axes, block_name(depth), describe(means.attrs), _WIDE_TEXT)
    axes.set_xlabel(
        "Channel, by mean excitation" if sort else "Channel", fontsize=_WIDE_TEXT
    )
    axes.set_ylabel(
        "Excitation less the mean of the tags" if difference else "Excitation",
        fontsize=_WIDE_TEXT,
    )
    _add_legend(figure, axes, lines[:, -1])
    return figure


def _select(
    means: pd.DataFrame, depth: int, tags: Sequence[str] | None
) -> tuple[list[str], np.ndarray]:
    """Returns the tags to draw and their excitations `(tags, channels)`."""
    at_depth = means[means[DEPTH] == depth].set_index(TAG)[EXCITATION]
    if at_depth.empty:
        raise ConfigError(
            f"there is no depth {depth}; there are "
            f"{_listed([int(known) for known in sorted(set(means[DEPTH]))])}, 0 is "
            f"{block_name(0)}"
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
    colours = matplotlib.color_sequences[_COLOURS]
    for number, (line, tag) in enumerate(zip(lines, tags, strict=True)):
        style = _LINE_STYLES[number // len(colours) % len(_LINE_STYLES)]
        colour = colours[number % len(colours)]
        axes.plot(line, linestyle=style, color=colour, label=tag, linewidth=1.4)
    axes.set_xlim(0, max(1, lines.shape[1] - 1))
    axes.tick_params(labelsize=_WIDE_TEXT)
    axes.grid(alpha=0.3)


def _add_legend(figure: Figure, axes: Axes, ends: np.ndarray) -> None:
    """Lists the lines beside their right ends, from the highest to the lowest."""
    lines = axes.get_lines()
    order = np.argsort(-ends, kind="stable")
    figure.legend(
        handles=[lines[number] for number in order],
        labels=[_shortened(str(lines[number].get_label())) for number in order],
        loc="outside right upper",
        ncols=-(-len(lines) // _LEGEND_ROWS),
        fontsize=_WIDE_TEXT if len(lines) <= _LEGEND_ROWS else _WIDE_TEXT - 2,
        handlelength=2.8,
    )


def _shortened(name: str) -> str:
    return name if len(name) <= _LEGEND_LETTERS else f"…{name[1 - _LEGEND_LETTERS :]}"


def _set_titles(axes: Axes, title: str, caption: str, size: int) -> None:
    axes.set_title(title, loc="left", fontsize=size)
    axes.set_title(caption, loc="right", fontsize=size - 2, color="dimgray")


def plot_spread(means: pd.DataFrame) -> Figure:
    """Draws how far the tags lie apart in each block (`spread_by_depth`)."""
    spread = spread_by_depth(means)
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot(spread.index + 1, spread.to_numpy(), marker="o")
    axes.set_xticks(spread.index + 1)
    axes.set_ylim(bottom=0)
    _set_titles(axes, "How far the tags lie apart", describe(means.attrs), 12)
    axes.set_xlabel("Block")
    axes.set_ylabel("Excitation: standard deviation over tags,\nmean over channels")
    axes.grid(alpha=0.3)
    return figure


def plot_loudness(
    measured: SegmentLoudness, fit: LoudnessFit, caption: str = ""
) -> Figure:
    """Draws segments and lines of the channels that rise most and fall most.

    Args:
        measured: as `measure_loudness` returns.
        fit: its lines.
        caption: of what it is: model, split, clips.
    """
    figure = Figure(figsize=(12, 5.4), layout="constrained")
    counts = f"{len(measured.loudness_db):,} segments"
    figure.suptitle(
        f"{block_name(measured.depth)}: {fit.num_positive} channels rise with "
        f"loudness, {fit.num_negative} fall"
    )
    figure.supxlabel(
        ", ".join(part for part in (caption, counts) if part),
        fontsize=_CAPTION_TEXT,
        color="dimgray",
    )
    all_axes = figure.subplots(1, 2, sharex=True)
    channels = (int(np.argmax(fit.slopes)), int(np.argmin(fit.slopes)))
    for axes, channel, title in zip(
        all_axes, channels, ("Largest slope", "Smallest slope"), strict=True
    ):
        _draw_channel(axes, measured, fit, channel)
        axes.set_title(f"{title}: channel {channel}, {fit.slopes[channel]:+.4f} per dB")
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
