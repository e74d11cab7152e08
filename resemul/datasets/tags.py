"""Which tags to learn, and in which order."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from resemul.configs.dataset import TagsConfig
from resemul.datasets.merging import load_synonyms, merge_synonyms
from resemul.datasets.tables import content_hash, read_lines
from resemul.errors import DatasetError

logger = logging.getLogger(__name__)

# The 50 most frequent MTT tags, rarest first: the label order of the published
# models. Three pairs tie (metal and female voice with 505 clips, female vocal and
# male voice with 644, pop and no vocal with 995); their order came from an unstable
# sort, so it cannot be computed.
MTT_TOP_50 = (
    "choral", "female voice", "metal", "country", "weird", "no voice", "cello",
    "harp", "beats", "female vocal", "male voice", "dance", "new age", "voice",
    "choir", "classic", "man", "solo", "sitar", "soft", "pop", "no vocal",
    "male vocal", "woman", "flute", "quiet", "loud", "harpsichord", "no vocals",
    "vocals", "singing", "male", "opera", "indian", "female", "synth", "vocal",
    "violin", "beat", "ambient", "piano", "fast", "rock", "electronic", "drums",
    "strings", "techno", "slow", "classical", "guitar",
)  # fmt: skip

# Tag columns of the published annotation file.
NUM_ALL_MTT_TAGS = 188


def select_tags(
    labels: pd.DataFrame,
    config: TagsConfig,
    default_num_tags: int | None = None,
    popularity: Sequence[str] | None = None,
) -> tuple[pd.DataFrame, str]:
    """Returns the columns to learn, in the order to learn them, and the rule's name.

    The name is empty for the default: `default_num_tags`, or all. Labels with the
    tags of MTT get the 50 published ones in the published order by default.

    Args:
        labels: one column per tag, 0 or 1.
        config: what to choose.
        default_num_tags: how many tags there are if `config` does not say so.
        popularity: tags, the most frequent first, if that is not for `labels` to say;
            the chosen ones then keep the order of `labels`.

    Raises:
        DatasetError: a file of tags or synonyms is missing or names other tags.
    """
    parts = []
    if config.merge is not None:
        name, groups = load_synonyms(config.merge)
        num_tags = len(labels.columns)
        labels = merge_synonyms(labels, groups, config.merge_names)
        if len(labels.columns) == num_tags:
            logger.warning("%s merges nothing: no two of its synonyms are here", name)
        suffix = "" if config.merge_names == "readable" else f"-{config.merge_names}"
        parts.append(name + suffix)
    if config.file is not None:
        tags = _read_tags(config.file, labels)
        parts.append(f"list-{content_hash(tags)}")
    else:
        num_tags = config.num_tags or default_num_tags or len(labels.columns)
        tags = _choose(labels, num_tags, popularity)
        if config.num_tags not in (None, default_num_tags) or config.merge is not None:
            parts.append(f"top{len(tags)}")
    if config.with_tags or config.without_tags:
        tags = _with_and_without(tags, labels, config, popularity is not None)
        parts.append(f"choice-{content_hash(tags)}")
    return labels[list(tags)], "-".join(parts)


def _choose(
    labels: pd.DataFrame, num_tags: int, popularity: Sequence[str] | None
) -> tuple[str, ...]:
    if popularity is None:
        return choose_top_tags(labels, num_tags)
    chosen = [tag for tag in popularity if tag in labels.columns][:num_tags]
    return tuple(tag for tag in labels.columns if tag in chosen)


def _with_and_without(
    tags: tuple[str, ...],
    labels: pd.DataFrame,
    config: TagsConfig,
    in_order_of_labels: bool,
) -> tuple[str, ...]:
    """The tags with more at their beginning, where the rarest are, and some fewer."""
    unknown = [
        tag
        for tag in (*config.with_tags, *config.without_tags)
        if tag not in labels.columns
    ]
    if unknown:
        raise DatasetError(
            f"no clip can have the tag {', '.join(map(repr, unknown))}; the "
            f"annotations have {', '.join(map(repr, labels.columns[:20]))}"
        )
    added = dict.fromkeys(tag for tag in config.with_tags if tag not in tags)
    chosen = [tag for tag in (*added, *tags) if tag not in config.without_tags]
    if not chosen:
        raise DatasetError("no tag is left to be learned")
    if in_order_of_labels:
        return tuple(tag for tag in labels.columns if tag in chosen)
    return tuple(chosen)


def choose_top_tags(labels: pd.DataFrame, num_tags: int) -> tuple[str, ...]:
    """`top_tags`, but for labels with the tags of MTT, of which 50 are known."""
    is_mtt = len(labels.columns) == NUM_ALL_MTT_TAGS and set(MTT_TOP_50) <= set(labels)
    if is_mtt and num_tags == len(MTT_TOP_50):
        return MTT_TOP_50
    return top_tags(labels, num_tags)


def top_tags(labels: pd.DataFrame, num_tags: int) -> tuple[str, ...]:
    """Returns the `num_tags` most frequent tags, rarest first.

    `labels` has one column per tag, with 0 or 1. Of tags that are equally frequent
    the one later in the alphabet comes first.
    """
    counts = labels.sum().astype(int)  # unsigned sums cannot be negated
    by_frequency = sorted(counts.index, key=lambda tag: (-counts[tag], tag))
    return tuple(by_frequency[:num_tags][::-1])


def _read_tags(path: Path, labels: pd.DataFrame) -> tuple[str, ...]:
    """Reads one tag per line; their order is the order of the labels."""
    tags = tuple(line for _, line in read_lines(path))
    unknown = [tag for tag in tags if tag not in labels.columns]
    if unknown:
        raise DatasetError(
            f"{path}: no clip can have the tag {', '.join(map(repr, unknown))}; the "
            f"annotations have {', '.join(map(repr, labels.columns[:20]))}"
        )
    if not tags:
        raise DatasetError(f"{path} names no tag")
    repeated = [tag for i, tag in enumerate(tags) if tag in tags[:i]]
    if repeated:
        raise DatasetError(f"{path}: {repeated[0]!r} is there twice")
    return tags
