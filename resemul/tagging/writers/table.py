"""The table for people: a bar for each tag."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from resemul.audio.source import printable
from resemul.tagging.clock import format_seconds
from resemul.tagging.results import FAILED, SHORT, SILENT, TagResult
from resemul.tagging.writers.base import WriteOptions, Writer, open_text

_BAR_LENGTH = 20
_BOLD, _BLUE, _RED, _DIM, _PLAIN = (
    "\x1b[1m",
    "\x1b[34m",
    "\x1b[31m",
    "\x1b[2m",
    "\x1b[0m",
)


@contextmanager
def write_table(
    path: Path | None, options: WriteOptions, stream: TextIO
) -> Iterator[Writer]:
    """Per file its name and length; per model a group of tags, the strongest first."""
    with open_text(path, stream) as file:
        yield _TableWriter(file, options)


class _TableWriter:
    def __init__(self, file: TextIO, options: WriteOptions) -> None:
        self._file = file
        self._options = options
        self._last_path: str | None = None
        self._label_width = max([8, *map(len, options.tags)])
        names = [_short_name(model) for model in options.models]
        self._model_width = max(map(len, names)) + 2 if len(names) > 1 else 0

    def write(self, result: TagResult) -> None:
        # A file that could not be read has the same to say for each model.
        if result.path != self._last_path or result.has_scores:
            if result.path != self._last_path:
                self._write_head(result)
            self._write_tags(result)
        self._last_path = result.path
        self._file.flush()

    def _write_head(self, result: TagResult) -> None:
        name = self._painted(printable(result.path), _BOLD)
        if result.status == FAILED:
            self._line(f"{name}  {self._painted(printable(result.error), _RED)}")
            return
        notes = [format_seconds(result.seconds)]
        if result.status == SILENT:
            notes.append("silent, so not tagged")
        elif result.status == SHORT:
            notes.append("shorter than a segment, filled up")
        if result.calibration:
            notes.append("share of these files that score lower")
        self._line(f"{name}  {self._painted(', '.join(notes), _DIM)}")

    def _write_tags(self, result: TagResult) -> None:
        model = _short_name(result.model) if self._model_width else ""
        for pair in result.labels:
            bar = self._bar(pair["score"])
            label = printable(pair["label"])
            self._line(
                f"  {self._painted(f'{model:{self._model_width}}', _DIM)}"
                f"{label:{self._label_width}}  {pair['score']:.2f}  {bar}".rstrip()
            )
            model = ""

    def _bar(self, score: float) -> str:
        length = round(min(1.0, max(0.0, score)) * _BAR_LENGTH)
        bar = ("█" if self._options.in_unicode else "#") * length
        return self._painted(bar, _BLUE) if bar else ""

    def _painted(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._options.in_colour else text

    def _line(self, text: str) -> None:
        self._file.write(f"{text}\n")


def _short_name(model: str) -> str:
    return printable(Path(model).stem)
