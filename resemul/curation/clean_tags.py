"""A clean database: the same tracks, with the clean tags that their names mean."""

import logging
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from resemul.configs.curation import COUNTS
from resemul.curation.lastfm import LastFm
from resemul.curation.tag_frames import MERGED, TAG
from resemul.errors import ConfigError, DatasetError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CleanTags:
    """The three tables of a clean database, numbers as index.

    `tids` has a row for each of the input; None where no clean tag is left.
    """

    tags: pd.DataFrame
    tids: pd.DataFrame
    tid_tag: pd.DataFrame
    # Names of the frame that the database does not have.
    absent: list[str]

    @property
    def num_tracks(self) -> int:
        """How many tracks have a clean tag."""
        return int(self.tids["tid"].notna().sum())


def number_names(frame: pd.DataFrame) -> dict[str, int]:
    """Of each name the number of its clean tag: the place of its row, from 1.

    Raises:
        DatasetError: two rows claim a name, or are called the same in small letters.
    """
    number_of: dict[str, int] = {}
    claims: list[str] = []
    for number, (tag, names) in enumerate(
        zip(frame[TAG], frame[MERGED], strict=True), 1
    ):
        for name in dict.fromkeys([str(tag), *map(str, names)]):
            if number_of.setdefault(name, number) != number:
                tags = [frame[TAG].iloc[number_of[name] - 1], tag]
                claims.append(f"{name!r} ({' and '.join(tags)})")
    if claims:
        raise DatasetError(
            f"{len(claims)} names belong to two tags: {', '.join(claims[:5])}; put a - "
            "before them in one of the lists, add the line -NAME to the list of "
            "genres, or let vocal lists come first: --vocal-first"
        )
    small = Counter(str(tag).lower() for tag in frame[TAG])
    repeated = [tag for tag, count in small.items() if count > 1]
    if repeated:
        raise DatasetError(
            f"two clean tags would be called {repeated[0]!r}; reject one of their "
            "spellings in the lists"
        )
    return number_of


def clean_tags(
    tags: LastFm,
    frame: pd.DataFrame,
    min_value: float | None = None,
    count: str = "tracks",
) -> CleanTags:
    """Maps names to clean tags.

    Args:
        tags: the names of tracks.
        frame: the clean tags; their numbers are their places, from 1.
        min_value: take only names whose value is above this.
        count: one of `configs.curation.COUNTS`.

    Raises:
        DatasetError: a name belongs to two tags, or there are no values.
    """
    if count not in COUNTS:
        raise ConfigError(f"count must be one of {', '.join(COUNTS)}, got {count!r}")
    number_of = number_names(frame)
    names = tags.tag_table()["tag"]
    numbers = names.map(number_of).fillna(0).astype("int64")
    known = set(names.dropna())
    absent = [name for name in number_of if name not in known]
    tids = tags.tid_table()["tid"]
    pairs = tags.pairs(min_value)
    clean = pd.DataFrame(
        {
            "tid": pairs["tid"],
            "tag": numbers.reindex(pairs["tag"], fill_value=0).to_numpy(),
        }
    )
    with_id = tids.index[tids.notna()]
    clean = clean[(clean["tag"] > 0) & clean["tid"].isin(with_id)]
    if count == "tracks":
        clean = clean.drop_duplicates()
    has_tag = tids.index.isin(clean["tid"])
    clean_names = pd.Series([str(tag).lower() for tag in frame[TAG]], dtype=object)
    clean_names.index = pd.RangeIndex(1, len(frame) + 1)
    return CleanTags(
        tags=pd.DataFrame({"tag": clean_names}),
        tids=pd.DataFrame({"tid": tids.where(has_tag, None)}),
        tid_tag=clean.reset_index(drop=True),
        absent=absent,
    )


def merge_report(frame: pd.DataFrame, popularity: pd.DataFrame) -> pd.DataFrame:
    """What was merged into what: a row per name, for a person to read and correct.

    Columns: number and tag (clean), name (as it was) and count (0 if it is nowhere);
    the main name of a tag first, then the others, the most frequent first.
    """
    count_of = dict(zip(popularity["tag"], popularity["count"], strict=True))
    rows = []
    for number, (tag, names) in enumerate(
        zip(frame[TAG], frame[MERGED], strict=True), 1
    ):
        by_count = sorted(names, key=lambda name: -count_of.get(name, 0))
        for name in [tag, *by_count]:
            rows.append((number, str(tag).lower(), name, int(count_of.get(name, 0))))
    return pd.DataFrame(rows, columns=["number", "tag", "name", "count"])


def apply_rules(
    clean: CleanTags, shares: np.ndarray, rule: int, threshold: float = 0.8
) -> CleanTags:
    """Changes tags of tracks by what nearly always goes together.

    For each pair of tags x, y such that more than `threshold` of the tracks with x
    have y: rule 1 adds y to the tracks with x, 2 removes y, and 3 removes x, from
    tracks with both. All pairs are decided before any track is changed.

    Args:
        clean: what to change; tracks that lose all tags become None.
        shares: float `(tags, tags)`, how many of the tracks with x have y.
        rule: 1, 2 or 3.
        threshold: 0 to 1.
    """
    if rule not in (1, 2, 3):
        raise ConfigError(f"the rule must be 1, 2 or 3, got {rule}")
    above = shares > threshold
    np.fill_diagonal(above, False)
    pairs = clean.tid_tag.drop_duplicates()
    changes = []
    for x, y in np.argwhere(above) + 1:
        with_x = pairs["tid"][pairs["tag"] == x]
        if rule == 1:
            changes.append(pd.DataFrame({"tid": with_x, "tag": y}))
        else:
            both = with_x[with_x.isin(pairs["tid"][pairs["tag"] == y])]
            changes.append(pd.DataFrame({"tid": both, "tag": y if rule == 2 else x}))
    if changes:
        changed = pd.concat(changes).drop_duplicates()
        if rule == 1:
            pairs = pd.concat([pairs, changed]).drop_duplicates()
        else:
            keys = pd.MultiIndex.from_frame(pairs)
            pairs = pairs[~keys.isin(pd.MultiIndex.from_frame(changed))]
    tids = clean.tids["tid"]
    left = tids.where(tids.index.isin(pairs["tid"]), None)
    return CleanTags(
        clean.tags, pd.DataFrame({"tid": left}), pairs.reset_index(drop=True), []
    )
