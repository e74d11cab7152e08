"""Where the ONNX file of a model is: beside it, in the cache, or made without Keras.

Its card is `NAME.onnx.json`, which notes the hash of the file, and that of the model
it was made of.
"""

import dataclasses
import importlib.util
import logging
from importlib.metadata import version
from pathlib import Path
from typing import Any

import resemul
from resemul.checkpoints.card import (
    ModelCard,
    card_text,
    read_card,
    read_card_file,
    write_card_text,
)
from resemul.downloads import Retries
from resemul.downloads.transfer import DEFAULT_RETRIES
from resemul.errors import WeightsError
from resemul.export.exporters import exported_card_path
from resemul.export.graphs import fill_graph, find_graph, has_graph
from resemul.prediction.onnx_runtime import OnnxRuntime
from resemul.runtime.files import atomic_write, file_sha256
from resemul.weights.cache import cache_folder, locked_cache
from resemul.weights.pretrained import (
    fetched_pretrained,
    find_pretrained,
    pretrained_folder,
)

logger = logging.getLogger(__name__)


def open_onnx(path: Path) -> OnnxRuntime:
    """Opens an ONNX file, its card beside it.

    Raises:
        WeightsError: there is no card, or it is of another file.
    """
    path = Path(path)
    require_onnx_runtime()
    own = exported_card_path(path)
    card = read_card_file(own) if own.is_file() else read_card(path)
    if card.export.get("sha256", "") not in ("", _hash(path)):
        raise WeightsError(
            f"{path} is not the file that {own} describes (its SHA-256 differs); copy "
            "both files again, or export the model again"
        )
    return OnnxRuntime(path, _with_new_thresholds(path, card))


def find_exported(path: Path, card: ModelCard) -> OnnxRuntime | None:
    """The ONNX file of a `.keras` file, if it is beside it or in the cache.

    One that was made of other weights, or is damaged, is none.
    """
    for found in (path.with_suffix(".onnx"), cached_path(card.sha256)):
        if not found.is_file() or not exported_card_path(found).is_file():
            continue
        try:
            runtime = open_onnx(found)
        except WeightsError as error:
            logger.warning("%s; it is not used", error)
            continue
        if _is_of(runtime.card, card):
            # Thresholds may have been fitted since.
            return OnnxRuntime(
                found, dataclasses.replace(card, export=runtime.card.export)
            )
        logger.info("%s was made of another model; it is not used", found)
    return None


def find_published(name: str) -> OnnxRuntime | None:
    """Published weights as ONNX, if they are in the cache and whole."""
    path = pretrained_folder() / f"{name}.onnx"
    if not path.is_file():
        return None
    try:
        return open_onnx(path)
    except WeightsError as error:
        logger.warning("%s; fetching it again", error)
        return None


def install_published(
    name: str,
    retries: Retries = DEFAULT_RETRIES,
    *,
    mirror: str | None = None,
    source: Path | None = None,
) -> OnnxRuntime | None:
    """Fetches published weights and makes an ONNX file of them, without Keras.

    Args are those of `install_pretrained`.

    Returns:
        None if the package has no graph for them, or Keras has them already.

    Raises:
        DownloadError: they cannot be fetched, or are not the published file.
        WeightsError: they are not what they should be, or cannot be written.
    """
    entry, folder = find_pretrained(name), pretrained_folder()
    if (folder / f"{name}.keras").is_file() and importlib.util.find_spec("keras"):
        return None
    if not has_graph(entry.model):
        return None
    path = folder / f"{name}.onnx"
    with locked_cache(folder / f".{name}.lock"):
        found = find_published(name)
        if found:
            return found
        with fetched_pretrained(
            entry, folder, retries, mirror=mirror, source=source
        ) as file:
            return _fill(file, path, entry.model, published=entry)


def make_of_foreign(path: Path) -> OnnxRuntime | None:
    """A file of another system as ONNX, made once and kept in the cache.

    Returns:
        None if the package has no graph for it.

    Raises:
        WeightsError: it is broken, or of no known kind.
    """
    target = cached_path(_hash(path))
    if target.is_file():
        try:
            return open_onnx(target)
        except WeightsError as error:
            logger.warning("%s; making it again", error)
    with locked_cache(target.with_suffix(".lock")):
        return _fill(path, target)


def cached_path(sha256: str) -> Path:
    """Where the ONNX file of the model file with this hash is kept."""
    return cache_folder() / "onnx" / f"{sha256[:40]}.onnx"


def require_onnx_runtime() -> None:
    """Raises a `WeightsError` if ONNX Runtime is not installed."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise WeightsError(
            "ONNX Runtime is not installed: pip install onnxruntime; or take the "
            "runtime keras"
        )


def _fill(source: Path, target: Path, *args: Any, **kwargs: Any) -> OnnxRuntime | None:
    from resemul.weights.importing import read_weights

    contents, facts = read_weights(source, *args, **kwargs)
    graph = find_graph(contents.model, facts["options"])
    if graph is None or contents.unused:
        return None
    content = fill_graph(graph, contents.arrays, source)
    try:
        with atomic_write(target, "wb", durable=True) as file:
            file.write(content)
    except OSError as error:
        reason = error.strerror or error
        raise WeightsError(f"{target} cannot be written: {reason}") from error
    sha256 = _hash(target)
    card = ModelCard(
        **facts,
        sha256=sha256,
        versions={"resemul": resemul.__version__, "numpy": version("numpy")},
        export={"format": "onnx", "sha256": sha256, "graph": graph},
    )
    write_card_text(card_text(card, target), exported_card_path(target))
    return OnnxRuntime(target, card)


def _hash(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        reason = error.strerror or error
        raise WeightsError(f"{path} cannot be read: {reason}") from error


def _is_of(exported: ModelCard, card: ModelCard) -> bool:
    """Was the one made of the other? A file written again has another hash."""
    if exported.sha256 == card.sha256:
        return True
    return (
        card.weights_sha256 != ""
        and exported.weights_sha256 == card.weights_sha256
        and (exported.model, exported.options) == (card.model, card.options)
    )


def _with_new_thresholds(path: Path, card: ModelCard) -> ModelCard:
    """The card, with the thresholds that its model has by now."""
    if path.with_suffix(".json").is_file():
        try:
            now = read_card(path)
        except WeightsError:
            return card
        if _is_of(card, now):
            return dataclasses.replace(card, thresholds=now.thresholds)
    return card
