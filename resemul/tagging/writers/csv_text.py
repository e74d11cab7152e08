"""CSV: a row for each file and model, a column for each tag."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from resemul.runtime.spreadsheets import mask_formula
from resemul.tagging.results import TagResult
from resemul.tagging.writers.base import WriteOptions, Writer, open_text
from resemul.tagging.writers.rows import column_names, rows_of


@contextmanager
def write_csv(
    path: Path | None, options: WriteOptions, stream: TextIO
) -> Iterator[Writer]:
    """Lines end in LF; a text that a spreadsheet would run gets an apostrophe."""
    with open_text(path, stream) as file:
        writer = _CsvWriter(file, options)
        writer.write_row(column_names(options))
        yield writer


class _CsvWriter:
    def __init__(self, file: TextIO, options: WriteOptions) -> None:
        self._file = file
        self._writer = csv.writer(file, lineterminator="\n")
        self._options = options

    def write_row(self, row: list[Any]) -> None:
        self._writer.writerow([mask_formula(cell) for cell in row])

    def write(self, result: TagResult) -> None:
        for row in rows_of(result, self._options):
            self.write_row(row)
        self._file.flush()
