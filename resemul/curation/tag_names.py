"""From hundreds of thousands of names to a table of clean tags.

Names that differ in spelling alone become one tag; a person's lists say which are no
genres, and which mean a kind of voice.
"""

import logging
import re
from collections.abc import Callable, Collection, Sequence

import pandas as pd

from resemul.configs.curation import TAG_THRESHOLD, CleaningConfig
from resemul.curation.tag_frames import MERGED, TAG, TagRows
from resemul.curation.tag_lists import (
    GENRE_LIST,
    OWN_LISTS,
    read_list,
    read_vocal_lists,
)
from resemul.errors import ConfigError

logger = logging.getLogger(__name__)

Transform = Callable[[str], str]

_DECADE = re.compile(r"\b\d0s")


def _keep(name: str, also: str = "") -> str:
    return re.sub(f"[^A-Za-z0-9{also}]", "", name)


def _with_century(century: str) -> Transform:
    return lambda name: _DECADE.sub(lambda m: century + m.group(), _keep(name))


# In the order in which they are tried.
TRANSFORMS: dict[str, Transform] = {
    "c1": _keep,
    "c2": lambda name: _keep(name, "&").replace("&", "n"),
    "c3": lambda name: _keep(name, "&").replace("&", "and"),
    "c4": lambda name: _keep(name.replace(" and ", "n")),
    "c5": _with_century("19"),
    "c6": _with_century("20"),
}


def make_key(name: str, transform: Transform, remove_plural: bool = True) -> str:
    """What names that mean the same have in common: "80's" and "80s" are "80".

    One small s at the end is dropped, unless it follows another or stands alone.
    """
    key = transform(name)
    if remove_plural and len(key) > 1 and key[-1] == "s" and key[-2] != "s":
        key = key[:-1]
    return key.lower()


def search_genre(
    pool: pd.DataFrame,
    frame: pd.DataFrame,
    transform: Transform = TRANSFORMS["c1"],
    targets: Sequence[str] | None = None,
    sub_threshold: int = 10,
    remove_plural: bool = True,
) -> pd.DataFrame:
    """Merges into each target the names of the pool that have its key.

    Args:
        pool: columns `tag` and `count`.
        frame: of tags; see `tag_frames`.
        transform: one of `TRANSFORMS`.
        targets: None for all main tags. One that no row has is passed over.
        sub_threshold: names of the pool that are rarer are not looked at.
        remove_plural: see `make_key`.
    """
    rows = TagRows(frame)
    if targets is None:
        targets = list(rows.tags.values())
    _search(pool, rows, transform, targets, sub_threshold, remove_plural)
    return rows.to_frame()


def generate_genre_frame(
    popularity: pd.DataFrame,
    rejected: Collection[str],
    threshold: int = TAG_THRESHOLD,
    sub_threshold: int = 200,
    ignore_case: bool = False,
) -> pd.DataFrame:
    """Genres: names on `threshold` tracks, with the spellings that mean the same.

    Args:
        popularity: columns `tag` and `count`, the most frequent first.
        rejected: names that are no genres. Any other name may be one.
        threshold, sub_threshold: see `CleaningConfig`.
        ignore_case: reject other spellings in capitals and small letters too.
    """
    names = popularity["tag"].astype(str)
    if ignore_case:
        is_rejected = names.str.lower().isin({name.lower() for name in rejected})
    else:
        is_rejected = names.isin(list(rejected))
    pool = popularity.assign(tag=names)[~is_rejected]
    targets = pool["tag"][pool["count"] >= threshold].drop_duplicates().tolist()
    start = {TAG: targets, MERGED: [[] for _ in targets]}
    rows = TagRows(pd.DataFrame(start, dtype=object))
    decades = [match.group() for name in targets if (match := _DECADE.search(name))]
    with_sign = [name for name in targets if "&" in name]
    with_and = [name for name in targets if " and " in name]
    for key, chosen in (
        ("c1", targets),
        ("c2", with_sign),
        ("c3", with_sign),
        ("c4", with_and),
        ("c5", decades),
        ("c6", decades),
    ):
        remove_plural = chosen is not decades
        _search(pool, rows, TRANSFORMS[key], chosen, sub_threshold, remove_plural)
    return rows.to_frame()


def generate_final_frame(
    popularity: pd.DataFrame, config: CleaningConfig | None = None
) -> pd.DataFrame:
    """The clean tags: genres by popularity, then the vocal tags; labels from 0.

    Raises:
        DatasetError: a list is missing.
    """
    config = config or CleaningConfig()
    folder = config.lists or OWN_LISTS
    vocal = read_vocal_lists(folder, config.vocal_tags, config.vocal_indicator)
    _, rejected = read_list(folder / GENRE_LIST, config.genre_indicator)
    is_own = config.lists is None
    if is_own if config.vocal_first is None else config.vocal_first:
        rejected += [*vocal[TAG], *(name for names in vocal[MERGED] for name in names)]
    ignore_case = is_own if config.ignore_case is None else config.ignore_case
    genres = generate_genre_frame(
        popularity, rejected, config.threshold, config.sub_threshold, ignore_case
    )
    rows = TagRows(pd.concat([genres, vocal], ignore_index=True))
    _combine_groups(rows, config.combine, any_name=ignore_case)
    absent = [name for name in config.drop if not rows.remove(str(name))]
    if absent:
        logger.info("not there to be dropped: %s", ", ".join(absent))
    _add_groups(rows, config)
    return rows.to_frame().reset_index(drop=True)


def _search(
    pool: pd.DataFrame,
    rows: TagRows,
    transform: Transform,
    targets: Sequence[str],
    sub_threshold: int,
    remove_plural: bool,
) -> None:
    if not targets:
        return
    names_of: dict[str, list[str]] = {}
    for name in pool["tag"][pool["count"] >= sub_threshold].astype(str):
        names_of.setdefault(make_key(name, transform, remove_plural), []).append(name)
    for target in targets:
        key = make_key(target, transform, remove_plural)
        # Names in other scripts have no letters that count: all of them would match.
        if key:
            try:
                rows.add(names_of.get(key, []), target, keep_target=False)
            except ValueError:
                logger.info("no row has the tag %r; not searched for", target)


def _combine_groups(
    rows: TagRows, groups: Sequence[Sequence[str]], any_name: bool
) -> None:
    """Combines rows by their main tags, or by any of their names."""
    find = rows.find if any_name else rows.main_label
    for group in groups:
        labels = [find(name) for name in group]
        there = [label for label in labels if label is not None]
        if len(there) < len(group):
            missing = [n for n, at in zip(group, labels, strict=True) if at is None]
            logger.info("not there to be combined: %s", ", ".join(missing))
        if there:
            rows.combine(there, min(there))


def _add_groups(rows: TagRows, config: CleaningConfig) -> None:
    merge_index = config.add_target_merge_index
    if isinstance(merge_index, bool):
        merge_index = [merge_index] * len(config.add)
    for names, target, keep in zip(
        config.add, config.add_targets, merge_index, strict=True
    ):
        if rows.find(target) is None:
            raise ConfigError(f"no row has the tag {target!r}, to add names to")
        rows.add(names, target, keep)
