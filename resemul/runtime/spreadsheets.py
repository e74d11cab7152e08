"""Tables as CSV that a spreadsheet can open without running what is in them."""

from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Spreadsheets run a text that begins so as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def mask_formula(cell: Any) -> Any:
    """The cell, with an apostrophe before a text that a spreadsheet would run."""
    is_formula = isinstance(cell, str) and cell.startswith(_FORMULA_STARTS)
    return f"'{cell}" if is_formula else cell


def write_csv(table: "pd.DataFrame", file: IO[str]) -> None:
    """Writes a table without its index: lines end in LF, NaN is an empty cell."""
    masked = table.rename(columns=mask_formula).map(mask_formula)
    masked.to_csv(file, index=False, lineterminator="\n")
