"""Parquet: the table of CSV, with types."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TextIO

from resemul.errors import ConfigError
from resemul.tagging.results import TagResult
from resemul.tagging.writers.base import WriteOptions, Writer, open_binary
from resemul.tagging.writers.rows import column_names, rows_of

# Rows that are written together.
_ROWS_IN_GROUP = 4_096
_TEXT_COLUMNS = ("path", "model", "status", "error")


@contextmanager
def write_parquet(
    path: Path | None, options: WriteOptions, stream: TextIO
) -> Iterator[Writer]:
    """Bytes of names that are not Unicode become escapes, since Parquet has no other.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    assert path is not None
    if importlib.util.find_spec("pyarrow") is None:
        raise ConfigError(
            "Parquet needs pyarrow: pip install 'resemul[parquet]'; or take --format "
            "csv"
        )
    with open_binary(path) as file, _ParquetWriter(file, options) as writer:
        yield writer


class _ParquetWriter:
    def __init__(self, file: IO[Any], options: WriteOptions) -> None:
        import pyarrow as pa
        import pyarrow.parquet

        self._options = options
        self._rows: list[list[Any]] = []
        names = column_names(options)
        num_fixed = len(names) - len(options.tags)
        types = [
            pa.string() if name in _TEXT_COLUMNS else pa.float64()
            for name in names[:num_fixed]
        ] + [pa.float32()] * len(options.tags)
        self._schema = pa.schema(list(zip(names, types, strict=True)))
        self._writer = pyarrow.parquet.ParquetWriter(file, self._schema)

    def __enter__(self) -> "_ParquetWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def write(self, result: TagResult) -> None:
        for row in rows_of(result, self._options):
            self._rows.append([_clean(cell) for cell in row])
        if len(self._rows) >= _ROWS_IN_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            columns = [
                pa.array(column, field.type)
                for column, field in zip(
                    zip(*self._rows, strict=True), self._schema, strict=True
                )
            ]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        self._rows = []


def _clean(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    return cell.encode("utf-8", "backslashreplace").decode("utf-8")
