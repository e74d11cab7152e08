"""Averages and spreads of a table of excitations (Kim et al., 2018, Section 4)."""

import numpy as np
import pandas as pd

from resemul.excitations.table import (
    DEPTH,
    EXCITATION,
    FILE,
    is_of_files,
    tags_of,
)

TAG = "tag"


def mean_by_tag(table: pd.DataFrame) -> pd.DataFrame:
    """Averages, at each depth, the clips that have a tag.

    Of a table of files without labels, each file stands for a tag.

    Returns:
        One row per tag and depth, tag after tag: `ex`, float32 `(channels,)`,
        `depth` and `tag`. Tags that no clip has are left out. Its `attrs` are those
        of the table, and say how many clips that is of.
    """
    names, labels = _labels(table)
    rows = []
    for depth, places in table.groupby(DEPTH).indices.items():
        excitations = np.stack(table[EXCITATION].iloc[places].to_list()).astype("f8")
        at_depth = labels[places]
        # (channels, tags): sums over clips, divided by the clips that have the tag.
        with np.errstate(invalid="ignore"):
            means = excitations.T @ at_depth / at_depth.sum(axis=0)
        for number, name in enumerate(names):
            if at_depth[:, number].any():
                rows.append((number, means[:, number].astype("float32"), depth, name))
    rows.sort(key=lambda row: (row[0], row[2]))
    means = pd.DataFrame([row[1:] for row in rows], columns=[EXCITATION, DEPTH, TAG])
    counts = {} if is_of_files(table) else {"num_clips": _num_clips(table)}
    means.attrs = {**counts, **table.attrs}
    return means


def _labels(table: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """The tags, and which row has which: float64 `(rows, tags)`."""
    if is_of_files(table):
        files = pd.get_dummies(table[FILE])[table[FILE].unique()]
        return list(files.columns), files.to_numpy("float64")
    tags = tags_of(table)
    return tags, table[tags].to_numpy("float64")


def _num_clips(table: pd.DataFrame) -> int:
    return len(table) // max(1, table[DEPTH].nunique())


def spread_by_depth(means: pd.DataFrame) -> pd.Series:
    """How far the tags lie apart at each depth.

    The standard deviation over tags (of the tags given, so divided by their
    number), per channel, averaged over the channels.

    Args:
        means: as `mean_by_tag` returns.

    Returns:
        Float64 `ex_stddev` by depth, ascending.
    """
    spreads = {
        depth: np.stack(at_depth[EXCITATION].to_list()).std(axis=0, dtype="f8").mean()
        for depth, at_depth in means.groupby(DEPTH)
    }
    return pd.Series(spreads, name="ex_stddev", dtype="float64").rename_axis(DEPTH)
