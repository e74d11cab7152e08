"""The one door to a model: by its file, its card beside it, or a published name."""

import dataclasses
import logging
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import keras

import resemul
from resemul.checkpoints.card import ModelCard
from resemul.checkpoints.finding import published_name
from resemul.checkpoints.pairs import read_pair, replace_pair
from resemul.checkpoints.rebuilding import rebuild_model
from resemul.checkpoints.weights_hash import weights_sha256
from resemul.downloads import Retries
from resemul.downloads.transfer import DEFAULT_RETRIES
from resemul.errors import WeightsError
from resemul.runtime.files import file_sha256
from resemul.weights.cache import locked_cache
from resemul.weights.importing import import_weights
from resemul.weights.pretrained import (
    fetched_pretrained,
    find_pretrained,
    pretrained_folder,
)
from resemul.weights.registry import Pretrained

logger = logging.getLogger(__name__)


def open_model(
    name_or_path: str | Path, *, trust: bool = False
) -> tuple[keras.Model, ModelCard]:
    """Opens a model: published, a `.keras` file, or a file of another system.

    A model of this package is built from its card's options, and only arrays are read
    from its file: no code from the file is run.

    Examples:
        >>> model, card = open_model("best.keras")
        >>> model.output_shape, card.tags
        ((None, 3), ['low', 'high', 'loud'])

    Args:
        name_or_path: a published name is fetched the first time; a file is meant if
            there is one of that name.
        trust: open a model that is not of this package as well, by code that it
            names or describes.

    Raises:
        WeightsError: there is no such model, its file is broken, or it needs `trust`.
        DownloadError: it is published, and cannot be fetched.
    """
    return load_model(find_model(name_or_path), trust=trust)


def find_model(name_or_path: str | Path) -> Path:
    """The file of a model; a published one is installed if the cache does not have it.

    Errors are those of `open_model`.
    """
    name = published_name(name_or_path)
    return Path(name_or_path) if name is None else install_pretrained(name)


def load_model(path: Path, *, trust: bool = False) -> tuple[keras.Model, ModelCard]:
    """Reads a `.keras` file and its card, as `open_model` does.

    A file with another suffix is imported, as far as `resemul.weights` can.

    Examples:
        >>> model, card = load_model("best.keras")
        >>> card.model, card.sample_rate
        ('sample_cnn', 22050)
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path} does not exist or is no file")
    if path.suffix != ".keras":
        return import_model(path)
    card = read_pair(path)
    return rebuild_model(path, card, trust), card


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


def install_pretrained(
    name: str,
    retries: Retries = DEFAULT_RETRIES,
    *,
    mirror: str | None = None,
    source: Path | None = None,
) -> Path:
    """Returns the `.keras` file of a published model, its card beside it.

    It is fetched and converted if the cache does not have it. Of several processes
    that ask at once, one does so and the others wait.

    Args:
        name: a key of `weights.registry.PRETRAINED`.
        retries: how long to try to fetch it.
        mirror: folder on a server that has the published file under its name.
        source: the published file, which is then not fetched.

    Raises:
        ConfigError: there is no such model.
        DownloadError: it cannot be fetched, or is not the published file.
        WeightsError: it is not what it should be, or cannot be written.
    """
    entry, folder = find_pretrained(name), pretrained_folder()
    path = folder / f"{name}.keras"
    with locked_cache(folder / f".{name}.lock"):
        if path.is_file():
            try:
                read_pair(path)
                return path
            except WeightsError as error:
                logger.warning("%s; fetching it again", error)
        with fetched_pretrained(
            entry, folder, retries, mirror=mirror, source=source
        ) as file:
            model, card = import_model(file, entry.model, published=entry)
            save_model(model, card, path)
    return path


def save_model(model: keras.Model, card: ModelCard, path: Path) -> ModelCard:
    """Writes `path` (`.keras`) and its card; returns the card as written.

    However this is stopped, `path` and its card are the old pair or the new one. The
    model is saved without an optimizer, whether it was compiled or not.

    Examples:
        >>> model, card = open_model("best.keras")
        >>> save_model(model, card, "copy.keras").weights_sha256 == card.weights_sha256
        True

    Raises:
        WeightsError: they cannot be written; what was there is still there.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"a model file must end in .keras, got {path}")
    part = path.with_name(f".{path.stem}.part.keras")
    try:
        _write(model, part)
        card = dataclasses.replace(
            card,
            sha256=file_sha256(part),
            weights_sha256=weights_sha256(model),
            versions=versions(),
        )
        replace_pair(part, card, path)
    except OSError as error:
        reason = error.strerror or error
        raise WeightsError(f"{path} cannot be written: {reason}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return card


def _write(model: keras.Model, part: Path) -> None:
    bare = keras.Model(model.inputs, model.outputs, name=model.name)
    bare.save(part)
    # After a power cut a name must not stand for a file that is still empty.
    with part.open("rb+") as file:
        os.fsync(file.fileno())


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
