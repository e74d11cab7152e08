"""A model file, its card beside it: written, read, imported, installed."""

import dataclasses
import logging
import platform
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import keras

import resemul
from resemul.checkpoints.card import ModelCard, card_path, read_card, write_card
from resemul.downloads import Retries
from resemul.downloads.fetch import DEFAULT_RETRIES
from resemul.errors import WeightsError
from resemul.models import frontends  # noqa: F401 - registers the layers of files
from resemul.runtime.files import file_sha256
from resemul.weights import import_weights
from resemul.weights.cache import locked_cache
from resemul.weights.pretrained import (
    fetch_pretrained,
    find_pretrained,
    pretrained_folder,
    remember_hash,
)
from resemul.weights.registry import Pretrained

logger = logging.getLogger(__name__)


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
    with locked_cache(folder / f".{name}.lock"):
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
