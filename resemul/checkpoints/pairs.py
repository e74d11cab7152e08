"""A model file and its card on disk: a pair that fits, whenever a writer is stopped.

Two files cannot be replaced at once. So the new card is first written beside the old
one, as `.NAME.next.json`; then the model is replaced, then the card. A reader takes
the card that has the hash of the model: after a stop before the model was replaced
that is the old one, after a stop behind it the next one. Needs no Keras.
"""

from pathlib import Path

from resemul.checkpoints.card import (
    ModelCard,
    card_path,
    card_text,
    read_card,
    read_card_file,
    write_card_text,
)
from resemul.errors import WeightsError
from resemul.runtime.files import file_sha256

# How often to look at a pair that a writer may be replacing at this very moment.
_NUM_LOOKS = 3


def read_pair(path: Path) -> ModelCard:
    """Reads the card that belongs to the model file `path`.

    Raises:
        WeightsError: there is none, it is broken, or it is of another file.
    """
    for _ in range(_NUM_LOOKS):
        try:
            sha256 = file_sha256(path)
        except OSError as error:
            reason = error.strerror or error
            raise WeightsError(f"{path} cannot be read: {reason}") from error
        following = _next_card(path, sha256)
        try:
            card = read_card(path)
        except WeightsError:
            if following is None:
                raise
            return following
        if card.sha256 == sha256:
            return card
        if following is not None:
            return following
    raise WeightsError(
        f"{path} is not the file that {card_path(path)} describes (its SHA-256 "
        "differs); copy both files again"
    )


def replace_pair(part: Path, card: ModelCard, path: Path) -> None:
    """Gives the file `part` the name `path`, and writes its card beside it.

    Args:
        part: in the same folder.
        card: with the hash of `part`.
        path: of the model; what is there is replaced.

    Raises:
        WeightsError: the card cannot be written.
        OSError: the file cannot be renamed.
    """
    target, waiting = card_path(path), _next_path(path)
    text = card_text(card, path)
    if target.is_dir():
        raise WeightsError(f"{target} cannot be written: it is a folder")
    # A card that an earlier writer left may be the only one that fits.
    if path.is_file() and _next_card(path, file_sha256(path)) is not None:
        waiting.replace(target)
    try:
        write_card_text(text, waiting)
        part.replace(path)
        waiting.replace(target)
    except BaseException:
        # Unless the model was replaced, this card is of nothing.
        if part.exists():
            waiting.unlink(missing_ok=True)
        raise


def _next_path(path: Path) -> Path:
    return path.with_name(f".{path.stem}.next.json")


def _next_card(path: Path, sha256: str) -> ModelCard | None:
    """The card that a writer left, if the model is the one that it was written for."""
    waiting = _next_path(path)
    if not waiting.is_file():
        return None
    try:
        card = read_card_file(waiting)
    except WeightsError:
        return None
    return card if card.sha256 == sha256 else None
