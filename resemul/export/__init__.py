"""Our models for other runtimes: one file or folder, checked against the model."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from resemul.checkpoints.card import ModelCard
from resemul.configs import model_entry
from resemul.errors import ConfigError, WeightsError
from resemul.models import build_model

# Takes waveforms `(batch, num_samples)`, returns probabilities `(batch, tags)`.
Runner = Callable[[np.ndarray], np.ndarray]


def export_model(
    model: keras.Model,
    card: ModelCard,
    path: Path,
    format: str,
    waveforms: np.ndarray,
    audio: str = "",
) -> float:
    """Writes the model for another runtime, and its card as `<path>.json`.

    What was written is run on `waveforms` in that runtime before it gets its name,
    segment by segment.

    Args:
        model: built by `build_model`.
        card: its card.
        path: a file, or with "savedmodel" a folder; what is there is replaced.
        format: a key of `EXPORTERS`.
        waveforms: float32 `(segments, num_samples)`.
        audio: what the waveforms are, for the card.

    Returns:
        The largest difference between a probability of the model and of the export.

    Raises:
        ConfigError: no such format, or `path` does not have its suffix.
        WeightsError: the model cannot be exported, or a library is missing for it.
    """
    if format not in EXPORTERS:
        raise ConfigError(
            f"format must be one of {', '.join(EXPORTERS)}, got {format!r}"
        )
    suffix, write, load = EXPORTERS[format]
    if path.suffix != suffix or not path.parent.is_dir():
        raise ConfigError(
            f"{format} is written under a name that ends in {suffix}, in a folder that "
            f"exists; got {path}"
        )
    part = path.with_name(f".{path.stem}.part{suffix}")
    _remove(part)
    try:
        write(_without_fft(model, card), part)
        run = load(part)
        actual = np.concatenate([run(waveform[None]) for waveform in waveforms])
    except ImportError as error:
        _remove(part)
        raise WeightsError(f"{format} needs a library: {error}") from error
    expected = np.concatenate(
        [model.predict_on_batch(waveform[None]) for waveform in waveforms]
    )
    difference = float(np.abs(actual - expected).max())
    facts = dataclasses.asdict(card)
    facts["export"] = {
        "format": format,
        "max_difference": difference,
        "num_segments": len(waveforms),
        "audio": audio,
    }
    card_path = path.with_name(path.name + ".json")
    _remove(path)
    part.replace(path)
    card_path.write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    return difference


def _without_fft(model: keras.Model, card: ModelCard) -> keras.Model:
    """The same model with its Fourier transform as a convolution, if it has one.

    Not every runtime has a Fourier transform.
    """
    names = {field.name for field in dataclasses.fields(model_entry(card.model).config)}
    if "dft" not in names:
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


def _write_onnx(model: keras.Model, path: Path) -> None:
    from resemul.export.onnx_graph import build_onnx

    path.write_bytes(build_onnx(model).SerializeToString())


def _load_onnx(path: Path) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda waveforms: session.run(None, {"waveform": waveforms})[0]


def _write_saved_model(model: keras.Model, path: Path) -> None:
    model.export(path, format="tf_saved_model", verbose=False)


def _load_saved_model(path: Path) -> Runner:
    layer = keras.layers.TFSMLayer(path, call_endpoint="serve")
    return lambda waveforms: np.asarray(layer(waveforms))


def _write_tflite(model: keras.Model, path: Path) -> None:
    model.export(path, format="litert", verbose=False)


def _load_tflite(path: Path) -> Runner:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(str(path))
    (source,), (target,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )

    def run(waveforms: np.ndarray) -> np.ndarray:
        interpreter.resize_tensor_input(source["index"], waveforms.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(source["index"], waveforms)
        interpreter.invoke()
        return interpreter.get_tensor(target["index"])

    return run


# Suffix of the file or folder, how to write it, and how to run it.
EXPORTERS: dict[
    str,
    tuple[str, Callable[[keras.Model, Path], None], Callable[[Path], Runner]],
] = {
    "onnx": (".onnx", _write_onnx, _load_onnx),
    "tflite": (".tflite", _write_tflite, _load_tflite),
    "savedmodel": (".savedmodel", _write_saved_model, _load_saved_model),
}
