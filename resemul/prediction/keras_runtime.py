"""Prediction by Keras: slower to start, but of any model."""

import threading

import keras
import numpy as np

from resemul.checkpoints.card import ModelCard
from resemul.models import remove_top
from resemul.prediction.batches import predict_pairs
from resemul.prediction.fused import fuse_for_prediction


class KerasRuntime:
    """A Keras model and its card. Threads may share it; they take turns."""

    name = "keras"

    def __init__(self, model: keras.Model, card: ModelCard) -> None:
        self.card = card
        self._model = model
        self._fused = fuse_for_prediction(model)
        self._body: keras.Model | None = None
        self._lock = threading.Lock()

    def predict(self, waveforms: np.ndarray) -> np.ndarray:
        """Probabilities, float32 `(n, tags)`, of float32 `(n, num_samples)`."""
        with self._lock:
            return _run(self._fused, waveforms)

    def embed(self, waveforms: np.ndarray) -> np.ndarray:
        """What the last layer sees: float32 `(n, dims)`."""
        with self._lock:
            if self._body is None:
                self._body = fuse_for_prediction(remove_top(self._model))
            return _run(self._body, waveforms)


def _run(model: keras.Model, waveforms: np.ndarray) -> np.ndarray:
    waveforms = np.asarray(waveforms, "float32")
    num_samples = model.input_shape[-1]
    if waveforms.ndim != 2 or waveforms.shape[1] != num_samples:
        raise ValueError(f"waveforms must be (n, {num_samples}), got {waveforms.shape}")
    if not len(waveforms):
        return np.zeros((0, model.output_shape[-1]), "float32")
    ((outputs,), _) = next(predict_pairs(model, [(waveforms, None)]))
    return outputs
