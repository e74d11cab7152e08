"""Prediction by ONNX Runtime, without Keras."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from resemul.checkpoints.card import ModelCard
from resemul.errors import WeightsError
from resemul.runtime.reports import forbid_reports

# Samples that are computed at once: five segments of 3 s. Larger batches are not
# faster on a CPU, only larger.
_BATCH_SAMPLES = 2**18


class OnnxRuntime:
    """A model in an ONNX file.

    Threads may share it, and it may be sent to other processes; a process that was
    forked or spawned opens the file anew when it first predicts.

    Args:
        path: the ONNX file, with the output `tags` and maybe `embedding`.
        card: what the model takes and means.
        num_threads: that compute; None for as many as this process may use.
    """

    name = "onnx"

    def __init__(
        self, path: Path, card: ModelCard, num_threads: int | None = None
    ) -> None:
        self.path = Path(path)
        self.card = card
        self.num_threads = num_threads
        self._opened: dict[int, _Session] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": {}}

    def predict(self, waveforms: np.ndarray) -> np.ndarray:
        """Probabilities, float32 `(n, tags)`, of float32 `(n, num_samples)`."""
        return self._run("tags", waveforms, len(self.card.tags))

    def embed(self, waveforms: np.ndarray) -> np.ndarray:
        """What the last layer sees: float32 `(n, dims)`.

        Raises:
            WeightsError: the file does not give it; older ones do not.
        """
        session = self._session()
        sizes = {output.name: output.shape[-1] for output in session.get_outputs()}
        if "embedding" not in sizes:
            raise WeightsError(
                f"{self.path} gives no embeddings; export the model again, or take the "
                "runtime keras"
            )
        return self._run("embedding", waveforms, sizes["embedding"])

    def _run(self, output: str, waveforms: np.ndarray, num_values: int) -> np.ndarray:
        waveforms = np.ascontiguousarray(waveforms, "float32")
        if waveforms.ndim != 2 or waveforms.shape[1] != self.card.num_samples:
            raise ValueError(
                f"waveforms must be (n, {self.card.num_samples}), got {waveforms.shape}"
            )
        session = self._session()
        found = [
            session.run([output], {"waveform": batch})[0]
            for batch in _batches(waveforms)
        ]
        if not found:
            return np.zeros((0, num_values), "float32")
        return np.concatenate(found)

    def _session(self) -> Any:
        # What another process opened is useless here, though a fork copied it.
        opened = self._opened.setdefault(os.getpid(), _Session())
        return opened.get(self)


class _Session:
    """The session of one process, opened by whichever thread needs it first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: Any = None

    def get(self, runtime: OnnxRuntime) -> Any:
        with self._lock:
            if self._session is None:
                self._session = _open(runtime)
            return self._session


def _open(runtime: OnnxRuntime) -> Any:
    forbid_reports()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Its own choice is all cores of the machine, and to tie a thread to each.
    options.intra_op_num_threads = runtime.num_threads or available_cores()
    # Threads that wait in a loop take the time of those that decode.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Only what raises is worth a word.
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            runtime.path, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # of the kinds that its own module defines
        raise WeightsError(
            f"{runtime.path} is not a model that ONNX Runtime can read"
        ) from error
    inputs = {source.name: source.shape for source in session.get_inputs()}
    outputs = [output.name for output in session.get_outputs()]
    if list(inputs) != ["waveform"] or "tags" not in outputs:
        raise WeightsError(
            f"{runtime.path} does not go from 'waveform' to 'tags'; it was not "
            "exported by this package"
        )
    if inputs["waveform"][1:] != [runtime.card.num_samples]:
        raise WeightsError(
            f"{runtime.path} takes {inputs['waveform'][1:]} samples, its card says "
            f"{runtime.card.num_samples}"
        )
    return session


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _batches(waveforms: np.ndarray) -> Iterator[np.ndarray]:
    size = max(1, _BATCH_SAMPLES // waveforms.shape[1])
    for start in range(0, len(waveforms), size):
        yield waveforms[start : start + size]
