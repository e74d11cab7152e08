"""A model written for another runtime, and compared with the model it was made of."""

import dataclasses
import logging
import shutil
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np

from resemul.checkpoints.card import (
    ModelCard,
    card_text,
    read_card_file,
    write_card_text,
)
from resemul.checkpoints.model_file import load_model
from resemul.checkpoints.pairs import read_pair
from resemul.configs import model_entry
from resemul.errors import ResemulError, WeightsError
from resemul.export.exporters import (
    EXPORTERS,
    Exporter,
    exported_card_path,
    find_exporter,
)
from resemul.models import MODELS, build_model
from resemul.runtime.files import file_sha256

logger = logging.getLogger(__name__)


def export_model(
    model: keras.Model,
    card: ModelCard,
    path: Path,
    format: str,
    waveforms: np.ndarray | None = None,
    audio: str = "noise",
) -> float:
    """Writes the model for another runtime, and its card as `<path>.json`.

    What was written is run on `waveforms` in that runtime before it gets its name,
    segment by segment.

    Args:
        model: what to export.
        card: its card.
        path: a file, or with "savedmodel" a folder; what is there is replaced.
        format: a key of `EXPORTERS`.
        waveforms: float32 `(segments, num_samples)`; None for noise.
        audio: what the waveforms are, for the card.

    Returns:
        The largest difference between a probability of the model and of the export.

    Raises:
        ConfigError: no such format, or `path` does not have its suffix.
        WeightsError: the model cannot be exported, the export differs from it by more
            than the format's tolerance, it cannot be written, or a library is missing.
    """
    exporter = find_exporter(format, path)
    _require_keras(format, exporter)
    waveforms = noise_for(card) if waveforms is None else waveforms
    part = path.with_name(f".{path.stem}.part{exporter.suffix}")
    _remove(part)
    try:
        difference = _write(model, card, part, format, waveforms)
        noted = {
            "format": format,
            "max_difference": difference,
            "num_segments": len(waveforms),
            "audio": audio,
        }
        if part.is_file():
            noted["sha256"] = file_sha256(part)
        text = card_text(dataclasses.replace(card, export=noted), path)
        _remove(path)
        part.replace(path)
        write_card_text(text, exported_card_path(path))
    except OSError as error:
        reason = error.strerror or error
        raise WeightsError(f"{path} cannot be written: {reason}") from error
    finally:
        with suppress(OSError):
            _remove(part)
    return difference


def export_beside(path: Path) -> Path | None:
    """Exports a `.keras` file to an ONNX file beside it, for the light runtime.

    One that was made of it before stays. The file is trusted: whoever calls this has
    just written it.

    Returns:
        The ONNX file; None if the model cannot be exported, which is logged.
    """
    target = Path(path).with_suffix(".onnx")
    if _is_done(target, Path(path)):
        return target
    try:
        model, card = load_model(path, trust=True)
        export_model(model, card, target, "onnx")
    except ResemulError as error:
        logger.warning("%s is not exported to ONNX: %s", path, error)
        return None
    return target


def _is_done(target: Path, path: Path) -> bool:
    own = exported_card_path(target)
    if not target.is_file() or not own.is_file():
        return False
    try:
        card = read_card_file(own)
        is_whole = card.export.get("sha256") == file_sha256(target)
        return is_whole and card.sha256 == read_pair(path).sha256
    except (WeightsError, OSError):
        return False


def noise_for(card: ModelCard) -> np.ndarray:
    """Loud and faint noise: float32 `(2, num_samples)`, the same each time."""
    noise = np.random.default_rng(0).normal(0, 0.1, (2, card.num_samples))
    return (noise * [[1.0], [0.01]]).astype("float32")


def _require_keras(format: str, exporter: Exporter) -> None:
    found = tuple(int(part) for part in keras.__version__.split(".")[:2])
    if found < exporter.keras:
        needed = ".".join(map(str, exporter.keras))
        raise WeightsError(
            f"{format} needs Keras {needed} or newer, here is {keras.__version__}; "
            f"pip install 'keras>={needed}'"
        )


def _write(
    model: keras.Model, card: ModelCard, part: Path, format: str, waveforms: np.ndarray
) -> float:
    """Writes the file, and measures how far its probabilities are off."""
    exporter = EXPORTERS[format]
    try:
        exporter.write(_without_fft(model, card), part)
        run = exporter.load(part)
        actual = np.concatenate([run(waveform[None]) for waveform in waveforms])
    except (ResemulError, OSError):
        raise
    except ImportError as error:
        raise WeightsError(
            f"{format} needs a library: {error}; pip install 'resemul[export]'"
        ) from error
    except Exception as error:  # what a converter raises differs from one to the next
        reason = str(error).partition("\n")[0]
        raise WeightsError(f"{format} cannot hold this model: {reason}") from error
    expected = np.concatenate(
        [model.predict_on_batch(waveform[None]) for waveform in waveforms]
    )
    difference = float(np.abs(actual - expected).max())
    # Written so that one that is not a number fails, too.
    if not difference <= exporter.tolerance:
        raise WeightsError(
            f"the model exported to {format} gives probabilities that differ by "
            f"{difference:.1e} from the model's, more than {exporter.tolerance:.0e}; "
            "it is not kept"
        )
    return difference


def _without_fft(model: keras.Model, card: ModelCard) -> keras.Model:
    """The same model with its Fourier transform as a convolution, if it has one.

    Not every runtime has a Fourier transform.
    """
    if card.model not in MODELS or not hasattr(model_entry(card.model).config, "dft"):
        return model
    options = {**card.options, "dft": "conv"}
    fused = build_model(card.model, len(card.tags), **options)
    fused.set_weights(model.get_weights())
    return fused


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
