"""The formats that models are exported to. Libraries are imported as they are used."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.errors import ConfigError
from resemul.runtime.reports import forbid_reports

if TYPE_CHECKING:
    import keras
    import numpy as np

# Takes waveforms `(batch, num_samples)`, returns probabilities `(batch, tags)`.
Runner = Callable[["np.ndarray"], "np.ndarray"]


@dataclass(frozen=True)
class Exporter:
    """A format.

    Attributes:
        suffix: of the file or folder.
        write: writes a model there.
        load: opens what was written, to compare it with the model.
        tolerance: by how much a probability may differ.
        keras: the oldest version of Keras that can write it.
    """

    suffix: str
    write: Callable[["keras.Model", Path], None]
    load: Callable[[Path], Runner]
    tolerance: float = 1e-4
    keras: tuple[int, int] = (3, 9)


def _write_onnx(model: "keras.Model", path: Path) -> None:
    from resemul.export.onnx_graph import build_onnx

    path.write_bytes(build_onnx(model))


def _load_onnx(path: Path) -> Runner:
    forbid_reports()
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda waveforms: session.run(["tags"], {"waveform": waveforms})[0]


def _write_saved_model(model: "keras.Model", path: Path) -> None:
    model.export(path, format="tf_saved_model", verbose=False)


def _load_saved_model(path: Path) -> Runner:
    import keras
    import numpy as np

    layer = keras.layers.TFSMLayer(path, call_endpoint="serve")
    return lambda waveforms: np.asarray(layer(waveforms))


def _write_tflite(model: "keras.Model", path: Path) -> None:
    model.export(path, format="litert", verbose=False)


def _load_tflite(path: Path) -> Runner:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(str(path))
    (source,), (target,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )

    def run(waveforms: "np.ndarray") -> "np.ndarray":
        interpreter.resize_tensor_input(source["index"], waveforms.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(source["index"], waveforms)
        interpreter.invoke()
        return interpreter.get_tensor(target["index"])

    return run


# By name.
EXPORTERS: dict[str, Exporter] = {
    "onnx": Exporter(".onnx", _write_onnx, _load_onnx),
    "tflite": Exporter(
        ".tflite", _write_tflite, _load_tflite, tolerance=1e-3, keras=(3, 13)
    ),
    "savedmodel": Exporter(".savedmodel", _write_saved_model, _load_saved_model),
}


def exported_card_path(path: Path) -> Path:
    """Where the card of an exported model lies: beside it, with its whole name."""
    return path.with_name(path.name + ".json")


def find_exporter(format: str, path: Path) -> Exporter:
    """The exporter of a format, if it can write `path`.

    Raises:
        ConfigError: no such format, or `path` does not have its suffix or a folder.
    """
    if format not in EXPORTERS:
        raise ConfigError(
            f"format must be one of {', '.join(EXPORTERS)}, got {format!r}"
        )
    exporter = EXPORTERS[format]
    if path.suffix != exporter.suffix or not path.parent.is_dir():
        raise ConfigError(
            f"{format} is written under a name that ends in {exporter.suffix}, in a "
            f"folder that exists; got {path}"
        )
    return exporter


def format_of(path: Path) -> str:
    """The format that a name's suffix stands for.

    Raises:
        ConfigError: it stands for none.
    """
    for name, exporter in EXPORTERS.items():
        if exporter.suffix == path.suffix:
            return name
    suffixes = ", ".join(exporter.suffix for exporter in EXPORTERS.values())
    raise ConfigError(f"{path} ends in none of {suffixes}; say which with --format")
