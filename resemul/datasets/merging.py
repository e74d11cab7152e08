"""Synonyms: several tags that mean the same become one."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from resemul.configs.dataset import MERGE_NAMES
from resemul.datasets.tables import content_hash, read_lines
from resemul.errors import DatasetError

# keunwoochoi/magnatagatune-list: 82 of MTT's 188 tags in 29 groups, so that 135
# remain. "female vocal" is in none although "male vocal" is: kept as published.
MTT_SYNONYMS = (
    ("beat", "beats"),
    ("chant", "chanting"),
    ("choir", "choral"),
    ("classical", "clasical", "classic"),
    ("drum", "drums"),
    ("electro", "electronic", "electronica", "electric"),
    ("fast", "fast beat", "quick"),
    ("female", "female singer", "female singing", "female vocals", "female voice",
     "woman", "woman singing", "women"),
    ("flute", "flutes"),
    ("guitar", "guitars"),
    ("hard", "hard rock"),
    ("harpsichord", "harpsicord"),
    ("heavy", "heavy metal", "metal"),
    ("horn", "horns"),
    ("india", "indian"),
    ("jazz", "jazzy"),
    ("male", "male singer", "male vocal", "male vocals", "male voice", "man",
     "man singing", "men"),
    ("no beat", "no drums"),
    ("no singer", "no singing", "no vocal", "no vocals", "no voice", "no voices",
     "instrumental"),
    ("opera", "operatic"),
    ("orchestra", "orchestral"),
    ("quiet", "silence"),
    ("singer", "singing"),
    ("space", "spacey"),
    ("string", "strings"),
    ("synth", "synthesizer"),
    ("violin", "violins"),
    ("vocal", "vocals", "voice", "voices"),
    ("strange", "weird"),
)  # fmt: skip

SYNONYMS: dict[str, tuple[tuple[str, ...], ...]] = {"mtt29": MTT_SYNONYMS}


def merge_synonyms(
    labels: pd.DataFrame, groups: Sequence[Sequence[str]], names: str = "readable"
) -> pd.DataFrame:
    """Returns `labels` with each group's columns replaced by one: their logical or.

    The new column stands where the group's first column stood; or, with the names
    "each", all columns of a group stay and are this or. Members that `labels`
    does not have are passed over, and so is a group without any.

    Args:
        labels: one column per tag, 0 or 1.
        groups: synonyms; a tag is in one group at most.
        names: "readable" calls a group by its first member, present or not;
            "header" by the member whose column comes first, as
            amalad/Multi-Scale-Music-Tagger does, which can be a misspelt one; "each"
            calls nobody by another's name.
    """
    if names not in MERGE_NAMES:
        raise ValueError(f"names must be one of {MERGE_NAMES}, got {names!r}")
    group_of = {tag: group for group in groups for tag in group}
    merged: dict[str, pd.Series] = {}
    for tag in labels.columns:
        group = group_of.get(tag, (tag,))
        present = [column for column in labels.columns if column in group]
        if names == "each":
            merged[tag] = labels[present].max(axis=1)
        elif tag == present[0]:
            name = group[0] if names == "readable" else tag
            merged[name] = labels[present].max(axis=1)
    return pd.DataFrame(merged, index=labels.index)


def load_synonyms(source: str) -> tuple[str, tuple[tuple[str, ...], ...]]:
    """Returns a name for the synonyms, and the groups.

    Args:
        source: a key of `SYNONYMS`; or a file with one group per line, its members
            separated by commas, in which lines that begin with # are comments; or such
            groups themselves, separated by semicolons.

    Raises:
        DatasetError: there is no such file, or it says something else.
    """
    if source in SYNONYMS:
        return source, SYNONYMS[source]
    path = Path(source)
    if not path.is_file() and "," in source:
        lines = list(enumerate(source.split(";"), 1))
    elif path.is_file():
        lines = read_lines(path)
    else:
        raise DatasetError(
            f"{source} is neither a file of synonyms nor one of the known lists: "
            f"{', '.join(SYNONYMS)}"
        )
    groups = []
    for number, line in lines:
        group = tuple(member.strip() for member in line.split(","))
        if len(group) < 2 or "" in group:
            raise DatasetError(
                f"{path}, line {number}: expected synonyms separated by commas, "
                f"such as 'drum, drums'; got {line!r}"
            )
        groups.append(group)
    repeated = [tag for tag, n in Counter(sum(groups, ())).items() if n > 1]
    if repeated:
        raise DatasetError(
            f"{path}: {', '.join(map(repr, repeated))} is there more than once; a tag "
            "can be in one group only"
        )
    if not groups:
        raise DatasetError(f"{path} holds no synonyms")
    return f"merge-{content_hash(map('|'.join, groups))}", tuple(groups)
