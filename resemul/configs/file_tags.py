"""Which tags `resemul file-tags` writes into songs, and how."""

from dataclasses import dataclass
from typing import ClassVar

from resemul.configs.fields import check_options, option
from resemul.errors import ConfigError

# What becomes of values that a field has already. Those of an earlier run of resemul
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


@dataclass(frozen=True)
class Field:
    """A field of a song that is to be written."""

    IN_WORDS: ClassVar[str] = "fields such as genre=keep,mood=merge,evidence"

    name: str = option(help="which one", choices=tuple(FIELDS))
    mode: str = option(help="what becomes of values there", choices=tuple(FIELD_MODES))

    def __post_init__(self) -> None:
        check_options(self)
        if self.name == "evidence" and self.mode != FIELDS["evidence"]:
            raise ConfigError("evidence has no mode: it is always resemul's own")

    def __str__(self) -> str:
        """As on the command line: `genre=keep`."""
        return self.name if self.name == "evidence" else f"{self.name}={self.mode}"

    @classmethod
    def parse(cls, text: str) -> "Field":
        """Undoes `str`; a name alone gets the mode of `FIELDS`.

        Raises:
            ConfigError: there is no such field or mode.
        """
        name, _, mode = (part.strip() for part in text.partition("="))
        return cls(name, mode or FIELDS.get(name, "keep"))


_MODES = "; ".join(f"{mode}: {what}" for mode, what in FIELD_MODES.items())


@dataclass(frozen=True)
class TagFormatConfig:
    """How values are written where a format leaves a choice."""

    separator: str = option(
        "; ",
        help="between values where a format has room for one text, as ID3v2.3",
        flag="--id3v23-separator",
    )
    id3_version: int = option(
        4,
        help="3 or 4, of new ID3v2 tags; a tag that is there keeps its version",
        minimum=3,
        maximum=4,
    )
    mp4_single_value: bool = option(
        False, help="several values as one text in MP4 too, for players that show one"
    )

    def __post_init__(self) -> None:
        check_options(self)
        if not self.separator.strip() or not self.separator.isprintable():
            raise ConfigError(
                f"the separator must be a visible character, got {self.separator!r}"
            )


_FORMATS = TagFormatConfig()


@dataclass(frozen=True)
class FileTagsConfig:
    """What is written into songs."""

    fields: tuple[Field, ...] = option(
        tuple(Field(name, mode) for name, mode in FIELDS.items()),
        help="what to write, and what becomes of values that others put there "
        f"({_MODES}); evidence is a field of resemul's own, with all scores",
    )
    max_values: int = option(
        3, help="of a field; values of others count, and stay", minimum=1
    )
    min_score: float = option(
        # Published models give most tags less than that in most songs.
        0.1,
        help="of a tag that becomes genre or mood",
        minimum=0,
        maximum=1,
    )
    formats: TagFormatConfig = _FORMATS

    def __post_init__(self) -> None:
        check_options(self)
        names = [field.name for field in self.fields]
        if not names or len(set(names)) < len(names):
            raise ConfigError("fields must name each field once, and at least one")

    @property
    def modes(self) -> dict[str, str]:
        """The mode of each field, by name."""
        return {field.name: field.mode for field in self.fields}
