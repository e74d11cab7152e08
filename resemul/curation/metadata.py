"""What the Million Song Dataset knows of a song: ids and the table of metadata."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from resemul.curation.match import read_summary
from resemul.datasets.file_tables import TRACK_7DIGITAL_ID, TRACK_ID
from resemul.datasets.sqlite import chunks, open_read_only, query
from resemul.errors import ConfigError, UnknownNameError

# Columns of `songs` in track_metadata.db; nothing else goes into a query.
ATTRIBUTES = (
    "track_id", "title", "song_id", "release", "artist_id", "artist_mbid",
    "artist_name", "duration", "artist_familiarity", "artist_hotttnesss", "year",
)  # fmt: skip

Id = int | str


class Metadata:
    """Ids and attributes of songs.

    Args:
        summary: the summary file; read at the first question that needs it.
        songs: `track_metadata.db`.
    """

    def __init__(self, summary: Path | None = None, songs: Path | None = None) -> None:
        self._summary_path = summary
        self._songs_path = songs

    def get_trackid_from_7digitalid(self, ids: Id | Sequence[Id]) -> Any:
        """The track id of a 7digital id; a list of them for several.

        Raises:
            UnknownNameError: no song has the id, or more than one has.
        """
        if not _is_several(ids):
            return self._track_ids([_as_number(ids)])[0]
        return self._track_ids([_as_number(one) for one in ids])  # type: ignore

    def get_7digitalid_from_trackid(self, ids: str | Sequence[str]) -> Any:
        """The 7digital id of a track id; a list of them for several.

        Raises:
            UnknownNameError: no song has the id, or more than one has.
        """
        of_track = self._by_track
        if not _is_several(ids):
            return self._one(of_track, str(ids))
        return [self._one(of_track, one) for one in ids]

    def get_attribute(self, attribute: str, ids: Id | Sequence[Id]) -> Any:
        """An attribute of a song; a list for several, in their order.

        Args:
            attribute: one of `ATTRIBUTES`.
            ids: 7digital ids, as numbers or text, track ids or song ids; all of one
                kind. A song id that several tracks have stands for the first.

        Raises:
            ConfigError: there is no such attribute, or ids are of no kind.
            UnknownNameError: no song has the id.
            DatasetError: a file is missing or broken.
        """
        if attribute not in ATTRIBUTES:
            raise ConfigError(
                f"attribute must be one of {', '.join(ATTRIBUTES)}, got {attribute!r}"
            )
        several = _is_several(ids)
        wanted: list[Id] = list(ids) if several else [ids]  # type: ignore
        column, keys = self._keys(wanted)
        found = self._look_up(attribute, column, keys)
        for one, key in zip(wanted, keys, strict=True):
            if key not in found:
                raise UnknownNameError(f"{self._songs_path}: no song has the id {one}")
        values = [found[key] for key in keys]
        return values if several else values[0]

    def _keys(self, ids: list[Id]) -> tuple[str, list[str]]:
        """The column to look in, and for what."""
        if all(_is_number(one) for one in ids):
            return TRACK_ID, self._track_ids([_as_number(one) for one in ids])
        texts = [str(one) for one in ids]
        for prefix, column in (("TR", TRACK_ID), ("SO", "song_id")):
            if all(text.startswith(prefix) for text in texts):
                return column, texts
        raise ConfigError(
            "ids are numbers of 7digital, or begin with TR (tracks) or SO (songs), and "
            f"are all of one kind; got {', '.join(texts[:5])}"
        )

    def _look_up(self, attribute: str, column: str, keys: list[str]) -> dict[str, Any]:
        if self._songs_path is None:
            raise ConfigError("attributes are in track_metadata.db: --path-db")
        found: dict[str, Any] = {}
        with open_read_only(self._songs_path) as connection:
            for part in chunks(list(dict.fromkeys(keys))):
                marks = ", ".join("?" * len(part))
                # Both names come from this file's own lists.
                sql = f"SELECT {column}, {attribute} FROM songs WHERE {column} IN "
                for key, value in query(
                    connection, f"{sql} ({marks}) ORDER BY rowid", part
                ):
                    found.setdefault(key, value)
        return found

    def _track_ids(self, numbers: list[int]) -> list[str]:
        of_number = self._by_number
        return [self._one(of_number, number) for number in numbers]

    @cached_property
    def _ids(self) -> pd.DataFrame:
        if self._summary_path is None:
            raise ConfigError("ids of 7digital are in the summary file: --path-h5")
        return read_summary(self._summary_path)

    @cached_property
    def _by_number(self) -> pd.Series:
        return self._ids.set_index(TRACK_7DIGITAL_ID)[TRACK_ID]

    @cached_property
    def _by_track(self) -> pd.Series:
        return self._ids.set_index(TRACK_ID)[TRACK_7DIGITAL_ID]

    def _one(self, values: pd.Series, key: Id) -> Any:
        try:
            found = values.loc[key]
        except KeyError:
            raise UnknownNameError(
                f"{self._summary_path}: no song has the id {key}"
            ) from None
        if isinstance(found, pd.Series):
            raise UnknownNameError(
                f"{self._summary_path}: {len(found)} songs have the id {key}: "
                f"{', '.join(map(str, found[:5]))}"
            )
        return found.item() if isinstance(found, np.generic) else found


def _is_several(ids: object) -> bool:
    return not isinstance(ids, int | str | np.integer)


def _is_number(one: object) -> bool:
    return isinstance(one, int | np.integer) or str(one).strip().isdecimal()


def _as_number(one: object) -> int:
    if not _is_number(one):
        raise ConfigError(f"an id of 7digital is a whole number, got {one!r}")
    return int(str(one))
