"""Measurements as a table, in Markdown."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import Measurement


@dataclass(frozen=True)
class Stage:
    """How the measurements of one stage are shown.

    `amount` units are worked off in a run; `flop` is what they take, for the share of
    the `peaks` (in flop per second, by precision).
    """

    title: str
    unit: str
    amount: float
    flop: float = 0.0


def render(
    stage: Stage, measurements: Sequence[Measurement], peaks: dict[str, float]
) -> str:
    """One row per measurement; ratios are to the reference, above 1 is faster."""
    reference = next((m for m in measurements if m.is_reference), None)
    share = stage.flop > 0 and bool(peaks)
    header = ["variant", "median", "spread", f"{stage.unit}/s", "faster", "CPU s"]
    header += ["of peak"] if share else []
    lines = [f"### {stage.title}", "", *_rule([*header, "peak memory"])]
    for measurement in measurements:
        if measurement.problem:
            blanks = [""] * (len(header) - 1)
            lines.append(_row([measurement.name, measurement.problem, *blanks]))
            continue
        fastest, slowest = measurement.spread
        cells = [
            measurement.name,
            _seconds(measurement.median),
            f"{_seconds(fastest)} to {_seconds(slowest)}",
            f"{stage.amount / measurement.median:,.1f}",
            _ratio(reference, measurement),
            _seconds(measurement.cpu_median),
        ]
        if share:
            peak = peaks["bfloat16" if "bfloat16" in measurement.name else "float32"]
            cells.append(f"{stage.flop / measurement.median / peak:.0%}")
        lines.append(_row([*cells, f"{measurement.peak_bytes / 1e9:.2f} GB"]))
    return "\n".join([*lines, ""])


def _ratio(reference: Measurement | None, measurement: Measurement) -> str:
    if reference is None or math.isnan(reference.median):
        return ""
    if measurement is reference:
        return "1"
    return f"{reference.median / measurement.median:.2f}x"


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if value < 100 else f"{value:.0f} s"


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table, whose first row is its header; the others' numbers stand right."""
    header, *others = rows
    sides = ["---", *["---:"] * (len(header) - 1)]
    return [_row(list(row)) for row in (header, sides, *others)]


def keep(path: Path, marker: str, text: str) -> None:
    """Writes `text` between the lines `<!-- marker -->` and `<!-- marker ends -->`."""
    begin, end = f"<!-- {marker} -->", f"<!-- {marker} ends -->"
    head, found, rest = path.read_text("utf-8").partition(begin)
    _, found_end, tail = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"{path} has no lines {begin} and {end}")
    path.write_text(f"{head}{begin}\n\n{text}\n\n{end}{tail}", "utf-8")


def _rule(header: list[str]) -> list[str]:
    return [_row(header), _row(["---"] * len(header))]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
