"""Checkpoints of the field's PyTorch code, read without PyTorch.

Our models of that code have its layer names with "_" for ".", and the last layer is
`tags`; so the architecture is told by the names, and its options by the shapes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resemul.errors import WeightsError
from resemul.models.mel import mel_filter_bank
from resemul.weights.contents import Contents, list_names, refusal, require_sane
from resemul.weights.torch_reader import is_torch, read_state_dict

# What Lightning and DataParallel put before every name.
_PREFIXES = ("model.", "module.")
# Buffers of torchaudio's MelSpectrogram.
_WINDOW = "spec.spectrogram.window"
_FILTERS = "spec.mel_scale.fb"
_SAMPLE_RATE = 16_000
_FFT_SIZE = 512
# Stored filters differ by the rounding of float32, in frequencies up to 8000.
_FRONT_END_TOLERANCE = 1e-4

_State = dict[str, np.ndarray]


def _fcn5_options(state: _State) -> dict[str, Any]:
    # The weights fit any number of bands from 96 to 191, with other results.
    return {
        "channels": state["layer1.conv.weight"].shape[0],
        "num_bands": state[_FILTERS].shape[-1],
    }


def _multi_scale_options(state: _State) -> dict[str, Any]:
    return {
        "channels": state["conv31.weight"].shape[0] // 7,
        "dense_units": state["fc1.weight"].shape[0],
    }


def _channels_of(name: str) -> Callable[[_State], dict[str, Any]]:
    return lambda state: {"channels": state[name].shape[0]}


@dataclass(frozen=True)
class _Architecture:
    """`mark` is a layer that none of those further down in the table has."""

    mark: str
    last_layer: str
    options: Callable[[_State], dict[str, Any]]
    tag_preset: str | None = "mtt-reversed"


# By key of `MODELS`. The code of the multi-scale model sorts its tags anew each time.
_ARCHITECTURES = {
    "won_sample_cnn_se": _Architecture(
        "layer11.conv_1", "dense2", _channels_of("layer1.conv_1.weight")
    ),
    "won_sample_cnn": _Architecture(
        "layer11.conv", "dense", _channels_of("layer1.conv.weight")
    ),
    "short_chunk_cnn_res": _Architecture(
        "layer7.conv_1", "dense2", _channels_of("layer1.conv_1.weight")
    ),
    "short_chunk_cnn": _Architecture(
        "layer7.conv", "dense2", _channels_of("layer1.conv.weight")
    ),
    "fcn5": _Architecture("layer5.conv", "dense", _fcn5_options),
    "multi_scale_cnn": _Architecture("conv31", "fc2", _multi_scale_options, None),
}


def read_pytorch(path: Path, model: str | None = None) -> Contents:
    """Reads a `state_dict`, bare or in a checkpoint of Lightning.

    Args:
        path: written by `torch.save`, by any version from 0.4 on, on any device.
        model: expected; None for any.

    Raises:
        WeightsError: the file is broken, or holds something else.
    """
    state = _strip_prefixes(read_state_dict(path))
    name = _recognise(path, state, model)
    architecture = _ARCHITECTURES[name]
    outputs = f"{architecture.last_layer}.weight"
    try:
        options = architecture.options(state)
        num_tags = state[outputs].shape[0]
        features = options["channels"]
    except KeyError as error:
        raise refusal(path, name, error.args, ()) from error
    except IndexError as error:
        raise WeightsError(f"{path}: a weight of {name} has no dimensions") from error
    require_sane(path, features, num_tags)
    _check_front_end(path, state)
    return Contents(
        model=name,
        options=options,
        num_tags=num_tags,
        arrays=_to_keras(path, state, architecture.last_layer),
        tag_preset=architecture.tag_preset,
    )


def _strip_prefixes(state: _State) -> _State:
    for prefix in _PREFIXES * 2:
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _recognise(path: Path, state: _State, model: str | None) -> str:
    layers = {name.rpartition(".")[0] for name in state}
    for name, architecture in _ARCHITECTURES.items():
        if architecture.mark in layers:
            if model not in (None, name):
                raise WeightsError(
                    f"{path} holds the weights of {name}, not of {model}"
                )
            return name
    raise WeightsError(
        f"{path} holds none of {', '.join(_ARCHITECTURES)}; its layers are "
        f"{list_names(sorted(layers))}"
    )


def _check_front_end(path: Path, state: _State) -> None:
    """Checks that the file's spectrogram is the one that our models compute."""
    expected = {}
    if _WINDOW in state:
        time = np.arange(_FFT_SIZE)
        expected[_WINDOW] = 0.5 - 0.5 * np.cos(2 * np.pi * time / _FFT_SIZE)
    if _FILTERS in state:
        num_bands = state[_FILTERS].shape[-1] if state[_FILTERS].ndim == 2 else 0
        if not 1 <= num_bands <= _FFT_SIZE:
            raise WeightsError(f"{path}: {_FILTERS} holds no mel filters")
        expected[_FILTERS] = mel_filter_bank(
            _SAMPLE_RATE, _FFT_SIZE, num_bands, scale="htk", norm=None
        )
    for name, values in expected.items():
        found = state[name]
        if found.shape != values.shape or not np.allclose(
            found, values, rtol=0, atol=_FRONT_END_TOLERANCE
        ):
            raise WeightsError(
                f"{path}: {name} is not that of a spectrogram with windows of "
                f"{_FFT_SIZE} at {_SAMPLE_RATE} Hz and HTK mel bands, which is what "
                "the model computes"
            )


def _to_keras(path: Path, state: _State, last_layer: str) -> dict[str, np.ndarray]:
    """Our names, and our order of dimensions: outputs last."""
    arrays = {}
    for name, value in state.items():
        layer, _, variable = name.rpartition(".")
        if variable == "num_batches_tracked" or name in (_WINDOW, _FILTERS):
            continue
        if value.dtype.kind != "f":
            raise WeightsError(f"{path}: {name} holds no floats")
        is_norm = f"{layer}.running_mean" in state
        ours = {
            "weight": "gamma" if is_norm else "kernel",
            "bias": "beta" if is_norm else "bias",
            "running_mean": "moving_mean",
            "running_var": "moving_variance",
        }.get(variable, variable)
        if ours == "kernel":
            # (out, in, ...) to (..., in, out)
            value = np.moveaxis(value, (0, 1), (-1, -2)) if value.ndim > 1 else value
        layer = "tags" if layer == last_layer else layer.replace(".", "_")
        arrays[f"{layer}/{ours}"] = value.astype("float32")
    return arrays


__all__ = ["is_torch", "read_pytorch"]
