"""JSON: one object with all results, or one a line as they come."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from resemul.tagging.results import SCHEMA, TagResult
from resemul.tagging.writers.base import WriteOptions, Writer, open_text


@contextmanager
def write_json(
    path: Path | None, options: WriteOptions, stream: TextIO
) -> Iterator[Writer]:
    """`{"schema": "resemul.tag/1", "results": [...]}`."""
    with open_text(path, stream) as file:
        file.write(f'{{"schema": "{SCHEMA}", "results": [')
        writer = _JsonWriter(file, options, before="\n", between=",\n", after="")
        yield writer
        file.write("\n]}\n")


@contextmanager
def write_jsonl(
    path: Path | None, options: WriteOptions, stream: TextIO
) -> Iterator[Writer]:
    """One result a line."""
    with open_text(path, stream) as file:
        yield _JsonWriter(file, options, before="", between="", after="\n")


class _JsonWriter:
    def __init__(
        self, file: TextIO, options: WriteOptions, before: str, between: str, after: str
    ) -> None:
        self._file = file
        self._with_timeline = options.with_timeline
        self._next, self._between, self._after = before, between, after

    def write(self, result: TagResult) -> None:
        # Names that are not Unicode become escapes, which Python reads back.
        content = json.dumps(result.to_dict(self._with_timeline), allow_nan=False)
        self._file.write(f"{self._next}{content}{self._after}")
        self._file.flush()
        self._next = self._between
