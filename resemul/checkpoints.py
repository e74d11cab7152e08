"""A trained model on disk: `NAME.keras` and, beside it, its card `NAME.json`."""

import dataclasses
import hashlib
import json
import logging
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

import resemul
from resemul.downloads import Retries
from resemul.downloads.fetch import DEFAULT_RETRIES
from resemul.errors import DatasetError, WeightsError
from resemul.weights import import_weights
from resemul.weights.cache import locked
from resemul.weights.pretrained import (
    fetch_pretrained,
    find_pretrained,
    pretrained_folder,
    remember_hash,
)
from resemul.weights.registry import Pretrained

if TYPE_CHECKING:
    from resemul.records import RecordSet

logger = logging.getLogger(__name__)

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


def save_model(model: keras.Model, card: ModelCard, path: Path) -> ModelCard:
    """Writes `path` (`.keras`) and its card; returns the card as written.

    Either file appears whole or not at all. The model is saved without an
    optimizer, whether it was compiled or not.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"a model file must end in .keras, got {path}")
    part = path.with_name(f".{path.stem}.part.keras")
    bare = keras.Model(model.inputs, model.outputs, name=model.name)
    try:
        bare.save(part)
        card = dataclasses.replace(card, sha256=file_sha256(part), versions=versions())
        write_card(card, path)
        part.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise WeightsError(f"{path} cannot be written: {reason}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return card


def load_model(path: Path) -> tuple[keras.Model, ModelCard]:
    """Reads a `.keras` file and its card. No code from the file is run.

    A file with another suffix is imported, as far as `resemul.weights` can.

    Raises:
        WeightsError: a file is missing, broken, or the two do not belong together.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path} does not exist or is no file")
    if path.suffix != ".keras":
        return import_model(path)
    card = read_card(path)
    if card.sha256 != file_sha256(path):
        raise WeightsError(
            f"{path} is not the file that {card_path(path)} describes (its SHA-256 "
            "differs); copy both files again"
        )
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise WeightsError(f"{path} is not a model that Keras can read") from error
    if model.output_shape[-1] != len(card.tags):
        raise WeightsError(
            f"{path} has {model.output_shape[-1]} outputs, its card {len(card.tags)} "
            "tags"
        )
    return model, card


def import_model(
    path: Path,
    model: str | None = None,
    tags: Sequence[str] | None = None,
    published: Pretrained | None = None,
) -> tuple[keras.Model, ModelCard]:
    """Reads a model file of another system, such as a published one, and its facts.

    Args and errors are those of `weights.import_weights`.
    """
    imported, facts = import_weights(path, model, tags, published)
    return imported, ModelCard(**facts, versions=versions())


def install_pretrained(name: str, retries: Retries = DEFAULT_RETRIES) -> Path:
    """Returns the `.keras` file of a published model, its card beside it.

    It is fetched and converted if the cache does not have it. Of several processes
    that ask at once, one does so and the others wait.

    Args:
        name: a key of `weights.registry.PRETRAINED`.
        retries: how long to try to fetch it.

    Raises:
        ConfigError: there is no such model.
        DownloadError: it cannot be fetched, or is not the published file.
        WeightsError: it is not what it should be, or cannot be written.
    """
    entry, folder = find_pretrained(name), pretrained_folder()
    path = folder / f"{name}.keras"
    with locked(folder / f".{name}.lock"):
        if path.is_file():
            if card_path(path).is_file() and read_card(path).sha256 == file_sha256(
                path
            ):
                return path
            logger.warning("%s is damaged; fetching it again", path)
        source = fetch_pretrained(entry, folder, retries)
        try:
            model, card = import_model(source, entry.model, published=entry)
        except WeightsError:
            if not entry.has_hash:
                # Such as the page that a server sends for a file that is gone.
                source.unlink()
            raise
        save_model(model, card, path)
        remember_hash(entry, folder, card.source["sha256"])
        source.unlink()
    return path


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


def card_path(path: Path) -> Path:
    """Where the card of a model file lies."""
    return Path(path).with_suffix(".json")


def write_card(card: ModelCard, path: Path) -> None:
    """Writes the card of the model file `path`: whole, or not at all.

    Raises:
        WeightsError: it cannot be written.
    """
    target = card_path(path)
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_text(json.dumps(dataclasses.asdict(card), indent=1) + "\n", "utf-8")
        part.replace(target)
    except OSError as error:
        reason = error.strerror or error
        raise WeightsError(f"{target} cannot be written: {reason}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


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


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Versions of what shapes a trained model."""
    return {
        "resemul": resemul.__version__,
        "python": platform.python_version(),
        "keras": version("keras"),
        "backend": keras.backend.backend(),
        "tensorflow": version("tensorflow"),
        "numpy": version("numpy"),
    }
