"""What an importer found in a file, before any model is built."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from resemul.errors import WeightsError

# Channels; the widest published model has 128 where this counts. It keeps a made-up
# file of a few bytes from asking for a model of many gigabytes.
MAX_FEATURES = 512
MAX_TAGS = 100_000
# Names in a message; the rest is counted.
_MAX_NAMES = 12


@dataclass(frozen=True)
class Contents:
    """A model in a foreign file, in the words of this package.

    `arrays` has the key `<layer>/<variable>` of our model for every weight, float32
    in the shape our model has; `unused` names what the file holds besides.
    `tag_preset` is the order of outputs that files of this kind have, if they have
    one.
    """

    model: str
    options: dict[str, Any]
    num_tags: int
    arrays: dict[str, np.ndarray]
    unused: tuple[str, ...] = ()
    tag_preset: str | None = None


def require_sane(source: object, features: int, num_tags: int) -> None:
    """Refuses sizes that no model has.

    Raises:
        WeightsError: they are too small or too large.
    """
    for what, value, most in (
        ("channels", features, MAX_FEATURES),
        ("outputs", num_tags, MAX_TAGS),
    ):
        if not 1 <= value <= most:
            raise WeightsError(
                f"{source} is for a model with {value} {what}; this package reads "
                f"1 to {most}"
            )


def refusal(
    source: object, model: str, missing: Iterable[str], left_over: Iterable[str]
) -> WeightsError:
    """The error for a file and a model of which either has what the other lacks."""
    return WeightsError(
        f"{source} does not fit the model {model}. Missing in the file: "
        f"{list_names(missing)}. Missing in the model: {list_names(left_over)}"
    )


def list_names(names: Iterable[str]) -> str:
    """Writes names for a message; cut when there are many."""
    names = list(names)
    # They come from a file, which may try to write to the terminal.
    shown = [n if n.isprintable() else ascii(n) for n in names[:_MAX_NAMES]]
    text = ", ".join(shown) or "nothing"
    more = len(names) - _MAX_NAMES
    return f"{text} and {more} more" if more > 0 else text
