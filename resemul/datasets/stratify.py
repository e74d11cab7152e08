"""Splits in which every tag has its share of clips: iterative stratification.

K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the Stratification of Multi-Label Data",
ECML PKDD 2011. Here whole groups of clips can be kept together, and each split shall
have a clip of every tag as long as there are enough.
"""

from collections.abc import Sequence

import numpy as np


def tag_shares(num_clips: np.ndarray, ratio: Sequence[float]) -> np.ndarray:
    """How many clips of each tag the splits should get: float `(splits, tags)`.

    These are fractions of `num_clips` `(tags,)`, but one clip at least of a tag that
    has enough of them for all splits with a part in the `ratio`.
    """
    parts = np.array(ratio, float) / sum(ratio)
    shares = parts[:, None] * num_clips
    raised = np.where(parts[:, None] > 0, np.maximum(shares, 1), 0)
    raised[parts.argmax()] -= raised.sum(axis=0) - num_clips
    return np.where(num_clips >= (parts > 0).sum(), raised, shares)


def stratify(
    labels: np.ndarray, sizes: np.ndarray, shares: np.ndarray, wanted: Sequence[int]
) -> np.ndarray:
    """Returns the split of each unit, a clip or a group of clips: int `(units,)`.

    The tag that the fewest clips are left of is given out first, to the split that
    lacks it most; so rare tags are spread while there is still a choice. Units
    without a tag come last, and fill up.

    Args:
        labels: int `(units, tags)`, how many clips of a unit have a tag. Units that
            are alike are given out in this order.
        sizes: int `(units,)`, how many clips a unit has.
        shares: float `(splits, tags)`, how many clips with a tag each split should get.
        wanted: how many clips each split should get; 0 gets none.
    """
    splits = np.full(len(labels), -1)
    lacking = np.where(np.array(wanted)[:, None] > 0, shares, -np.inf).astype(float)
    lacking_clips = np.where(np.array(wanted) > 0, wanted, -np.inf).astype(float)
    left = labels.sum(axis=0).astype(float)
    while True:
        left[left == 0] = np.inf
        tag = int(left.argmin()) if len(left) else 0
        if not len(left) or np.isinf(left[tag]):
            break
        units = np.flatnonzero((labels[:, tag] > 0) & (splits < 0))
        # The largest first: the small ones then even out what is missing.
        for unit in units[np.argsort(-labels[units, tag], kind="stable")]:
            split = _neediest(lacking[:, tag], lacking_clips)
            splits[unit] = split
            lacking[split] -= labels[unit]
            lacking_clips[split] -= sizes[unit]
            left[np.isfinite(left)] -= labels[unit][np.isfinite(left)]
        left[tag] = np.inf
    rest = np.flatnonzero(splits < 0)
    for unit in rest[np.argsort(-sizes[rest], kind="stable")]:
        splits[unit] = split = int(lacking_clips.argmax())
        lacking_clips[split] -= sizes[unit]
    _fill_empty(splits, sizes, wanted)
    return splits


def _fill_empty(splits: np.ndarray, sizes: np.ndarray, wanted: Sequence[int]) -> None:
    """Gives a split that got nothing the smallest unit of the one with most units."""
    for split in np.flatnonzero(np.array(wanted)):
        counts = np.bincount(splits, minlength=len(wanted))
        if not counts[split] and counts.max() > 1:
            units = np.flatnonzero(splits == counts.argmax())
            splits[units[sizes[units].argmin()]] = split


def _neediest(lacking: np.ndarray, lacking_clips: np.ndarray) -> int:
    """The split that lacks most of a tag; of several, the one that lacks most clips."""
    candidates = np.flatnonzero(lacking == lacking.max())
    return int(candidates[lacking_clips[candidates].argmax()])
