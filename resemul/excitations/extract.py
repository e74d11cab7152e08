"""Excitations of a model for every clip, or for every segment of files, as a table."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from resemul.audio.stream import stream_segments
from resemul.configs import AudioConfig
from resemul.errors import WeightsError
from resemul.excitations.table import (
    require_free_names,
    table_of_clips,
    table_of_segments,
)
from resemul.prediction.batches import predict_pairs

if TYPE_CHECKING:
    import keras

# sample_cnn calls its units blocks, won_sample_cnn_se layers.
_LAYER_NAME = re.compile(r"(?:block|layer)(\d+)_excitation")


def extract_excitations(
    model: "keras.Model",
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
        then a column of 0.0 or 1.0 per tag. Its `attrs` say how many clips it is of.

    Raises:
        ConfigError: a tag is called as one of the columns.
        WeightsError: the model has no excitations, or its outputs are not all finite.
    """
    require_free_names(tags)
    depths, excitation_model = _fused(model, precision)
    rows = [
        (np.asarray(labels, "float32"), [_mean(output) for output in outputs])
        for outputs, labels in predict_pairs(excitation_model, clips, batch_size)
    ]
    _require_finite(excitations for _, excitations in rows)
    table = table_of_clips(rows, depths, tags)
    table.attrs = {"num_clips": len(rows)}
    return table


def extract_from_files(
    model: "keras.Model",
    paths: Sequence[Path],
    audio: AudioConfig,
    batch_size: int | None = None,
    precision: str = "float32",
) -> pd.DataFrame:
    """The excitations of audio files along time; needs no labels.

    Args:
        model: one with blocks `se` or `rese`, input `(batch, num_samples)`.
        paths: of any length; they are decoded piece by piece.
        audio: how the model wants them loaded, see `ModelCard.audio`.
        batch_size: most segments in a batch; None for what their length allows.
        precision: `float32` or `mixed_bfloat16`, of the model's arithmetic.

    Returns:
        One row per segment and depth, file after file: `ex` and `depth` as those of
        `extract_excitations`, `path`, and `start_seconds` and `end_seconds` of the
        segment. Its `attrs` say how many files it is of.

    Raises:
        AudioError: a file cannot be read.
        WeightsError: the model has no excitations, or its outputs are not all finite.
    """
    depths, excitation_model = _fused(model, precision)
    segments = _segments(paths, audio, int(model.input_shape[-1]))
    rows = [
        (place, [_mean(output) for output in outputs])
        for outputs, place in predict_pairs(excitation_model, segments, batch_size)
    ]
    _require_finite(excitations for _, excitations in rows)
    table = table_of_segments(rows, depths)
    table.attrs = {"num_files": len(paths)}
    return table


def _segments(
    paths: Sequence[Path], audio: AudioConfig, num_samples: int
) -> Iterator[tuple[np.ndarray, tuple[str, float, float]]]:
    """Each segment of each file, `(1, num_samples)`, and where it is, in seconds."""
    rate = audio.sample_rate
    for path in paths:
        for segment in stream_segments(path, audio, num_samples):
            place = (str(path), segment.start_sample / rate, segment.end_sample / rate)
            yield segment.samples[np.newaxis], place


def _fused(model: "keras.Model", precision: str) -> tuple[list[int], "keras.Model"]:
    from resemul.prediction.fused import fuse_for_prediction

    depths, excitation_model = build_excitation_model(model)
    return depths, fuse_for_prediction(excitation_model, precision)


def _mean(output: np.ndarray) -> np.ndarray:
    """Mean over segments of `(segments, 1, channels)`: `(channels,)`."""
    return output.mean(axis=0).reshape(-1)


def _require_finite(rows: Iterable[list[np.ndarray]]) -> None:
    for number, excitations in enumerate(rows):
        if not all(np.isfinite(excitation).all() for excitation in excitations):
            raise WeightsError(
                f"the model's excitations are not finite numbers for row {number + 1} "
                "of what it was shown; its weights or these samples are broken"
            )


def build_excitation_model(
    model: "keras.Model", depths: Sequence[int] | None = None
) -> tuple[list[int], "keras.Model"]:
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
    import keras

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


def _describe_blocks(model: "keras.Model") -> str:
    names = {layer.name for layer in model.layers}
    if "block1_add" in names:
        return "blocks 'res'"
    return "blocks 'basic'" if "block1_conv" in names else "no such blocks"
