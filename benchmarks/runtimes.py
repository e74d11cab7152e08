"""Every model's prediction by every runtime, as `resemul tag` uses them.

All in one process, where the runtimes take turns: their threads sleep while they have
nothing to do, and TensorFlow is started once.
"""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.table import table_lines
from benchmarks.untrained import build_untrained

# Names of the columns, by the runtime's.
TITLES = {"onnx": "ONNX Runtime", "keras": "Keras on TensorFlow"}


@dataclass(frozen=True)
class Timing:
    """One model: seconds of audio in a segment, milliseconds of a segment by runtime.

    `difference` is the largest between two probabilities; `problem` says why there is
    nothing else.
    """

    model: str
    seconds: float = 0.0
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    difference: float = 0.0
    problem: str = ""


def measure_all(names: Sequence[str], rounds: int) -> list[Timing]:
    """Times models one after the other, in a process of their own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return list(pool.map(measure_model, names, [rounds] * len(names)))


def measure_model(name: str, rounds: int, **options: Any) -> Timing:
    """Times a model on noise; one round before is not counted.

    Args:
        name: a key of `MODELS`.
        rounds: how often each runtime has its turn, with as many segments as it gets
            of a file at once: about 24 s.
        options: of the model; none for its full size.
    """
    from resemul.errors import ResemulError

    try:
        taggers = _open(name, options)
    except ResemulError as error:
        return Timing(name, problem=str(error))
    listening = taggers["onnx"].listening
    random = np.random.default_rng(0)
    shape = (listening.piece_size, listening.num_samples)
    segments = random.normal(0, 0.2, shape).astype("float32")
    times: dict[str, list[float]] = {runtime: [] for runtime in taggers}
    outputs = {}
    for number in range(rounds + 1):
        for runtime, tagger in taggers.items():
            started = time.perf_counter()
            outputs[runtime] = tagger.predict(segments)
            seconds = time.perf_counter() - started
            if number:
                times[runtime].append(1e3 * seconds / len(segments))
    difference = float(np.abs(outputs["onnx"] - outputs["keras"]).max())
    length = listening.num_samples / listening.audio.sample_rate
    return Timing(name, length, times, difference)


def render(timings: Sequence[Timing]) -> str:
    """A row for each model: medians."""
    header = ["model", "seconds", *(f"{title}, ms" for title in TITLES.values())]
    rows = [[*header, "ONNX Runtime faster", "largest difference"]]
    for timing in timings:
        if timing.problem:
            rows.append([f"`{timing.model}`", timing.problem, *[""] * len(header)])
            continue
        medians = [statistics.median(timing.milliseconds[name]) for name in TITLES]
        rows.append(
            [
                f"`{timing.model}`",
                f"{timing.seconds:.2f}",
                *(f"{median:.1f}" for median in medians),
                f"{medians[1] / medians[0]:.2f}x",
                f"{timing.difference:.0e}",
            ]
        )
    return "\n".join(["### Runtimes, one segment, float32", "", *table_lines(rows), ""])


def _open(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """A `Tagger` by runtime, of the same weights."""
    model, card = build_untrained(name, **options)
    from resemul.export.exporting import export_model
    from resemul.prediction.keras_runtime import KerasRuntime
    from resemul.prediction.onnx_runtime import OnnxRuntime
    from resemul.tagging.tagger import Tagger

    with tempfile.TemporaryDirectory(prefix="resemul-benchmark-") as folder:
        path = Path(folder) / f"{name}.onnx"
        export_model(model, card, path, "onnx")
        onnx = OnnxRuntime(path, card)
        onnx.predict(np.zeros((1, card.num_samples), "float32"))  # opens the file
    return {"onnx": Tagger(onnx), "keras": Tagger(KerasRuntime(model, card))}
