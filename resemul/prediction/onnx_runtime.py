"""Prediction by ONNX Runtime, without Keras."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from resemul.checkpoints.card import ModelCard
from resemul.errors import WeightsError
from resemul.runtime.reports import forbid_reports

# Segments of up to this many samples, 8 s at 16 kHz, are computed several at a time,
# one by each thread: threads that share the work of one wait for each other at every
# layer. A longer one, of which a file may have no second, is shared by all threads.
# Larger batches are not faster on a CPU, only larger.
_MOST_SAMPLES_ALONE = 2**17
# So many at a time at most, as each takes megabytes; further threads help all of them.
_MOST_AT_A_TIME = 4


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
        outputs = self._open().session.get_outputs()
        sizes = {output.name: output.shape[-1] for output in outputs}
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
        opened = self._open()
        found = opened.run_each(output, waveforms)
        if not found:
            return np.zeros((0, num_values), "float32")
        return np.concatenate(found)

    def _open(self) -> "_Session":
        # What another process opened is useless here, though a fork copied it.
        opened = self._opened.setdefault(os.getpid(), _Session())
        opened.open(self)
        return opened


class _Session:
    """The session of one process, opened by whichever thread needs it first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callers: ThreadPoolExecutor | None = None
        self.session: Any = None

    def open(self, runtime: OnnxRuntime) -> None:
        """Opens the file, if that has not been done."""
        with self._lock:
            if self.session is not None:
                return
            num_threads = runtime.num_threads or available_cores()
            num_callers = 1
            if runtime.card.num_samples <= _MOST_SAMPLES_ALONE:
                num_callers = min(num_threads, _MOST_AT_A_TIME)
            # Each caller counts as one of the session's own threads.
            self.session = _open(runtime, num_threads - num_callers + 1)
            if num_callers > 1:
                self._callers = ThreadPoolExecutor(num_callers, "onnx")

    def run_each(self, output: str, waveforms: np.ndarray) -> list[np.ndarray]:
        """One output, `(1, values)` of each segment."""

        def run(waveform: np.ndarray) -> np.ndarray:
            return self.session.run([output], {"waveform": waveform[None]})[0]

        if self._callers is None or len(waveforms) < 2:
            return list(map(run, waveforms))
        return list(self._callers.map(run, waveforms))


def _open(runtime: OnnxRuntime, num_threads: int) -> Any:
    forbid_reports()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Its own choice is all cores of the machine, and to tie a thread to each.
    options.intra_op_num_threads = num_threads
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
