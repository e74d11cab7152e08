"""How tags go together: tracks that have several of them, and shares of those."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse

from resemul.configs.curation import (
    EQUIVALENT_SHARE,
    IMPLIED_SHARE,
    MAX_PLOTTED_TAGS,
)
from resemul.curation.lastfm import LastFm
from resemul.errors import ConfigError, DatasetError, UnknownNameError
from resemul.runtime.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class TagMatrix:
    """Which tracks have which tags.

    Args:
        tracks: sparse `(tracks, tags)`, anything but zero where a track has a tag.
        tags: names, in the order of the columns.
    """

    def __init__(self, tracks: Any, tags: Sequence[str]) -> None:
        tracks = scipy.sparse.csc_array(tracks)
        if tracks.shape[1] != len(tags):
            raise ValueError(f"{tracks.shape[1]} columns for {len(tags)} tags")
        self._tracks = scipy.sparse.csc_array(tracks != 0, dtype=bool)
        self.tags = tuple(tags)
        self._index = {tag: i for i, tag in enumerate(self.tags)}

    @classmethod
    def count(cls, tags: LastFm, names: Iterable[str] | None = None) -> "TagMatrix":
        """Reads the tracks of a database.

        Args:
            tags: whose tracks; those whose id is null do not count.
            names: of tags, each once; None for all that have a track, the most
                frequent first.

        Raises:
            UnknownNameError: there is no such tag.
        """
        chosen = tags.pop["tag"].tolist() if names is None else list(names)
        numbers = tags.tag_to_tag_num(chosen)
        pairs = tags.fetch_all_tids_tags()
        pairs = pairs[pairs["tid"].isin(tags.get_tid_nums())]
        columns = pd.Index(numbers).get_indexer(pairs["tag"])
        rows, _ = pd.factorize(pairs["tid"])
        num_tracks = int(rows.max()) + 1 if len(rows) else 0
        is_chosen = columns >= 0
        ones = np.ones(int(is_chosen.sum()), bool)
        places = (rows[is_chosen], columns[is_chosen])
        shape = (num_tracks, len(chosen))
        return cls(scipy.sparse.coo_array((ones, places), shape=shape), chosen)

    def tags_and(self, tags: Iterable[str | int]) -> int:
        """How many tracks have all of these tags, by name or index."""
        return int(self._has(tags, all_of=True).sum())

    def tags_or(self, tags: Iterable[str | int]) -> int:
        """How many tracks have any of these tags."""
        return int(self._has(tags, all_of=False).sum())

    def with_one_without_many(
        self, one: Iterable[str | int], many: Iterable[str | int]
    ) -> int:
        """How many tracks have the one tag and none of the others."""
        return int((self._has(one, True) & ~self._has(many, False)).sum())

    def with_many_without_one(
        self, many: Iterable[str | int], one: Iterable[str | int]
    ) -> int:
        """How many tracks have all of the tags but not the one."""
        return int((self._has(many, True) & ~self._has(one, True)).sum())

    def counts(self) -> np.ndarray:
        """Tracks with both of two tags: int64 `(tags, tags)`, on the diagonal one."""
        numbers = self._tracks.astype("int64")
        return (numbers.T @ numbers).toarray()

    def correlation_matrix_2d(self) -> np.ndarray:
        """Of the tracks with tag i, the share that has j: float64 `(tags, tags)`."""
        counts = self.counts()
        return _share(counts, np.diag(counts)[:, None])

    def correlation_matrix_3d(self) -> np.ndarray:
        """Of the tracks with i, the share that has j or k: `(tags, tags, tags)`."""
        num_tags = len(self.tags)
        shares = np.zeros((num_tags, num_tags, num_tags))
        by_track = self._tracks.tocsr().astype("int64")
        for i in range(num_tags):
            with_i = by_track[self._column(i)]
            both = (with_i.T @ with_i).toarray()
            single = np.diag(both)
            either = single[:, None] + single[None, :] - both
            shares[i] = _share(either, np.array(with_i.shape[0]))
        return shares

    def are_equivalent(self, threshold: float = EQUIVALENT_SHARE) -> np.ndarray:
        """Pairs of which nearly all tracks of either have the other: bool."""
        above = self.correlation_matrix_2d() > threshold
        return _without_diagonal(np.logical_and(above, above.T))

    def all_tag_is(self, threshold: float = IMPLIED_SHARE) -> np.ndarray:
        """Whether nearly all tracks with i have j: bool `(tags, tags)`."""
        return _without_diagonal(np.asarray(self.correlation_matrix_2d() > threshold))

    def all_tag_is_either(self, threshold: float = IMPLIED_SHARE) -> np.ndarray:
        """Whether nearly all tracks with i have j or k: bool `(tags, tags, tags)`."""
        above = self.correlation_matrix_3d() > threshold
        i = np.arange(len(self.tags))
        above[i, i, :] = False
        above[i, :, i] = False
        return above

    def save(self, path: Path) -> None:
        """Writes the matrix as `path` (.npz), the names as JSON beside it."""
        with atomic_write(path, "wb") as file:
            scipy.sparse.save_npz(file, self._tracks)
        with atomic_write(path.with_suffix(".json")) as file:
            json.dump({"tags": self.tags}, file, ensure_ascii=False, indent=1)

    @classmethod
    def load(cls, path: Path) -> "TagMatrix":
        """Reads what `save` wrote; nothing in it is executed.

        Raises:
            DatasetError: a file is missing or broken.
        """
        try:
            tags = json.loads(path.with_suffix(".json").read_text("utf-8"))["tags"]
            return cls(scipy.sparse.load_npz(path), tags)
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise DatasetError(f"{path} cannot be read: {error}") from error

    def _has(self, tags: Iterable[str | int], all_of: bool) -> np.ndarray:
        """Whether each track has all, or any, of the tags: bool `(tracks,)`."""
        columns = [self._column(tag) for tag in tags]
        if not columns:
            raise ConfigError("one tag at least has to be named")
        found = np.stack(columns)
        return np.all(found, axis=0) if all_of else np.any(found, axis=0)

    def _column(self, tag: str | int) -> np.ndarray:
        index = self._index.get(tag) if isinstance(tag, str) else int(tag)
        if index is None or not 0 <= index < len(self.tags):
            raise UnknownNameError(f"the matrix has no tag {tag!r}")
        return self._tracks[:, [index]].toarray()[:, 0]


def plot_correlation(
    shares: np.ndarray, tags: Sequence[str], max_tags: int = MAX_PLOTTED_TAGS
) -> "Figure":
    """Draws shares `(tags, tags)` as a map, those of the first tags.

    Args:
        shares: 0 to 1, as `correlation_matrix_2d` returns.
        tags: names of rows and columns.
        max_tags: how many to draw.
    """
    from matplotlib.figure import Figure

    names = list(tags)[:max_tags]
    size = 2.5 + 0.22 * len(names)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares[: len(names), : len(names)], vmin=0, vmax=1)
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=90, fontsize=8)
    axes.set_yticks(ticks, names, fontsize=8)
    axes.set_xlabel("also have")
    axes.set_ylabel("of the tracks with")
    figure.colorbar(image, ax=axes, label="share", shrink=0.8)
    return figure


def _share(counts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    """Parts of wholes; 0 of nothing is 0."""
    whole = np.broadcast_to(wholes, counts.shape)
    return np.divide(counts, whole, out=np.zeros(counts.shape), where=whole > 0)


def _without_diagonal(matrix: np.ndarray) -> np.ndarray:
    np.fill_diagonal(matrix, False)
    return matrix
