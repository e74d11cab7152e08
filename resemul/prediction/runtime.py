"""What computes tags: ONNX Runtime, or Keras. Imports neither until one is chosen."""

import importlib.util
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from resemul.checkpoints.finding import published_name
from resemul.checkpoints.pairs import read_pair
from resemul.configs.tagging import RUNTIMES
from resemul.errors import ConfigError, WeightsError
from resemul.prediction.onnx_models import (
    find_exported,
    find_published,
    install_published,
    make_of_foreign,
    open_onnx,
    require_onnx_runtime,
)
from resemul.runtime.tensorflow import start_tensorflow

if TYPE_CHECKING:
    import numpy as np

    from resemul.checkpoints.card import ModelCard

logger = logging.getLogger(__name__)


class Runtime(Protocol):
    """A model that is ready to compute, whatever does so. Threads may share one.

    `name` is "onnx" or "keras"; `card` says what the model takes and means.
    """

    name: str
    card: "ModelCard"

    def predict(self, waveforms: "np.ndarray") -> "np.ndarray":
        """Probabilities, float32 `(n, tags)`, of float32 `(n, num_samples)`."""
        ...

    def embed(self, waveforms: "np.ndarray") -> "np.ndarray":
        """What the last layer sees: float32 `(n, dims)`."""
        ...


def open_runtime(
    name_or_path: str | Path, runtime: str = "auto", *, trust: bool = False
) -> Runtime:
    """Opens a model for prediction.

    Args:
        name_or_path: published weights, fetched the first time; a `.keras` or `.onnx`
            file, its card beside it; or a file of another system.
        runtime: "onnx"; "keras"; or "auto": ONNX Runtime, unless only Keras can
            compute the model. A `.keras` file without an ONNX file beside it is
            exported once, into the cache, and compared with itself.
        trust: as for `open_model`.

    Raises:
        ConfigError: there is no such runtime.
        WeightsError: there is no such model, it is broken, or what it needs is not
            installed.
        DownloadError: it is published, and cannot be fetched.
    """
    if runtime not in RUNTIMES:
        raise ConfigError(
            f"runtime must be one of {', '.join(RUNTIMES)}, got {runtime!r}"
        )
    name = published_name(name_or_path)
    path = Path(name_or_path)
    if name is None and path.suffix == ".onnx":
        if runtime == "keras":
            raise WeightsError(f"{path} is for ONNX Runtime; Keras cannot read it")
        return open_onnx(path)
    if runtime == "keras":
        return _open_keras(name_or_path, trust)
    require_onnx_runtime()
    made = _ready(path, name)
    return made or _convert(path, name, runtime, trust)


def _ready(path: Path, name: str | None) -> Runtime | None:
    """The model as ONNX, if that is there or can be had without Keras."""
    if name is not None:
        return find_published(name) or install_published(name)
    if path.suffix == ".keras":
        return find_exported(path, read_pair(path))
    return make_of_foreign(path)


def _convert(path: Path, name: str | None, runtime: str, trust: bool) -> Runtime:
    """Exports a model by means of Keras; where it cannot be, Keras computes it."""
    _start_keras(path)
    from resemul.prediction.conversion import export_to_cache

    try:
        return export_to_cache(name or path, trust)
    except WeightsError as error:
        if runtime == "onnx":
            raise
        logger.warning("%s; Keras computes it", error)
    return _open_keras(name or path, trust)


def _open_keras(name_or_path: str | Path, trust: bool) -> Runtime:
    _start_keras(name_or_path)
    from resemul.checkpoints.model_file import open_model
    from resemul.prediction.keras_runtime import KerasRuntime

    return KerasRuntime(*open_model(name_or_path, trust=trust))


def _start_keras(name_or_path: str | Path) -> None:
    if importlib.util.find_spec("keras") is None:
        raise WeightsError(
            f"{name_or_path} can only be opened by means of Keras, which is not "
            "installed: pip install 'resemul[train]'; or export it elsewhere by "
            "'resemul export' and copy the .onnx file and its card"
        )
    start_tensorflow()
