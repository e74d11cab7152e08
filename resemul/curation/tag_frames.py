"""Frames of tags: each row a tag and the other names that are merged into it.

A frame has the columns `tag` and `merge_tags` (a list). Its row labels are ranks:
the smallest is the most popular. Every name is there once, over both columns. The
functions return new frames; `TagRows` does the work, with an index of names, so that
thousands of names cost no more than their number.
"""

import logging
from collections.abc import Iterable, Sequence

import pandas as pd

logger = logging.getLogger(__name__)

TAG, MERGED = "tag", "merge_tags"


class TagRows:
    """The rows of a frame, to be changed in place.

    `tags` and `merged` have the row labels as keys.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        if not frame.index.is_unique:
            raise ValueError("row labels are ranks, so each may be there once only")
        labels = frame.index.tolist()
        self.tags: dict[int, str] = dict(zip(labels, map(str, frame[TAG]), strict=True))
        self.merged: dict[int, dict[str, None]] = {
            label: dict.fromkeys(map(str, names))
            for label, names in zip(labels, frame[MERGED], strict=True)
        }
        self._label_of = {tag: label for label, tag in self.tags.items()}
        self._owners: dict[str, set[int]] = {}
        for label, names in self.merged.items():
            for name in names:
                self._owners.setdefault(name, set()).add(label)

    def to_frame(self) -> pd.DataFrame:
        """The rows as a frame, in their order."""
        merged = [list(names) for names in self.merged.values()]
        columns = {TAG: list(self.tags.values()), MERGED: merged}
        return pd.DataFrame(columns, index=list(self.tags), dtype=object)

    def main_label(self, name: str) -> int | None:
        """The label of the row whose main tag this is."""
        return self._label_of.get(name)

    def find(self, name: str) -> int | None:
        """The row that has a name in either column; the most popular of several."""
        label = self._label_of.get(name)
        if label is None and self._owners.get(name):
            return min(self._owners[name])
        return label

    def combine(self, labels: Iterable[int], into: int) -> None:
        """Moves rows, main tag first, into another."""
        for label in sorted(set(labels) - {into}):
            tag, names = self.tags[label], list(self.merged[label])
            self._delete(label)
            self._put([tag, *names], into)

    def add(self, names: Sequence[str], target: str, keep_target: bool) -> None:
        """Adds names to the row of a target, with all rows that these names lead to.

        Args:
            names: those that are main tags bring their rows along.
            target: in either column.
            keep_target: the target's row takes the others; else the most popular.

        Raises:
            ValueError: no row has the target.
        """
        label = self.find(target)
        if label is None:
            raise ValueError(f"no row has the tag {target!r}")
        others = [name for name in dict.fromkeys(names) if name != self.tags[label]]
        rows = [self._label_of[name] for name in others if name in self._label_of]
        new = [name for name in others if name not in self._label_of]
        self._put(new, label)
        self.combine([*rows, label], label if keep_target else min([*rows, label]))
        self.settle(new)

    def settle(self, names: Iterable[str]) -> None:
        """Joins rows that share one of these names, and what that leads to."""
        waiting = list(names)
        while waiting:
            owners = self._owners.get(waiting.pop(), set())
            if len(owners) > 1:
                into = min(owners)
                others = owners - {into}
                waiting += [name for label in others for name in self.merged[label]]
                self.combine(others, into)

    def settle_all(self) -> None:
        """Joins all rows that share a name."""
        self.settle(list(self._owners))

    def remove(self, name: str) -> bool:
        """Drops a main tag's row, or a name from its row; False if it is nowhere."""
        label = self._label_of.get(name)
        if label is not None:
            self._delete(label)
            return True
        label = self.find(name)
        if label is None:
            return False
        del self.merged[label][name]
        self._owners[name].discard(label)
        return True

    def _delete(self, label: int) -> None:
        del self._label_of[self.tags.pop(label)]
        for name in self.merged.pop(label):
            self._owners[name].discard(label)

    def _put(self, names: Iterable[str], label: int) -> None:
        for name in names:
            self.merged[label].setdefault(name)
            self._owners.setdefault(name, set()).add(label)


def combine_tags(
    frame: pd.DataFrame, names: Sequence[str], merge_idx: int | None = None
) -> pd.DataFrame:
    """Makes one row of several, called by the most popular of them.

    Args:
        frame: of tags.
        names: main tags.
        merge_idx: the label of another row to put them into; 0 is one too.

    Raises:
        ValueError: a name is no main tag, or there is no such row.
    """
    rows = TagRows(frame)
    labels = [rows.main_label(str(name)) for name in names]
    missing = [name for name, at in zip(names, labels, strict=True) if at is None]
    if missing:
        raise ValueError(f"no row has the main tag {missing[0]!r}")
    found = [label for label in labels if label is not None]
    into = min(found) if merge_idx is None else merge_idx
    if into not in rows.tags:
        raise ValueError(f"no row has the label {merge_idx!r}")
    rows.combine(found, into)
    return rows.to_frame()


def add_tags(
    frame: pd.DataFrame,
    names: Sequence[str],
    target: str,
    target_merge_index: bool = True,
) -> pd.DataFrame:
    """Adds names to the row of a target; see `TagRows.add`."""
    rows = TagRows(frame)
    rows.add([str(name) for name in names], str(target), target_merge_index)
    return rows.to_frame()


def check_overlap(frame: pd.DataFrame) -> pd.DataFrame:
    """Puts rows that share a merged name together, the less popular into the more."""
    rows = TagRows(frame)
    rows.settle_all()
    return rows.to_frame()


def remove(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Drops the row of a main tag, or takes a name out of the row that has it."""
    rows = TagRows(frame)
    if not rows.remove(str(name)):
        logger.warning("there is no tag %r to remove", name)
    return rows.to_frame()


def merge_frames(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Unites frames; rows are in the order of the first frame, then the next.

    A main tag of one that is merged in another goes into the row that has it.
    """
    tags: dict[str, dict[str, None]] = {}
    for frame in frames:
        for tag, names in zip(frame[TAG], frame[MERGED], strict=True):
            tags.setdefault(str(tag), {}).update(dict.fromkeys(map(str, names)))
    united = {TAG: list(tags), MERGED: [list(names) for names in tags.values()]}
    rows = TagRows(pd.DataFrame(united, dtype=object))
    for tag in tags:
        label = rows.main_label(tag)
        owners = rows._owners.get(tag, set()) - {label}
        if label is not None and owners:
            rows.combine([label], min(owners))
    rows.settle_all()
    return rows.to_frame()
