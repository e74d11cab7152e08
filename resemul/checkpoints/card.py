"""The card of a model: all that is needed to use it. Needs no Keras."""

import dataclasses
import json
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resemul.checkpoints.card_checks import (
    CHECKS,
    MAX_CARD_BYTES,
    find_problem,
    is_too_deep,
    without_nan,
)
from resemul.configs.audio import AudioConfig
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
    # Of the model file, and of the weights alone: see `weights_hash`.
    sha256: str = ""
    weights_sha256: str = ""
    format: int = FORMAT
    # Of a model that was imported: its file, hashes, licence and published scores.
    source: dict[str, Any] = field(default_factory=dict)
    # By tag, the probability from which it counts as present; see `thresholds`.
    thresholds: dict[str, float] = field(default_factory=dict)
    # What of records of whole tracks it was trained on; see `TrackChoice`.
    reading: dict[str, Any] = field(default_factory=dict)
    # How audio is loaded; see `configs.audio`.
    mix: str = "ffmpeg"
    resampler: str = "swr"
    padding: int = 0
    hop: int | None = None
    short: str = "zeros"
    # Of a model for another runtime: its format, and how far its outputs are off.
    export: dict[str, Any] = field(default_factory=dict)

    @property
    def audio(self) -> AudioConfig:
        """How files become the waveforms that the model was trained on."""
        return AudioConfig.of(self)


# Fields without a default: a card must have them.
_NEEDED = [
    field.name
    for field in dataclasses.fields(ModelCard)
    if field.default is MISSING and field.default_factory is MISSING
]
# Fields that hold what somebody measured or noted: NaN stands for "not known".
_NOTES = ("scores", "training", "source", "export")


def card_path(path: Path) -> Path:
    """Where the card of a model file lies."""
    return Path(path).with_suffix(".json")


def card_text(card: ModelCard, path: Path) -> str:
    """The JSON of the card of the model file `path`.

    Raises:
        WeightsError: a field is what `parse_card` would refuse.
    """
    content = dataclasses.asdict(card)
    content |= {name: without_nan(content[name]) for name in _NOTES}
    content["tags"] = list(content["tags"])
    problem = find_problem(content)
    if problem:
        raise WeightsError(f"the card of {path} cannot be written: {problem}")
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def write_card(card: ModelCard, path: Path) -> None:
    """Writes the card of the model file `path`: whole, or not at all.

    Raises:
        WeightsError: it cannot be written, or a field has a value that cannot be.
    """
    write_card_text(card_text(card, path), card_path(path))


def write_card_text(text: str, target: Path) -> None:
    """Writes `card_text` to the file `target`: whole, or not at all."""
    try:
        with atomic_write(target, durable=True) as file:
            file.write(text)
    except OSError as error:
        reason = error.strerror or error
        raise WeightsError(f"{target} cannot be written: {reason}") from error


def read_card(path: Path) -> ModelCard:
    """Reads the card of the model file `path`.

    Raises:
        WeightsError: there is none, or it holds what no card does; says what.
    """
    source = card_path(path)
    if not source.is_file():
        raise WeightsError(
            f"{source} does not exist; a model needs its card, which holds its tags "
            "and sample rate: copy it beside the model"
        )
    return read_card_file(source)


def read_card_file(source: Path) -> ModelCard:
    """Reads a card by its own name; errors are those of `read_card`."""
    try:
        with source.open("rb") as file:
            raw = file.read(MAX_CARD_BYTES + 1)
    except OSError as error:
        reason = error.strerror or error
        raise WeightsError(f"{source} cannot be read: {reason}") from error
    if len(raw) > MAX_CARD_BYTES:
        raise WeightsError(
            f"{source} is not a model card: it has more than {MAX_CARD_BYTES} bytes"
        )
    return parse_card(raw, source)


def parse_card(raw: bytes, source: object) -> ModelCard:
    """Makes a card of its JSON; `source` is named in messages.

    Raises:
        WeightsError: it is no card.
    """

    def refusal(problem: str) -> WeightsError:
        return WeightsError(f"{source} is not a model card: {problem}")

    try:
        text = raw.decode("utf-8")
        if is_too_deep(text):
            raise refusal("it is nested too deep")
        content = json.loads(text)
    except ValueError as error:
        raise refusal(f"it is no JSON in UTF-8 ({error})") from error
    if not isinstance(content, dict):
        raise refusal("it is no JSON object")
    # Before the fields, which another format may have changed.
    found = content.pop("format", None)
    if found is None:
        raise refusal("it has no format")
    if type(found) is not int or found != FORMAT:
        raise WeightsError(
            f"{source} has format {json.dumps(found)[:40]}; this version reads format "
            f"{FORMAT}"
        )
    missing = [name for name in _NEEDED if name not in content]
    if missing:
        raise refusal(f"it lacks {', '.join(missing)}")
    unknown = [name for name in content if name not in CHECKS]
    if unknown:
        raise refusal(
            f"it has the field {json.dumps(unknown[0])[:60]}, which this version does "
            "not know"
        )
    content |= {name: without_nan(content[name]) for name in _NOTES if name in content}
    problem = find_problem(content)
    if problem:
        raise refusal(problem)
    return ModelCard(**_with_old_meaning(content))


def _with_old_meaning(content: dict[str, Any]) -> dict[str, Any]:
    # Before cards said how stereo is mixed, models that were not trained here were
    # tagged like all others, though their authors had taken the mean.
    if "mix" not in content and _is_imported_pytorch(content.get("source", {})):
        return {**content, "mix": "mean"}
    return content


def _is_imported_pytorch(source: dict[str, Any]) -> bool:
    return "PyTorch" in str(source.get("format", ""))


def check_fits(card: ModelCard, records: "RecordSet") -> None:
    """Checks that a model can be used on these records.

    Raises:
        DatasetError: tags, sample rate or mixing are others, or segments too short;
            says which.
    """
    differences = []
    if records.sample_rate != card.sample_rate:
        differences.append(
            f"sample_rate {records.sample_rate} instead of {card.sample_rate}"
        )
    # Records from before there was a choice do not say how stereo was mixed.
    for name, default in (("mix", "ffmpeg"), ("resampler", "swr")):
        found, expected = getattr(records, name, default), getattr(card, name)
        if found != expected:
            differences.append(f"{name} {found} instead of {expected}")
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
