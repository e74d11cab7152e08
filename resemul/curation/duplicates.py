"""Rows that are the same recording, in any table."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse
import scipy.sparse.csgraph

from resemul.curation.match import DUPLICATES_SEED, choose_duplicates
from resemul.errors import DatasetError
from resemul.runtime.files import file_sha256

Groups = list[list[int]]


def group_by_columns(table: pd.DataFrame, keys: Sequence[Sequence[str]]) -> Groups:
    """Rows that agree in all columns of a key, or are linked by others that do.

    Capitals, small letters and blanks at the ends make no difference; what is missing
    agrees with nothing. This is how the Million Song Dataset's list was made, with
    the keys artist and title, and song id.

    Args:
        table: the rows.
        keys: names of columns; two rows that agree in one key are enough.

    Returns:
        Groups of row positions, two at least each, in the order of the rows.

    Raises:
        DatasetError: there is no such column.
    """
    num_rows = len(table)
    links: list[np.ndarray] = []
    for key in keys:
        missing = [column for column in key if column not in table]
        if missing:
            raise DatasetError(
                f"the table has no column {', '.join(missing)}; it has "
                f"{', '.join(map(repr, table.columns[:20]))}"
            )
        cells = table[list(key)].reset_index(drop=True)
        cells = cells[cells.notna().all(axis=1)]
        cells = cells.apply(lambda column: column.astype(str).str.strip().str.lower())
        numbers = cells.groupby(list(key), sort=False).ngroup().to_numpy()
        first = pd.Series(cells.index).groupby(numbers).transform("first").to_numpy()
        links.append(np.stack([first, cells.index.to_numpy()]))
    if not links:
        return []
    pairs = np.concatenate(links, axis=1)
    ones = np.ones(pairs.shape[1], bool)
    graph = scipy.sparse.coo_array((ones, pairs), shape=(num_rows, num_rows))
    _, labels = scipy.sparse.csgraph.connected_components(graph, directed=False)
    return _groups(labels.tolist())


def group_by_content(paths: Sequence[Path]) -> Groups:
    """Files that are the same, byte by byte; those that cannot be read are alone."""
    sizes: dict[int, list[int]] = defaultdict(list)
    for i, path in enumerate(paths):
        try:
            sizes[path.stat().st_size].append(i)
        except OSError:
            continue
    hashes: dict[str, list[int]] = defaultdict(list)
    for size, rows in sizes.items():
        for row in rows if size and len(rows) > 1 else []:
            try:
                hashes[file_sha256(paths[row])].append(row)
            except OSError:
                continue
    return sorted(group for group in hashes.values() if len(group) > 1)


def drop_groups(
    table: pd.DataFrame, groups: Groups, seed: int = DUPLICATES_SEED
) -> pd.DataFrame:
    """One row of each group, drawn, and all rows that are in none."""
    dropped = choose_duplicates(groups, range(len(table)), seed)
    return table[[i not in dropped for i in range(len(table))]]


def _groups(labels: Sequence[int]) -> Groups:
    rows: dict[int, list[int]] = defaultdict(list)
    for row, label in enumerate(labels):
        rows[label].append(row)
    return [group for group in rows.values() if len(group) > 1]
