"""Models of full size without a training, and their ONNX files."""

import dataclasses
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.material import FOLDER
from benchmarks.networks import NUM_TAGS


def build_untrained(name: str, **options: Any) -> tuple[Any, Any]:
    """A `keras.Model` with random weights, and its `ModelCard`."""
    from resemul.runtime.tensorflow import start_tensorflow

    start_tensorflow()
    import keras

    from resemul.checkpoints.card import ModelCard
    from resemul.configs import MODEL_ENTRIES
    from resemul.models import build_model

    keras.utils.set_random_seed(0)
    config = MODEL_ENTRIES[name].config(**options)
    card = ModelCard(
        model=name,
        options=dataclasses.asdict(config),
        tags=[str(number) for number in range(NUM_TAGS)],
        **dataclasses.asdict(config.audio),
        num_samples=config.num_samples,
    )
    return build_model(name, NUM_TAGS, **options), card


def onnx_path(name: str) -> Path:
    """Where `export_all` puts a model."""
    return FOLDER / "onnx" / f"{name}.onnx"


def export_all(names: Sequence[str]) -> None:
    """Exports models anew, in a process of its own: this one stays without Keras."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        list(pool.map(_export, names))


def _export(name: str) -> None:
    from resemul.export.exporting import export_model

    path = onnx_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    export_model(*build_untrained(name), path, "onnx")
