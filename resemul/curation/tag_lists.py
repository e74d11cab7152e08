"""Lists of names that a person goes through: which are genres, which are voices.

A list is a text file, UTF-8, one name a line, the most frequent first. What a person
rejects gets a `-` in front. There are no comments: any line is a name.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from resemul.configs.curation import (
    REJECTED,
    TAG_THRESHOLD,
    VOCAL_PERCENT,
    VOCAL_TAGS,
)
from resemul.errors import ConfigError, DatasetError
from resemul.runtime.files import atomic_write

logger = logging.getLogger(__name__)

# Lists made for this package; see the README in there.
OWN_LISTS = Path(__file__).parent / "lists"

GENRE_CANDIDATES = "non_genre_list.txt"
GENRE_LIST = "non_genre_list_filtered.txt"


def vocal_candidates_name(tag: str) -> str:
    """The file of candidates of a vocal tag."""
    return f"{tag}_list.txt"


def vocal_list_name(tag: str) -> str:
    """The file that a person has made of them."""
    return f"{tag}_list_filtered.txt"


def percentile(table: pd.DataFrame, percent: float = 90.0) -> pd.DataFrame:
    """The shortest leading part whose `count` is so many percent of the whole."""
    wanted = percent * table["count"].sum() / 100
    if wanted <= 0:
        return table.iloc[:0]
    sums = table["count"].cumsum().to_numpy()
    return table.iloc[: int(np.searchsorted(sums, wanted, "left")) + 1]


def genre_candidates(
    popularity: pd.DataFrame, threshold: int = TAG_THRESHOLD
) -> list[str]:
    """Names that are on at least `threshold` tracks, the most frequent first."""
    return popularity["tag"][popularity["count"] >= threshold].astype(str).tolist()


def vocal_candidates(
    popularity: pd.DataFrame, tag: str, percent: float = 90.0
) -> list[str]:
    """Names with a word that begins with `tag`, less the rarest.

    Args:
        popularity: as `LastFm.popularity` returns.
        tag: "rap" finds "Gangsta Rap" and "rapcore", not "trap".
        percent: as `percentile`.
    """
    pattern = re.compile(rf"\b{re.escape(tag)}", re.IGNORECASE)
    has_it = [pattern.search(str(name)) is not None for name in popularity["tag"]]
    return percentile(popularity[has_it], percent)["tag"].astype(str).tolist()


def write_candidates(
    popularity: pd.DataFrame,
    folder: Path,
    threshold: int = TAG_THRESHOLD,
    vocal_percent: Mapping[str, float] = VOCAL_PERCENT,
) -> dict[Path, int]:
    """Writes the list of genres and one for each vocal tag.

    Returns:
        The files, and how many names are in each.

    Raises:
        ConfigError: a file is there already, or cannot be written.
    """
    lists = {GENRE_CANDIDATES: genre_candidates(popularity, threshold)}
    for tag, percent in vocal_percent.items():
        name = vocal_candidates_name(tag)
        lists[name] = vocal_candidates(popularity, tag, percent)
    present = [folder / name for name in lists if (folder / name).exists()]
    if present:
        raise ConfigError(f"{present[0]} is there already; give another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, tags in lists.items():
            with atomic_write(folder / name) as file:
                file.writelines(f"{tag}\n" for tag in tags)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror}") from error
    return {folder / name: len(tags) for name, tags in lists.items()}


def read_list(path: Path, indicator: str = REJECTED) -> tuple[list[str], list[str]]:
    """The names that a person kept, and those that were rejected, each once.

    Raises:
        DatasetError: the file is missing or no text.
    """
    if not path.is_file():
        raise DatasetError(
            f"{path} does not exist; 'resemul msd candidates' writes lists to begin "
            "with"
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    names = [line for line in lines if line and not line.isspace()]
    kept = [name for name in names if not name.startswith(indicator)]
    rejected = [n.lstrip(indicator) for n in names if n.startswith(indicator)]
    return list(dict.fromkeys(kept)), list(dict.fromkeys(rejected))


def read_vocal_lists(
    folder: Path, tags: Sequence[str] = VOCAL_TAGS, indicator: str = REJECTED
) -> pd.DataFrame:
    """A row per vocal tag, with the names that a person kept for it.

    Raises:
        DatasetError: a list is missing.
    """
    rows = []
    for tag in tags:
        kept, _ = read_list(folder / vocal_list_name(tag), indicator)
        rows.append((tag, [name for name in kept if name != tag]))
    return pd.DataFrame(rows, columns=["tag", "merge_tags"])
