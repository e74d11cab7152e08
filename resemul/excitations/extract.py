"""Excitations of a model for every clip, as a table."""

import re
from collections.abc import Iterable, Sequence

import keras
import numpy as np
import pandas as pd

from resemul.errors import WeightsError
from resemul.prediction.batches import predict_pairs
from resemul.prediction.fused import fuse_for_prediction

# Columns of the table beside the tags, named as in the published system.
EXCITATION = "ex"
DEPTH = "depth"

# sample_cnn calls its units blocks, won_sample_cnn_se layers.
_LAYER_NAME = re.compile(r"(?:block|layer)(\d+)_excitation")


def extract_excitations(
    model: keras.Model,
    clips: Iterable[tuple[np.ndarray, np.ndarray]],
    tags: Sequence[str],
    batch_size: int | None = None,
    precision: str = "float32",
) -> pd.DataFrame:
    """Runs a model over clips; returns the excitations of all its blocks.

    Args:
        model: one with blocks `se` or `rese`, input `(batch, num_samples)`.
        clips: pairs of waveforms `(segments, num_samples)` and labels `(tags,)`.
        tags: names of the labels.
        batch_size: most segments in a batch; None for what their length allows.
        precision: `float32` or `mixed_bfloat16`, of the model's arithmetic.

    Returns:
        One row per clip and depth, clip after clip: `ex`, float32 `(channels,)` in
        (0, 1), the mean over the clip's segments; `depth`, 0 for the first block;
        then a column of 0.0 or 1.0 per tag.

    Raises:
        WeightsError: the model has no excitations.
    """
    depths, excitation_model = build_excitation_model(model)
    fused = fuse_for_prediction(excitation_model, precision)
    rows = [
        (np.asarray(labels, "float32"), [_mean(output) for output in outputs])
        for outputs, labels in predict_pairs(fused, clips, batch_size)
    ]
    return _make_table(rows, depths, tags)


def _mean(output: np.ndarray) -> np.ndarray:
    """Mean over segments of `(segments, 1, channels)`: `(channels,)`."""
    return output.mean(axis=0).reshape(-1)


def build_excitation_model(
    model: keras.Model, depths: Sequence[int] | None = None
) -> tuple[list[int], keras.Model]:
    """Cuts a model off at its excitations.

    Args:
        model: one with layers named `block1_excitation` and so on.
        depths: those to keep; None for all.

    Returns:
        The depths, ascending, and a model with the output `(batch, 1, channels)`
        of each, float32 whatever the precision of the layer.

    Raises:
        WeightsError: the model has no excitations.
    """
    layers = {}
    for layer in model.layers:
        if match := _LAYER_NAME.fullmatch(layer.name):
            layers[int(match[1]) - 1] = layer
    if not layers:
        raise WeightsError(
            "only models with blocks 'se' or 'rese' have excitations; this "
            f"{model.name} has {_describe_blocks(model)}"
        )
    kept = sorted(layers) if depths is None else sorted(depths)
    outputs = [keras.ops.cast(layers[depth].output, "float32") for depth in kept]
    return kept, keras.Model(model.inputs, outputs, name="excitations")


def _describe_blocks(model: keras.Model) -> str:
    names = {layer.name for layer in model.layers}
    if "block1_add" in names:
        return "blocks 'res'"
    return "blocks 'basic'" if "block1_conv" in names else "no such blocks"


def _make_table(
    rows: list[tuple[np.ndarray, list[np.ndarray]]],
    depths: list[int],
    tags: Sequence[str],
) -> pd.DataFrame:
    """The table of clips, each given by its labels and its excitations by depth."""
    matrix = np.zeros((0, len(tags)), "float32")
    if rows:
        matrix = np.stack([labels for labels, _ in rows])
    if matrix.shape[1] != len(tags):
        raise ValueError(f"clips have {matrix.shape[1]} labels, {len(tags)} tags given")
    values = np.empty(len(rows) * len(depths), dtype=object)
    values[:] = [excitation for _, excitations in rows for excitation in excitations]
    table = pd.DataFrame(
        {EXCITATION: values, DEPTH: np.tile(np.array(depths, "int64"), len(rows))}
    )
    columns = pd.DataFrame(np.repeat(matrix, len(depths), axis=0), columns=list(tags))
    return pd.concat([table, columns], axis=1)
