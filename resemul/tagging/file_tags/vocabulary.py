"""What tags stand for, and what they are called in a song's fields.

A table for each published vocabulary; `read_map` reads a user's own.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resemul.configs.file_tags import TAG_KINDS
from resemul.errors import ConfigError

# A user's table gives this kind to tags that are never to be written.
IGNORED = "ignore"
_MAX_MAP_BYTES = 1 << 20
_COLUMNS = ("tag", "kind", "name")


@dataclass(frozen=True)
class TagMeaning:
    """What a tag stands for.

    Attributes:
        kind: one of `TAG_KINDS`, or `IGNORED`.
        names: what is written for it; several for a genre and its parent, say.
    """

    kind: str
    names: tuple[str, ...]


# Kind: tags, each with its written name if capital letters alone do not make it.
MTT: dict[str, dict[str, str]] = {
    "genre": {
        "ambient": "", "classic": "Classical", "classical": "", "country": "",
        "dance": "", "electronic": "", "indian": "", "metal": "", "new age": "",
        "opera": "", "pop": "", "rock": "", "techno": "",
    },
    "mood": {"fast": "", "loud": "", "quiet": "", "slow": "", "soft": "", "weird": ""},
    "instrument": {
        "beat": "Drums", "beats": "Drums", "cello": "", "drums": "", "flute": "",
        "guitar": "", "harp": "", "harpsichord": "", "piano": "", "sitar": "",
        "strings": "", "synth": "Synthesizer", "violin": "",
    },
    "voice": {
        "choir": "", "choral": "Choir", "female": "Female Vocals",
        "female vocal": "Female Vocals", "female voice": "Female Vocals",
        "male": "Male Vocals", "male vocal": "Male Vocals",
        "male voice": "Male Vocals", "man": "Male Vocals", "no vocal": "Instrumental",
        "no vocals": "Instrumental", "no voice": "Instrumental", "singing": "Vocals",
        "vocal": "Vocals", "vocals": "", "voice": "Vocals", "woman": "Female Vocals",
    },
    "other": {"solo": ""},
}  # fmt: skip

MSD: dict[str, dict[str, str]] = {
    "genre": {
        "Hip-Hop": "", "House": "", "Progressive rock": "", "acoustic": "",
        "alternative": "", "alternative rock": "", "ambient": "", "blues": "",
        "chillout": "", "classic rock": "", "country": "", "dance": "",
        "easy listening": "", "electro": "", "electronic": "", "electronica": "",
        "experimental": "", "folk": "", "funk": "", "hard rock": "",
        "heavy metal": "", "indie": "", "indie pop": "", "indie rock": "", "jazz": "",
        "metal": "", "oldies": "", "pop": "", "punk": "", "rnb": "R&B", "rock": "",
        "soul": "",
    },
    "mood": {
        "Mellow": "", "beautiful": "", "catchy": "", "chill": "", "happy": "",
        "party": "", "sad": "", "sexy": "",
    },
    "instrument": {"guitar": ""},
    "voice": {
        "female vocalist": "Female Vocals", "female vocalists": "Female Vocals",
        "instrumental": "", "male vocalists": "Male Vocals",
    },
    "decade": {
        "00s": "2000s", "60s": "1960s", "70s": "1970s", "80s": "1980s", "90s": "1990s",
    },
}  # fmt: skip

JAMENDO: dict[str, dict[str, str]] = {
    "genre": {
        f"genre---{tag}": name
        for tag, name in {
            "alternative": "", "ambient": "", "atmospheric": "", "chillout": "",
            "classical": "", "dance": "", "downtempo": "",
            "easylistening": "Easy Listening", "electronic": "", "experimental": "",
            "folk": "", "funk": "", "hiphop": "Hip-Hop", "house": "", "indie": "",
            "instrumentalpop": "Instrumental Pop", "jazz": "", "lounge": "",
            "metal": "", "newage": "New Age", "orchestral": "", "pop": "",
            "popfolk": "Pop Folk", "poprock": "Pop Rock", "reggae": "", "rock": "",
            "soundtrack": "", "techno": "", "trance": "", "triphop": "Trip-Hop",
            "world": "",
        }.items()
    },
    "mood": {
        f"mood/theme---{tag}": ""
        for tag in ("emotional", "energetic", "film", "happy", "relaxing")
    },
    "instrument": {
        f"instrument---{tag}": name
        for tag, name in {
            "acousticguitar": "Acoustic Guitar", "bass": "", "computer": "",
            "drummachine": "Drum Machine", "drums": "",
            "electricguitar": "Electric Guitar", "electricpiano": "Electric Piano",
            "guitar": "", "keyboard": "", "piano": "", "strings": "",
            "synthesizer": "", "violin": "",
        }.items()
    },
    "voice": {"instrument---voice": "Vocals"},
}  # fmt: skip

VOCABULARIES = {"mtt": MTT, "msd": MSD, "jamendo": JAMENDO}


def published_meanings() -> dict[str, TagMeaning]:
    """Every tag of the published vocabularies; no two of them disagree."""
    return {
        tag: TagMeaning(kind, (name or written_name(tag),))
        for vocabulary in VOCABULARIES.values()
        for kind, tags in vocabulary.items()
        for tag, name in tags.items()
    }


def written_name(tag: str) -> str:
    """A tag with a capital letter at each word: "indie rock" to "Indie Rock"."""
    words = tag.rpartition("---")[2].split(" ")
    return " ".join(word[:1].upper() + word[1:] for word in words)


def meaning_of(tag: str, meanings: Mapping[str, TagMeaning]) -> TagMeaning | None:
    """What a tag stands for, in any case; None if no table has it."""
    if tag in meanings:
        return meanings[tag]
    folded = tag.casefold()
    return next((m for t, m in meanings.items() if t.casefold() == folded), None)


def read_map(path: Path) -> dict[str, TagMeaning]:
    """A user's table: a CSV file with the columns tag, kind and, if wanted, name.

    Several names are separated by ";". The kind "ignore" keeps a tag out of songs.

    Raises:
        ConfigError: it is no such table.
    """
    try:
        if path.stat().st_size > _MAX_MAP_BYTES:
            raise ConfigError(f"{path} is too large for a table of tags")
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as UTF-8 text: {error}") from error
    rows = csv.DictReader(text.splitlines(), skipinitialspace=True)
    if not {"tag", "kind"} <= set(rows.fieldnames or ()):
        raise ConfigError(
            f"{path} must begin with a line of column names: {', '.join(_COLUMNS)}"
        )
    meanings = {}
    for number, row in enumerate(rows, start=2):
        tag, kind = (row["tag"] or "").strip(), (row["kind"] or "").strip()
        if not tag or kind not in (*TAG_KINDS, IGNORED):
            raise ConfigError(
                f"{path}, line {number}: expected a tag and one of "
                f"{', '.join(TAG_KINDS)}, {IGNORED}; got {tag!r}, {kind!r}"
            )
        names = [name.strip() for name in (row.get("name") or "").split(";")]
        known = tuple(name for name in names if name)
        if not all(name.isprintable() for name in (tag, *known)):
            raise ConfigError(f"{path}, line {number}: {tag!r} cannot be shown")
        meanings[tag] = TagMeaning(kind, known or (written_name(tag),))
    return meanings
