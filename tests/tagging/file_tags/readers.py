"""Genre and mood as mutagen reads them, whatever the container."""

from pathlib import Path

import mutagen

_NAMES = {
    "genre": ("TCON", "genre", "\xa9gen", "WM/Genre", "Genre"),
    "mood": (
        "TMOO",
        "TXXX:MOOD",
        "mood",
        "----:com.apple.iTunes:MOOD",
        "WM/Mood",
        "Mood",
    ),
    "evidence": (
        "TXXX:RESEMUL",
        "resemul",
        "----:com.apple.iTunes:RESEMUL",
        "RESEMUL",
    ),
}


def read(path: Path, field: str) -> list[str]:
    """The texts of a field."""
    tags = mutagen.File(path).tags
    for name in _NAMES[field]:
        try:
            found = tags[name]
        except (KeyError, ValueError):
            continue
        texts = found.text if hasattr(found, "text") else found
        return [t.decode() if isinstance(t, bytes) else str(t) for t in texts]
    return []


def other_tags(path: Path) -> dict[str, object]:
    """All that mutagen reads beside the three fields."""
    tags = mutagen.File(path).tags or {}
    ours = {name.casefold() for names in _NAMES.values() for name in names}
    return {k: repr(v) for k, v in tags.items() if k.casefold() not in ours}
