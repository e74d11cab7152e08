"""Which files, tags and tracks of whole-track records are used, by a `TrackChoice`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor
from pathlib import Path
from typing import Any

import numpy as np

from resemul.configs.track_records import LOG_MEL, TrackChoice
from resemul.datasets.merging import load_synonyms
from resemul.datasets.msd import read_labels
from resemul.datasets.tables import read_lines
from resemul.errors import ConfigError, DatasetError
from resemul.records.track_index import TrackIndex
from resemul.records.track_shards import manifest_name, sorted_files

# As the original parted its files, in percent.
_DEFAULT_SPLIT = (80.0, 10.0, 10.0)
# Names of files of parts, and of splits.
_PARTS = {"train": "train", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class TrackFacts:
    """What is known of the records beside their files: names and order of the tags."""

    tags: tuple[str, ...]
    popularity: tuple[str, ...] | None
    sample_rate: int = 16_000
    num_bands: int = 96
    # Tracks that are in no file, by the file in which they would be.
    num_skipped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ChosenTags:
    """Places of the tags, from 0 and in their order, and places that go together."""

    names: tuple[str, ...]
    places: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    # Whether a track needs one of the tags.
    is_needed: bool

    def labels(self, labels: np.ndarray) -> np.ndarray:
        """Of tracks `(tracks, all tags)`, their labels `(tracks, tags)`."""
        merged = labels.copy()
        for group in self.groups:
            merged[:, group] = labels[:, group].max(axis=1, keepdims=True)
        return merged[:, self.places]


def read_facts(folder: Path, record_format: str, choice: TrackChoice) -> TrackFacts:
    """From the manifest, or from the database of clean tags.

    Raises:
        DatasetError: one of them cannot be read.
        ConfigError: there is neither.
    """
    facts: dict[str, Any] = {}
    path = folder / manifest_name(record_format)
    if path.is_file():
        facts = _read_manifest(path, record_format)
    elif choice.tag_db is None:
        raise ConfigError(
            f"{folder} has no {path.name}, which names the tags; give the database of "
            "clean tags that the records were made with: --tag-db"
        )
    if choice.tag_db is not None:
        labels, popularity = read_labels(choice.tag_db, [])
        names = tuple(map(str, labels.columns))
        if facts.get("tags", names) != names:
            raise DatasetError(f"{choice.tag_db} has other tags than {path}")
        facts |= {"tags": names, "popularity": popularity}
    return TrackFacts(**facts)


def _read_manifest(path: Path, record_format: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
        facts: dict[str, Any] = {
            "tags": tuple(map(str, content["tags"])),
            "sample_rate": int(content["sample_rate"]),
            "popularity": None,
            "num_skipped": {
                name: len(file["skipped"]) for name, file in content["files"].items()
            },
        }
        if record_format == LOG_MEL:
            facts["num_bands"] = int(content["num_bands"])
        if "popularity" in content:
            facts["popularity"] = tuple(map(str, content["popularity"]))
            if sorted(facts["popularity"]) != sorted(facts["tags"]):
                raise ValueError("popularity does not list the tags")
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path} is not a manifest of tracks: {error!r}") from error
    return facts


def choose_files(
    folder: Path, record_format: str, choice: TrackChoice
) -> dict[str, list[Path]]:
    """The files of each split.

    Raises:
        ConfigError: there are fewer files than the parts take.
    """
    files = sorted_files(folder, record_format)
    if not choice.split:
        named = {
            split: [f for f in files if f.stem.startswith(f"{record_format}_{part}")]
            for part, split in _PARTS.items()
        }
        if any(named.values()):
            return named
    parts = part_files(files, choice.split or _DEFAULT_SPLIT)
    return dict(zip(_PARTS.values(), [*parts, []], strict=False))


def part_files(
    files: Sequence[Path], split: Sequence[float] | None
) -> list[list[Path]]:
    """The files of each part; percent if the split adds up to 100.

    Without a split there is one part. Shares of percent are floored, as cumulated;
    other numbers are of files, and the rest is not used.

    Raises:
        ConfigError: there are fewer files than the parts take.
    """
    if split is None:
        return [list(files)]
    if min(split) < 0:
        raise ConfigError(f"parts of a split must be 0 or more, got {list(split)}")
    ends = np.cumsum(split)
    if ends[-1] == 100:
        ends = np.array([floor(end * len(files) / 100) for end in ends])
    if ends[-1] > len(files) or (ends != ends.astype(int)).any():
        raise ConfigError(
            "a split is percent, 100 in all, or whole numbers of files, of which there "
            f"are {len(files)}; got {list(split)}"
        )
    starts = [0, *ends[:-1]]
    return [list(files[int(a) : int(b)]) for a, b in zip(starts, ends, strict=True)]


def describe_split(choice: TrackChoice) -> str:
    """A name for the split, and for what is left out, for scores."""
    parts = "-".join(f"{part:g}" for part in choice.split) or "files"
    return f"files-{parts}" if choice.split else parts


def choose_tags(facts: TrackFacts, choice: TrackChoice) -> ChosenTags:
    """The first `top` by popularity, and those with, without those without.

    Raises:
        ConfigError: there is no such tag, none is left, or popularity is not known.
    """
    chosen = set(range(len(facts.tags)))
    if choice.top is not None:
        if facts.popularity is None:
            raise ConfigError(
                "which tags are the most frequent is not known of these records; give "
                "the database of clean tags: --tag-db"
            )
        chosen = {facts.tags.index(name) for name in facts.popularity[: choice.top]}
    elif choice.with_tags:
        chosen = set()
    chosen |= {_place(tag, facts.tags) for tag in choice.with_tags}
    chosen -= {_place(tag, facts.tags) for tag in choice.without_tags}
    if not chosen:
        raise ConfigError("no tag is left to learn; see --top and --without-tags")
    groups = load_synonyms(choice.merge)[1] if choice.merge else ()
    return ChosenTags(
        names=tuple(facts.tags[place] for place in sorted(chosen)),
        places=tuple(sorted(chosen)),
        groups=tuple(
            tuple(_place(tag, facts.tags) for tag in group) for group in groups
        ),
        is_needed=choice.chooses_tags,
    )


def _place(tag: str, tags: tuple[str, ...]) -> int:
    if tag in tags:
        return tags.index(tag)
    if tag.isdecimal() and 1 <= int(tag) <= len(tags):
        return int(tag) - 1
    raise ConfigError(
        f"the records have no tag {tag!r}, and none of that number: there are "
        f"{len(tags)}"
    )


def read_excluded(choice: TrackChoice) -> frozenset[str]:
    """Ids of tracks to leave out.

    Raises:
        DatasetError: the file cannot be read.
    """
    if choice.exclude is None:
        return frozenset()
    return frozenset(line.strip() for _, line in read_lines(choice.exclude))


def which_are_used(
    index: TrackIndex,
    tags: ChosenTags,
    excluded: frozenset[str],
    lengths: np.ndarray,
    min_length: int,
) -> np.ndarray:
    """Bool `(records,)`: not excluded, long enough, and with one of the tags."""
    is_used = lengths >= min_length
    is_used &= np.array([tid not in excluded for tid in index.tids], bool)
    if tags.is_needed:
        is_used &= tags.labels(index.labels).any(axis=1)
    return is_used
