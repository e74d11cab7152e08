"""A model exported once, by means of Keras, and kept in the cache."""

from pathlib import Path

from resemul.checkpoints.model_file import find_model, load_model
from resemul.export.exporting import export_model
from resemul.prediction.onnx_models import cached_path, find_exported, open_onnx
from resemul.prediction.onnx_runtime import OnnxRuntime
from resemul.runtime.files import file_sha256
from resemul.weights.cache import locked_cache


def export_to_cache(name_or_path: str | Path, trust: bool) -> OnnxRuntime:
    """Exports a model to the cache, if that was not done, and opens it there.

    Raises:
        WeightsError: it cannot be opened or exported, or the export's probabilities
            differ from the model's.
    """
    path = find_model(name_or_path)
    model, card = load_model(path, trust=trust)
    target = cached_path(card.sha256 or file_sha256(path))
    with locked_cache(target.with_suffix(".lock")):
        found = find_exported(path, card)
        if found:
            return found
        export_model(model, card, target, "onnx")
    return find_exported(path, card) or open_onnx(target)
