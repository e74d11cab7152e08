"""Results written in the formats of `WRITERS`."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from resemul.tagging.writers.audacity import write_audacity
from resemul.tagging.writers.base import WriteOptions, Writer
from resemul.tagging.writers.csv_text import write_csv
from resemul.tagging.writers.json_text import write_json, write_jsonl
from resemul.tagging.writers.npz import write_npz
from resemul.tagging.writers.parquet import write_parquet
from resemul.tagging.writers.table import write_table

OpenWriter = Callable[
    [Path | None, WriteOptions, TextIO], AbstractContextManager[Writer]
]


@dataclass(frozen=True)
class Format:
    """A format: how it is written, and what it asks for."""

    open: OpenWriter
    help: str
    # Of a file that is written without a format being named.
    suffix: str = ""
    # A file or folder, since a terminal cannot take it.
    needs_output: bool = False
    # Regions are where a threshold is reached.
    needs_threshold: bool = False
    # Whether it has a place for scores along time.
    has_timeline: bool = True
    is_for_people: bool = False


WRITERS: dict[str, Format] = {
    "table": Format(
        write_table,
        "for people, a bar for each tag",
        has_timeline=False,
        is_for_people=True,
    ),
    "json": Format(write_json, "one object, schema resemul.tag/1", ".json"),
    "jsonl": Format(write_jsonl, "one result a line, as soon as it is there", ".jsonl"),
    "csv": Format(write_csv, "a row for each file and model", ".csv"),
    "parquet": Format(
        write_parquet, "the rows of csv, with types", ".parquet", needs_output=True
    ),
    "audacity": Format(
        write_audacity,
        "a folder with a label file for each song",
        needs_output=True,
        needs_threshold=True,
    ),
    "npz": Format(write_npz, "arrays of NumPy", ".npz", needs_output=True),
}

__all__ = ["WRITERS", "Format", "WriteOptions", "Writer"]
