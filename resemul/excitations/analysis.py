"""Averages and spreads of a table of excitations (Kim et al., 2018, Section 4)."""

import numpy as np
import pandas as pd

from resemul.excitations.extract import DEPTH, EXCITATION

TAG = "tag"


def tags_of(table: pd.DataFrame) -> list[str]:
    """The tags of a table that `extract_excitations` made, in their order."""
    return [name for name in table.columns if name not in (EXCITATION, DEPTH)]


def mean_by_tag(table: pd.DataFrame) -> pd.DataFrame:
    """Averages, at each depth, the clips that have a tag.

    Returns:
        One row per tag and depth, tag after tag: `ex`, float32 `(channels,)`,
        `depth` and `tag`. Tags that no clip has are left out.
    """
    tags = tags_of(table)
    rows = []
    for depth, at_depth in table.groupby(DEPTH):
        excitations = np.stack(at_depth[EXCITATION].to_list()).astype("float64")
        labels = at_depth[tags].to_numpy("float64")
        # (channels, tags): sums over clips, divided by the clips that have the tag.
        with np.errstate(invalid="ignore"):
            means = excitations.T @ labels / labels.sum(axis=0)
        for number, tag in enumerate(tags):
            if labels[:, number].any():
                rows.append((number, means[:, number].astype("float32"), depth, tag))
    rows.sort(key=lambda row: (row[0], row[2]))
    return pd.DataFrame([row[1:] for row in rows], columns=[EXCITATION, DEPTH, TAG])


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
