"""What the fields of a card may be. A card is a file that anybody can write."""

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from resemul.configs.audio import (
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    MIXES,
    RESAMPLERS,
    SHORT_RULES,
)

# Bytes of a card; that of 10,000 tags with thresholds has about one million.
MAX_CARD_BYTES = 8 * 2**20
MAX_NUM_SAMPLES = 2**26
MAX_TAGS = 10_000
_MAX_TEXT = 1_000
_MAX_TAG = 200
# Of lists and objects within each other; what this package writes has four.
_MAX_DEPTH = 16

# Control characters, halves of characters, and breaks of lines and paragraphs.
_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}
# They make a terminal show a text in another order than it has.
_TURNING = set(range(0x202A, 0x202F)) | set(range(0x2066, 0x206A))

# Says what is wrong with a value, or returns None.
Check = Callable[[Any], str | None]


def find_problem(content: dict[str, Any]) -> str | None:
    """What is wrong with the fields of a card, in one line; None if nothing is."""
    for name, check in CHECKS.items():
        if name in content:
            problem = check(content[name])
            if problem:
                return f"{name} {problem}, got {_shown(content[name])}"
    unknown = sorted(set(content.get("thresholds", ())) - set(content.get("tags", ())))
    if unknown:
        return f"thresholds name {_shown(unknown[0])}, which is none of its tags"
    return None


def without_nan(value: Any) -> Any:
    """The same with None for numbers that are not finite, which JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return value


def is_too_deep(text: str) -> bool:
    """Are there more lists and objects within each other than a card has?"""
    depth = 0
    # What stands in quotes does not count.
    for bracket in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(bracket, 0)
        if depth > _MAX_DEPTH:
            return True
    return False


def _shown(value: Any) -> str:
    text = json.dumps(value, default=repr)
    return text if len(text) <= 60 else f"{text[:57]}..."


def is_clean_text(value: Any, longest: int = _MAX_TEXT) -> bool:
    """Is this a text that can be shown: short, without control characters?"""
    return (
        isinstance(value, str)
        and len(value) <= longest
        and not any(
            unicodedata.category(character) in _UNSEEN or ord(character) in _TURNING
            for character in value
        )
    )


def _text(value: Any) -> str | None:
    if is_clean_text(value):
        return None
    return f"must be a text of at most {_MAX_TEXT} characters, none of them control"


def _name(value: Any) -> str | None:
    return _text(value) or (None if value else "must not be empty")


def _tags(value: Any) -> str | None:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_TAGS:
        return f"must be a list of 1 to {MAX_TAGS} texts"
    for tag in value:
        if not is_clean_text(tag, _MAX_TAG) or not tag.strip():
            return (
                f"must be texts of 1 to {_MAX_TAG} characters, none of them control; "
                f"{_shown(tag)} is not"
            )
    if len(set(value)) < len(value):
        ((twice, count),) = Counter(value).most_common(1)
        return f"must all differ; {_shown(twice)} is there {count} times"
    return None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _whole(smallest: int, largest: int, or_none: bool = False) -> Check:
    def check(value: Any) -> str | None:
        if (or_none and value is None) or (
            _is_whole(value) and smallest <= value <= largest
        ):
            return None
        return f"must be a whole number from {smallest} to {largest}"

    return check


def _one_of(choices: Sequence[str]) -> Check:
    def check(value: Any) -> str | None:
        is_known = isinstance(value, str) and value in choices
        return None if is_known else f"must be one of {', '.join(choices)}"

    return check


def _object(of: Check | None = None, what: str = "") -> Check:
    """An object; each value passes `of`."""

    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "must be an object"
        for key, item in value.items():
            if not is_clean_text(key, _MAX_TEXT):
                return "must have names without control characters"
            if of is not None and of(item):
                return f"must hold {what} by name; {_shown(key)} is {_shown(item)}"
        return None

    return check


def _finite(value: Any) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # A whole number may have any number of digits.
    fits = is_number and abs(value) <= 1e300 and math.isfinite(value)
    return None if fits else "must be a finite number"


def _score(value: Any) -> str | None:
    return None if value is None else _finite(value)


def _sha256(value: Any) -> str | None:
    is_hash = isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value)
    return None if value == "" or is_hash else "must be a SHA-256 in hexadecimal"


_LARGEST_INT = 2**63 - 1

# By name of the field.
CHECKS: dict[str, Check] = {
    "model": _name,
    "options": _object(),
    "tags": _tags,
    "sample_rate": _whole(MIN_SAMPLE_RATE, MAX_SAMPLE_RATE),
    "num_samples": _whole(1, MAX_NUM_SAMPLES),
    "mix": _one_of(MIXES),
    "resampler": _one_of(RESAMPLERS),
    "padding": _whole(0, MAX_NUM_SAMPLES),
    "hop": _whole(1, MAX_NUM_SAMPLES, or_none=True),
    "short": _one_of(SHORT_RULES),
    "dataset": _text,
    "split_name": _text,
    "num_clips": _object(_whole(0, _LARGEST_INT), "counts"),
    "scores": _object(_score, "numbers"),
    "training": _object(),
    "seed": _whole(-_LARGEST_INT, _LARGEST_INT, or_none=True),
    "versions": _object(_text, "texts"),
    "sha256": _sha256,
    "weights_sha256": _sha256,
    "source": _object(),
    "thresholds": _object(_finite, "finite numbers"),
    "export": _object(),
    "reading": _object(),
}
