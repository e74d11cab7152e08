"""Which tags `resemul file-tags` writes into songs, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from resemul.errors import ConfigError

# What happens to a field that has values already. Values of an earlier run of resemul
# are its own to change; only what others put there is kept or merged.
FIELD_MODES = {
    "keep": "written only where nothing is",
    "merge": "put behind what is there",
    "replace": "put in its place",
}
# Each field, and its mode if none is given.
FIELDS = {"genre": "keep", "mood": "merge", "evidence": "replace"}

# What a tag may stand for; the first two have a field of their own in songs.
TAG_KINDS = ("genre", "mood", "instrument", "voice", "decade", "other")

ID3_VERSIONS = (4, 3)


@dataclass(frozen=True)
class TagFormatConfig:
    """How values are written where a format leaves a choice.

    Attributes:
        separator: between the values of a field that holds only one text: ID3v2.3.
        id3_version: of ID3 tags that are not there yet; others keep theirs.
        mp4_single_value: several values as one text in MP4 too, for players that
            show only the first of several.
    """

    separator: str = "; "
    id3_version: int = 4
    mp4_single_value: bool = False

    def __post_init__(self) -> None:
        if not self.separator.strip() or not self.separator.isprintable():
            raise ConfigError(
                f"the separator must be a visible character, got {self.separator!r}"
            )
        if self.id3_version not in ID3_VERSIONS:
            raise ConfigError(f"the ID3 version is 3 or 4, got {self.id3_version}")


@dataclass(frozen=True)
class FileTagsConfig:
    """What is written into songs.

    Attributes:
        modes: the fields to write, and the mode of each.
        max_values: of a field; values of others count but are never dropped.
        min_score: of a tag to become a value, in [0, 1].
        formats: how it is written.
    """

    modes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(FIELDS))
    max_values: int = 3
    min_score: float = 0.0
    formats: TagFormatConfig = TagFormatConfig()

    def __post_init__(self) -> None:
        for name, mode in self.modes.items():
            if name not in FIELDS:
                raise ConfigError(
                    f"there is no field {name!r}; fields are {', '.join(FIELDS)}"
                )
            if mode not in FIELD_MODES:
                raise ConfigError(
                    f"the mode of {name} is one of {', '.join(FIELD_MODES)}, "
                    f"got {mode!r}"
                )
        if not self.modes:
            raise ConfigError("name at least one field to write")
        if self.max_values < 1:
            raise ConfigError(f"max_values must be at least 1, got {self.max_values}")
        if not 0 <= self.min_score <= 1:
            raise ConfigError(f"min_score must be in [0, 1], got {self.min_score}")


def parse_fields(text: str) -> dict[str, str]:
    """The modes of "genre=keep,mood,evidence"; a field alone has its default mode.

    Raises:
        ConfigError: a field is named twice. `FileTagsConfig` checks the names.
    """
    modes: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, mode = part.partition("=")
        if name in modes:
            raise ConfigError(f"the field {name} is named twice")
        if name == "evidence" and mode:
            raise ConfigError("evidence has no mode: it is always resemul's own")
        modes[name] = mode or FIELDS.get(name, "")
    return modes
