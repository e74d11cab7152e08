"""The card of a model: all that is needed to use it. Needs no Keras."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resemul.errors import DatasetError, WeightsError
from resemul.runtime.files import atomic_write

if TYPE_CHECKING:
    from resemul.records import RecordSet

FORMAT = 1


@dataclass(frozen=True)
class ModelCard:
    """All that is needed to use a model, and to know where it came from.

    `sample_rate` is in Hz, `num_samples` the length of the model's input. `scores`
    are floats by name, each with the split it was measured on in the name.
    """

    model: str
    options: dict[str, Any]
    tags: list[str]
    sample_rate: int
    num_samples: int
    dataset: str = ""
    split_name: str = ""
    num_clips: dict[str, int] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    versions: dict[str, str] = field(default_factory=dict)
    sha256: str = ""
    format: int = FORMAT
    # Of a model that was imported: its file, hashes, licence and published scores.
    source: dict[str, Any] = field(default_factory=dict)
    # By tag, the probability from which it counts as present; see `thresholds`.
    thresholds: dict[str, float] = field(default_factory=dict)


def card_path(path: Path) -> Path:
    """Where the card of a model file lies."""
    return Path(path).with_suffix(".json")


def write_card(card: ModelCard, path: Path) -> None:
    """Writes the card of the model file `path`: whole, or not at all.

    Raises:
        WeightsError: it cannot be written.
    """
    target = card_path(path)
    try:
        with atomic_write(target) as file:
            file.write(json.dumps(dataclasses.asdict(card), indent=1) + "\n")
    except OSError as error:
        reason = error.strerror or error
        raise WeightsError(f"{target} cannot be written: {reason}") from error


def read_card(path: Path) -> ModelCard:
    """Reads the card of the model file `path`."""
    source = card_path(path)
    if not source.is_file():
        raise WeightsError(
            f"{source} does not exist; a model needs its card, which holds its tags "
            "and sample rate: copy it beside the model"
        )
    try:
        content = json.loads(source.read_text("utf-8"))
        # Before the fields, which another format may have changed.
        if content["format"] != FORMAT:
            raise WeightsError(
                f"{source} has format {content['format']}; this version reads "
                f"format {FORMAT}"
            )
        return ModelCard(**content)
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{source} is not a model card: {error!r}") from error


def check_fits(card: ModelCard, records: "RecordSet") -> None:
    """Checks that a model can be used on these records.

    Raises:
        DatasetError: tags or sample rate are others, or segments too short; says which.
    """
    differences = []
    if records.sample_rate != card.sample_rate:
        differences.append(
            f"sample_rate {records.sample_rate} instead of {card.sample_rate}"
        )
    if records.num_samples < card.num_samples:
        differences.append(
            f"num_samples {records.num_samples} instead of {card.num_samples}"
        )
    if list(records.tags) != list(card.tags):
        differences.append(_tag_difference(list(card.tags), list(records.tags)))
    if differences:
        raise DatasetError(
            f"{records.folder} was not built for this model: "
            f"{'; '.join(differences)}; build records with the model's options"
        )


def _tag_difference(expected: list[str], found: list[str]) -> str:
    if sorted(expected) == sorted(found):
        first = next(i for i, tag in enumerate(expected) if tag != found[i])
        return (
            f"the same tags in another order (number {first + 1} is {found[first]!r} "
            f"instead of {expected[first]!r})"
        )
    missing = [tag for tag in expected if tag not in found]
    extra = [tag for tag in found if tag not in expected]
    parts = [
        f"{word} {', '.join(tags[:5])}{', ...' if len(tags) > 5 else ''}"
        for word, tags in (("without", missing), ("with", extra))
        if tags
    ]
    return f"{len(found)} tags instead of {len(expected)}, {' and '.join(parts)}"
