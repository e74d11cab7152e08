"""The table of excitations: its columns, and what goes into them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from resemul.errors import ConfigError

# Columns beside the tags, named as in the published system.
EXCITATION = "ex"
DEPTH = "depth"
# In place of the tags, where files without labels were read.
FILE = "path"
START = "start_seconds"
END = "end_seconds"

# Labels, or place in a file, of a clip or segment; and its excitations by depth.
Row = tuple[Any, list[np.ndarray]]


def require_free_names(tags: Sequence[str]) -> None:
    """Refuses tags that are called as a column of the table is.

    Raises:
        ConfigError: names them.
    """
    taken = [tag for tag in tags if tag in (EXCITATION, DEPTH)]
    if taken:
        raise ConfigError(
            f"a tag is called {' and one '.join(taken)}, as a column of the table of "
            "excitations is; build records in which it has another name"
        )


def block_name(depth: int) -> str:
    """What people call a depth: "Block 1" for 0."""
    return f"Block {depth + 1}"


def table_of_clips(
    rows: Sequence[Row], depths: Sequence[int], tags: Sequence[str]
) -> pd.DataFrame:
    """One row per clip and depth, with a column of 0.0 or 1.0 for each tag."""
    labels = np.stack([row for row, _ in rows]) if rows else np.zeros((0, len(tags)))
    if labels.shape[1] != len(tags):
        raise ValueError(f"clips have {labels.shape[1]} labels, {len(tags)} tags given")
    columns = pd.DataFrame(labels.astype("float32"), columns=list(tags))
    return _table(rows, depths, columns)


def table_of_segments(rows: Sequence[Row], depths: Sequence[int]) -> pd.DataFrame:
    """One row per segment and depth; labels are the file, start and end in seconds."""
    columns = pd.DataFrame([row for row, _ in rows], columns=[FILE, START, END])
    return _table(rows, depths, columns)


def _table(
    rows: Sequence[Row], depths: Sequence[int], columns: pd.DataFrame
) -> pd.DataFrame:
    """`ex` and `depth`, and beside them the columns, repeated for each depth."""
    values = np.empty(len(rows) * len(depths), dtype=object)
    values[:] = [excitation for _, excitations in rows for excitation in excitations]
    table = pd.DataFrame(
        {EXCITATION: values, DEPTH: np.tile(np.array(depths, "int64"), len(rows))}
    )
    repeated = columns.loc[columns.index.repeat(len(depths))].reset_index(drop=True)
    return pd.concat([table, repeated], axis=1)


def is_of_files(table: pd.DataFrame) -> bool:
    """Whether a table is one of segments of files, without labels."""
    return {FILE, START, END} <= set(table.columns)


def tags_of(table: pd.DataFrame) -> list[str]:
    """The tags of a table, in their order; none if it is of files without labels."""
    if is_of_files(table):
        return []
    return [name for name in table.columns if name not in (EXCITATION, DEPTH)]


def describe(about: dict[str, Any], extra: Iterable[str] = ()) -> str:
    """What was measured, in a line: model, split and number of clips, as far as known.

    Such as "best.keras, split mtt-tagged, 4,332 clips".
    """
    parts = [str(about["model"])] if about.get("model") else []
    if about.get("split_name"):
        parts.append(f"split {about['split_name']}")
    for name in ("clips", "files"):
        count = about.get(f"num_{name}")
        if count is not None:
            parts.append(f"{count:,} {name if count != 1 else name[:-1]}")
    return ", ".join([*parts, *extra])
