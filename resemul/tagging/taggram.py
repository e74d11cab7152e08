"""A picture of tags along time."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from resemul.audio.source import printable
from resemul.errors import ConfigError
from resemul.tagging.clock import format_seconds
from resemul.tagging.listening import ENVELOPE_RATE
from resemul.tagging.results import TagResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Tags in a picture, at most, unless the result was told which to show.
NUM_TAGS = 15

# Inches and dots per inch: 1,600 pixels wide, in letters that can be read at 800.
_WIDTH, _DPI = 8.0, 200
_ROW_HEIGHT, _WAVE_HEIGHT, _MARGIN_HEIGHT = 0.24, 0.6, 1.0
_FONT_SIZE = 9
# More points than pixels only make a file large.
_MAX_POINTS = 1_600
_TICK_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200)
_MAX_TICKS = 10


def plot_taggram(results: Sequence[TagResult], path: Path) -> None:
    """Writes the picture of `draw_taggram`: a `.png`, `.pdf` or `.svg`.

    Raises:
        ConfigError: it cannot be drawn, or cannot be written.
    """
    figure = draw_taggram(results)
    try:
        figure.savefig(path, dpi=_DPI)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{printable(str(path))} cannot be drawn: {error}") from error


def draw_taggram(results: Sequence[TagResult]) -> "Figure":
    """Draws tags by time: the strongest on top, the waveform above, time in m:ss.

    Args:
        results: of one file, one for each model; with their timelines.

    Raises:
        ConfigError: no result has scores along time, or matplotlib is not installed.
    """
    require_matplotlib()
    drawn = [r for r in results if r.timeline is not None and _indices(r)]
    if not drawn:
        raise ConfigError(f"{printable(results[0].path)} has no tags to draw")
    return _draw(drawn)


def require_matplotlib() -> None:
    """Raises a `ConfigError` if there is none."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise ConfigError(
            "a picture needs matplotlib: pip install matplotlib"
        ) from None


def _draw(results: list[TagResult]) -> "Figure":
    from matplotlib.figure import Figure  # without pyplot: no state, no window

    rows = [len(_indices(result)) for result in results]
    envelope = results[0].envelope
    heights = [_ROW_HEIGHT * max(n, 2) for n in rows]
    if envelope is not None:
        heights.insert(0, _WAVE_HEIGHT)
    figure = Figure((_WIDTH, sum(heights) + _MARGIN_HEIGHT), layout="constrained")
    axes = figure.subplots(
        len(heights), squeeze=False, sharex=True, height_ratios=heights
    )[:, 0]
    figure.suptitle(_text(Path(results[0].path).name), fontsize=_FONT_SIZE + 2)
    if envelope is not None:
        _draw_waveform(axes[0], envelope)
    of_models = list(axes[len(axes) - len(results) :])
    highest = _highest(results)
    for axis, result in zip(of_models, results, strict=True):
        picture = _draw_tags(axis, result, highest)
    bar = figure.colorbar(picture, ax=of_models, pad=0.01, aspect=30)
    bar.set_label("probability", fontsize=_FONT_SIZE)
    bar.ax.tick_params(labelsize=_FONT_SIZE - 1)
    _mark_time(axes[-1], results[0].seconds)
    return figure


def _draw_waveform(axis: "Axes", envelope: np.ndarray) -> None:
    size = -(-len(envelope) // _MAX_POINTS)
    starts = np.arange(0, len(envelope), size)
    low = np.minimum.reduceat(envelope[:, 0], starts)
    high = np.maximum.reduceat(envelope[:, 1], starts)
    axis.fill_between(
        (starts + size / 2) / ENVELOPE_RATE, low, high, color="0.35", lw=0
    )
    reach = max(1e-3, float(np.abs(envelope).max()))
    axis.set_ylim(-reach, reach)
    axis.set_axis_off()


def _draw_tags(axis: "Axes", result: TagResult, highest: float) -> Any:
    timeline = result.timeline
    assert timeline is not None
    indices = _indices(result)
    # Each segment reaches to the next one, the last to its end.
    edges = np.append(timeline.starts, timeline.ends[-1])
    picture = axis.pcolormesh(
        edges,
        np.arange(len(indices) + 1),
        timeline.scores[:, indices].T,
        vmin=0,
        vmax=highest,
        cmap="magma_r",
        rasterized=True,
    )
    axis.invert_yaxis()
    axis.set_yticks(
        np.arange(len(indices)) + 0.5,
        [_text(result.tags[i]) for i in indices],
        fontsize=_FONT_SIZE,
    )
    axis.tick_params(axis="y", length=0)
    axis.set_ylabel(_text(Path(result.model).stem), fontsize=_FONT_SIZE)
    return picture


def _text(name: str) -> str:
    """A name as it is, not as a formula between dollar signs."""
    return printable(name).replace("$", r"\$")


def _highest(results: list[TagResult]) -> float:
    """Where the colours end: many models are never sure of anything."""
    scores = [r.timeline.scores[:, _indices(r)].max() for r in results if r.timeline]
    return min(1.0, max(0.1, float(np.ceil(10 * max(scores)) / 10)))


def _indices(result: TagResult) -> list[int]:
    """The tags to draw, the strongest first."""
    if not result.has_scores:
        return []
    if result.chosen is not None:
        return list(result.chosen)
    return [int(i) for i in np.argsort(-result.scores, kind="stable")[:NUM_TAGS]]


def _mark_time(axis: "Axes", seconds: float) -> None:
    step = next((s for s in _TICK_SECONDS if seconds / s <= _MAX_TICKS), 14_400)
    ticks = np.arange(0, seconds + 1e-9, step)
    labels = [format_seconds(tick) for tick in ticks]
    axis.set_xticks(ticks, labels, fontsize=_FONT_SIZE)
    axis.set_xlim(0, max(seconds, 1e-3))
    axis.set_xlabel("time (m:ss)", fontsize=_FONT_SIZE)
