"""Which clip trains, which one decides when to stop, which one is scored.

The order that random splits draw from is that of hashes of the seed and a name, so
that it depends neither on the order of the annotations nor on a library's version.
"""

import hashlib
import logging
from collections.abc import Sequence
from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np
import pandas as pd

from resemul.configs.dataset import (
    DEFAULT_RATIO,
    DRAWN_SPLITS,
    SplitConfig,
    format_ratio,
    parse_ratio,
)
from resemul.constants import SPLITS
from resemul.datasets.stratify import stratify, tag_shares
from resemul.datasets.tables import content_hash, read_lines, read_table
from resemul.datasets.track import Collection
from resemul.errors import ConfigError, DatasetError

logger = logging.getLogger(__name__)

Ratio = Sequence[Fraction]

_SPELLINGS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
# A column with one of these names says which clips belong together.
GROUP_COLUMNS = ("group", "artist")
# How a table of groups may call the clips.
_KEY_COLUMNS = ("clip_id", "track_id", "id", "path", "file", "filename", "mp3_path")


def parse_split(text: str) -> str | None:
    """The split that a word in an annotation file means; None if it means none."""
    word = text.strip().lower()
    return next((split for split, words in _SPELLINGS.items() if word in words), None)


def split_sizes(num_clips: int, ratio: Ratio) -> list[int]:
    """How many clips each split gets: largest remainders, one at least if possible."""
    shares = [num_clips * part / sum(ratio) for part in ratio]
    sizes = [floor(share) for share in shares]
    by_remainder = sorted(range(len(ratio)), key=lambda i: sizes[i] - shares[i])
    for i in by_remainder[: num_clips - sum(sizes)]:
        sizes[i] += 1
    for i, part in enumerate(ratio):
        if part and not sizes[i] and max(sizes) > 1:
            sizes[sizes.index(max(sizes))] -= 1
            sizes[i] = 1
    return sizes


def split_randomly(names: Sequence[str], ratio: Ratio, seed: int) -> list[str]:
    """Returns the split of each of the clips, which have different names."""
    in_order = sorted(names, key=lambda name: _draw(name, seed))
    sizes = split_sizes(len(names), ratio)
    splits = [split for split, n in zip(SPLITS, sizes, strict=True) for _ in range(n)]
    of_name = dict(zip(in_order, splits, strict=True))
    return [of_name[name] for name in names]


def split_by_group(groups: Sequence[str], ratio: Ratio, seed: int) -> list[str]:
    """Returns the split of each clip, the same for all clips of a group.

    The largest groups go first, each to the split that lacks most clips; the last
    groups go to splits that have none yet.

    Raises:
        DatasetError: there are fewer groups than splits to fill.
    """
    size_of = dict.fromkeys(groups, 0)
    for group in groups:
        size_of[group] += 1
    lacking = dict(zip(SPLITS, split_sizes(len(groups), ratio), strict=True))
    empty = [split for split, part in zip(SPLITS, ratio, strict=True) if part]
    if len(size_of) < len(empty):
        raise DatasetError(
            f"{len(size_of)} groups cannot fill the splits {', '.join(empty)}"
        )
    in_order = sorted(size_of, key=lambda g: (-size_of[g], _draw(g, seed)))
    split_of: dict[str, str] = {}
    for number, group in enumerate(in_order):
        must_fill = len(in_order) - number <= len(empty)
        candidates = empty if must_fill else [s for s in SPLITS if lacking[s] > 0]
        split = max(candidates, key=lambda s: lacking[s])
        split_of[group] = split
        lacking[split] -= size_of[group]
        empty = [s for s in empty if s != split]
    return [split_of[group] for group in groups]


def split_stratified(
    names: Sequence[str],
    labels: pd.DataFrame,
    ratio: Ratio,
    seed: int,
    groups: Sequence[str] | None = None,
) -> list[str]:
    """Returns the split of each clip, so that each split has its share of every tag.

    Args:
        names: of the clips, all different.
        labels: 0 or 1, a row per clip and a column per tag.
        ratio: of train, val and test.
        seed: another one gives another split.
        groups: whose clips stay together, if any; with fewer groups than splits, or
            a group that outweighs the rest, a split can stay empty.
    """
    units = sorted(set(groups or names), key=lambda unit: _draw(unit, seed))
    number_of = {unit: number for number, unit in enumerate(units)}
    unit_of = np.array([number_of[unit] for unit in (groups or names)])
    counts = np.zeros((len(units), labels.shape[1]), "int64")
    np.add.at(counts, unit_of, labels.to_numpy("int64"))
    numbers = stratify(
        counts,
        np.bincount(unit_of, minlength=len(units)),
        tag_shares(counts.sum(axis=0), list(map(float, ratio))),
        split_sizes(len(names), ratio),
    )
    return [SPLITS[number] for number in numbers[unit_of]]


def split_rule(collection: Collection, config: SplitConfig) -> str:
    """The rule that holds: the one asked for, or the first that there is data for."""
    if config.rule is not None:
        return config.rule
    if config.lists:
        return "files"
    if collection.splits is not None and config.groups_file is None:
        return collection.split_rule
    return "stratified"


def assign_splits(
    collection: Collection, config: SplitConfig
) -> tuple[list[str | None], str]:
    """Returns the split of each clip, None if it is in none, and the split's name.

    Raises:
        DatasetError: the annotations do not have what the rule needs.
        ConfigError: an option does not go with the rule.
    """
    groups, group_name = collection.groups, collection.group_name
    if config.groups_file is not None:
        groups, group_name = _read_groups(collection, config)
    rule = split_rule(collection, config)
    if rule not in DRAWN_SPLITS and (config.ratio or config.seed):
        raise ConfigError(
            f"ratio and seed go with the splits {', '.join(DRAWN_SPLITS)}, not {rule!r}"
        )
    if rule == "group" and groups is None:
        raise DatasetError(
            f"{collection.source}: no column says which clips belong together; "
            "name it as --group-column, or a table that has it as --groups"
        )
    if rule in DRAWN_SPLITS:
        splits, name = _draw_splits(rule, collection, groups, group_name, config)
    elif rule == "files":
        splits, name = _read_lists(collection, config.lists)
    else:
        splits, name = _given_splits(collection, rule)
    if groups is not None and rule not in ("group", "stratified"):
        _warn_of_leaks(groups, group_name, splits)
    return splits, name


def _draw_splits(
    rule: str,
    collection: Collection,
    groups: Sequence[str] | None,
    group_name: str,
    config: SplitConfig,
) -> tuple[list[str | None], str]:
    names, labels = collection.clip_ids, collection.labels
    ratio = parse_ratio(config.ratio or DEFAULT_RATIO)
    drawn = f"{format_ratio(ratio)}-seed{config.seed}"
    by_group = f"by-{group_name}" if groups is not None else ""
    if rule == "stratified":
        splits = split_stratified(names, labels, ratio, config.seed, groups)
        return list(splits), "-".join(filter(None, (rule, by_group, drawn)))
    if rule == "group":
        assert groups is not None  # assign_splits has checked
        return list(split_by_group(groups, ratio, config.seed)), f"{by_group}-{drawn}"
    return list(split_randomly(names, ratio, config.seed)), f"{rule}-{drawn}"


def _draw(name: str, seed: int) -> str:
    # Names of files need not be Unicode; such bytes are surrogates in Python.
    text = f"{seed}:{name}".encode(errors="surrogateescape")
    return hashlib.sha256(text).hexdigest()


def _given_splits(collection: Collection, rule: str) -> tuple[list[str | None], str]:
    if collection.splits is None or rule != collection.split_rule:
        raise DatasetError(
            f"{collection.source}: the data set {collection.dataset!r} has no split "
            f"{rule!r}"
            + ("; name its column as --split-column" if rule == "column" else "")
        )
    name = collection.split_name or f"{rule}-{_hash(collection, collection.splits)}"
    return list(collection.splits), name


def _read_lists(
    collection: Collection, lists: dict[str, Path]
) -> tuple[list[str | None], str]:
    """Splits from files with one clip per line, by its id or its path."""
    index_of = {path.as_posix(): i for i, path in enumerate(collection.paths)}
    index_of |= {clip_id: i for i, clip_id in enumerate(collection.clip_ids)}
    splits: list[str | None] = [None] * len(collection.clip_ids)
    num_others = 0
    for split, path in lists.items():
        for number, line in read_lines(path):
            index = index_of.get(line)
            if index is None and collection.lists_name_others:
                num_others += 1
                continue
            if index is None:
                raise DatasetError(
                    f"{path}, line {number}: {collection.source} has no clip {line!r}; "
                    "expected its id or its path"
                )
            if splits[index] not in (None, split):
                raise DatasetError(
                    f"{path}, line {number}: {line!r} is in {splits[index]} already"
                )
            splits[index] = split
    if num_others:
        logger.warning("%d clips of the lists are not here", num_others)
    num_left_out = splits.count(None)
    if num_left_out:
        logger.warning("%d clips are in no list, and left out", num_left_out)
    return splits, f"files-{_hash(collection, splits)}"


def _hash(collection: Collection, splits: Sequence[str | None]) -> str:
    return content_hash(sorted(map("{}:{}".format, splits, collection.clip_ids)))


def _read_groups(collection: Collection, config: SplitConfig) -> tuple[list[str], str]:
    """The group of each clip, from a table of its own, and the column's name."""
    path = config.groups_file
    assert path is not None
    table = read_table(path)
    column = table.find(config.group_column, GROUP_COLUMNS)
    key = table.find(None, _KEY_COLUMNS)
    if column is None or key is None:
        raise DatasetError(
            f"{path}: expected a column {'clip_id, id or path' if column else 'group'} "
            f"(--group-column names another); it has {', '.join(table.header[:20])}"
        )
    values = table.require_filled(column)
    group_of = dict(zip(table.require_unique(key), values, strict=True))
    groups = []
    for clip_id, clip_path in zip(collection.clip_ids, collection.paths, strict=True):
        group = group_of.get(clip_id, group_of.get(clip_path.as_posix()))
        if group is None:
            raise DatasetError(f"{path}: column {key!r} has no clip {clip_id!r}")
        groups.append(group)
    return groups, column


def _warn_of_leaks(
    groups: Sequence[str], name: str, splits: Sequence[str | None]
) -> None:
    splits_of: dict[str, set[str]] = {}
    for group, split in zip(groups, splits, strict=True):
        if split is not None:
            splits_of.setdefault(group, set()).add(split)
    leaking = sorted(group for group, found in splits_of.items() if len(found) > 1)
    if leaking:
        logger.warning(
            "%d values of %s have clips in more than one split, %r for one: scores "
            "will be too good; --split group keeps them together",
            len(leaking),
            name,
            leaking[0],
        )
