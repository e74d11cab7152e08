"""Text files that people write: tables with a header, and lists of lines."""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from resemul.errors import DatasetError

_DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon"}


@dataclass(frozen=True)
class Table:
    """A table as text: `rows[i]` has the columns of `header`, from line `lines[i]`."""

    path: Path
    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, name: str) -> list[str]:
        """The values of a column that exists."""
        index = self.header.index(name)
        return [row[index] for row in self.rows]

    def find(self, name: str | None, usual: Sequence[str]) -> str | None:
        """The column that is called `name`, or else by one of the usual names.

        Raises:
            DatasetError: there is no column `name`.
        """
        if name is None:
            return next((column for column in usual if column in self.header), None)
        if name not in self.header:
            raise DatasetError(
                f"{self.path} has no column {name!r}; it has "
                f"{', '.join(map(repr, self.header[:20]))}"
            )
        return name

    def require_filled(self, name: str) -> list[str]:
        """The values of a column in which none may be empty."""
        values = self.column(name)
        if "" in values:
            line = self.lines[values.index("")]
            raise DatasetError(f"{self.path}, line {line}: {name} is empty")
        return values

    def require_unique(self, name: str) -> list[str]:
        """The values of a column that is filled and has none twice."""
        values = self.require_filled(name)
        first_line: dict[str, int] = {}
        for value, line in zip(values, self.lines, strict=True):
            if value in first_line:
                raise DatasetError(
                    f"{self.path}, line {line}: {name} {value!r} is already on line "
                    f"{first_line[value]}; remove the duplicate row"
                )
            first_line[value] = line
        return values


def read_table(path: Path) -> Table:
    """Reads a table separated by commas, tabs or semicolons: what splits its header.

    Spaces around values are dropped, and so are empty lines.

    Raises:
        DatasetError: the file is missing or not such a table.
    """
    text = _read_text(path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_sniff(text))
    rows, lines = [], []
    try:
        for row in reader:
            if row:
                rows.append([value.strip() for value in row])
                lines.append(reader.line_num)
    except csv.Error as error:
        raise DatasetError(f"{path}, line {reader.line_num}: {error}") from error
    if len(rows) < 2:
        raise DatasetError(f"{path} has no rows under its header")
    header = rows[0]
    repeated = [name for i, name in enumerate(header) if name in header[:i]]
    if repeated:
        raise DatasetError(f"{path}: column {repeated[0]!r} is there twice")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(header):
            raise DatasetError(
                f"{path}, line {line}: {len(row)} values, the header has {len(header)} "
                f"columns, separated by {_DELIMITERS[reader.dialect.delimiter]}; put "
                "quotes around values that hold the separator"
            )
    return Table(path, header, rows[1:], lines[1:])


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Line numbers and lines that are neither empty nor begin with #.

    Raises:
        DatasetError: the file is missing or not text.
    """
    lines = enumerate((line.strip() for line in _read_text(path).splitlines()), 1)
    return [(number, line) for number, line in lines if line and line[0] != "#"]


def content_hash(lines: Iterable[str]) -> str:
    """8 characters that differ, in all likelihood, where the lines do."""
    return hashlib.sha256(
        "\n".join(lines).encode(errors="surrogateescape")
    ).hexdigest()[:8]


def _read_text(path: Path) -> str:
    if not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise DatasetError(f"{path} {what}")
    try:
        return path.read_bytes().decode("utf-8-sig")  # Excel writes a BOM.
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 text; save it as UTF-8") from error


def _sniff(text: str) -> str:
    """The delimiter that cuts the header into most columns."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(_DELIMITERS, key=lambda d: len(next(csv.reader([header], delimiter=d))))
