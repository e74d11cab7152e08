"""A plan: what would be written into which song, made without touching one."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from resemul import __version__
from resemul.configs.file_tags import FIELDS, FileTagsConfig, TagFormatConfig
from resemul.configs.values import fields_from_json
from resemul.errors import ConfigError, FileTagsError
from resemul.runtime.files import file_sha256
from resemul.tagging.file_tags.decide import decide
from resemul.tagging.file_tags.formats import open_tag
from resemul.tagging.file_tags.results import TaggedSong
from resemul.tagging.file_tags.vocabulary import TagMeaning

PLAN_SCHEMA = "resemul.file-tags/1"


@dataclass(frozen=True)
class Change:
    """A field that gets other texts; `name` is what the format calls it."""

    field: str
    name: str
    old: list[str]
    new: list[str]


@dataclass(frozen=True)
class PlannedSong:
    """What shall become of one song.

    Attributes:
        label: what kind of tag it has.
        sha256: of the whole file when the plan was made.
        problem: why nothing can be written; "" if something can.
    """

    path: Path
    label: str = ""
    sha256: str = ""
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True)
class Plan:
    """Songs with changes, and how they are to be written."""

    songs: list[PlannedSong]
    formats: TagFormatConfig
    created: str


def plan_songs(
    songs: Iterable[TaggedSong],
    meanings: Mapping[str, TagMeaning],
    config: FileTagsConfig,
) -> Iterator[PlannedSong]:
    """Compares what models heard with what each song says; writes nothing."""
    for song in songs:
        if not song.results:
            yield PlannedSong(song.path, problem=song.problem or "has no tags")
            continue
        try:
            planned = _plan_song(song, meanings, config)
        except (FileTagsError, OSError) as error:
            yield PlannedSong(song.path, problem=describe(error))
            continue
        if song.problem:
            planned = replace(planned, notes=[*planned.notes, song.problem])
        yield planned


def describe(error: Exception) -> str:
    """An error of a file in few words, without the file's name."""
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    if isinstance(error, sqlite3.Error):
        return f"the journal cannot be written: {error}"
    return str(error)


def _plan_song(
    song: TaggedSong, meanings: Mapping[str, TagMeaning], config: FileTagsConfig
) -> PlannedSong:
    with song.path.open("rb") as file:
        size = song.path.stat().st_size
        tag = open_tag(file, size, config.formats)
        new = decide(tag.values, song.results, meanings, config)
        changes = [
            Change(name, tag.names[name], tag.values[name], texts)
            for name, texts in new.items()
            if tag.as_read(name, texts) != tag.values[name]
        ]
    return PlannedSong(
        song.path, tag.label, file_sha256(song.path), changes, list(tag.notes)
    )


def write_plan(
    file: IO[str], songs: Iterable[PlannedSong], config: FileTagsConfig
) -> None:
    """One JSON object a line: how to write, then each song with changes."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    header = {
        "schema": PLAN_SCHEMA,
        "resemul": __version__,
        "created": created,
        "formats": asdict(config.formats),
    }
    file.write(json.dumps(header) + "\n")
    for song in songs:
        if song.changes and not song.problem:
            content = {**asdict(song), "path": str(song.path)}
            del content["problem"]
            file.write(json.dumps(content) + "\n")


def is_plan(path: Path) -> bool:
    """Whether a file begins as plans do."""
    with path.open("rb") as file:
        return PLAN_SCHEMA.encode() in file.readline(4096)


def read_plan(path: Path) -> Plan:
    """What `write_plan` wrote.

    Raises:
        ConfigError: it is no plan, or one of another version.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        header, *songs = [json.loads(line) for line in lines if line.strip()]
        if header.get("schema") != PLAN_SCHEMA:
            raise ConfigError(
                f"{path} is no plan of this version: expected {PLAN_SCHEMA}, got "
                f"{header.get('schema')!r}; make it again with 'file-tags plan'"
            )
        formats = TagFormatConfig(
            **fields_from_json(TagFormatConfig, header["formats"], str(path))
        )
        return Plan([_read_song(song) for song in songs], formats, header["created"])
    except ConfigError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path} is no plan, or a damaged one ({error!r}); make it again with "
            "'file-tags plan'"
        ) from error


def _read_song(content: dict[str, Any]) -> PlannedSong:
    changes = []
    for change in content["changes"]:
        texts = {key: [str(text) for text in change[key]] for key in ("old", "new")}
        if change["field"] not in FIELDS:
            raise ValueError(f"no field {change['field']!r}")
        changes.append(Change(str(change["field"]), str(change["name"]), **texts))
    return PlannedSong(
        Path(content["path"]),
        str(content["label"]),
        str(content["sha256"]),
        changes,
        [str(note) for note in content["notes"]],
    )
