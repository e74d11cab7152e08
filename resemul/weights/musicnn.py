"""The networks of musicnn in checkpoints of TensorFlow 1, in files or in the wheel.

The names of their layers are numbered in the order in which the authors' code made
them (https://github.com/jordipons/musicnn, musicnn/models.py).
"""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from resemul.errors import WeightsError
from resemul.weights.contents import Contents, list_names, refusal, require_sane
from resemul.weights.tf1_checkpoint import read_bundle

INDEX_SUFFIX = ".index"
DATA_SUFFIX = ".data-00000-of-00001"
# The largest published one has 96 MB of data.
_MAX_BYTES = 1 << 29

# Layers with weights: their name there, and here.
_MUSICNN = {
    **{"conv2d": "timbre1_conv", "conv2d_1": "timbre2_conv"},
    **{f"conv2d_{2 + i}": f"tempo{1 + i}_conv" for i in range(3)},
    **{f"conv2d_{5 + i}": f"mid{1 + i}_conv" for i in range(3)},
    **{"batch_normalization": "spec_bn"},
    **{f"batch_normalization_{1 + i}": f"timbre{1 + i}_bn" for i in range(2)},
    **{f"batch_normalization_{3 + i}": f"tempo{1 + i}_bn" for i in range(3)},
    **{f"batch_normalization_{6 + i}": f"mid{1 + i}_bn" for i in range(3)},
    **{"batch_normalization_9": "pool_bn", "batch_normalization_10": "dense_bn"},
    **{"dense": "dense", "dense_1": "tags"},
}
_VGG = {
    "batch_normalization": "spec_bn",
    **{f"{i}CNN": f"conv{i}_conv" for i in range(1, 6)},
    **{f"batch_normalization_{i}": f"conv{i}_bn" for i in range(1, 6)},
    "dense": "tags",
}
# Of the optimizer: powers of Adam's rates, and its moments.
_OPTIMIZER = ("beta1_power", "beta2_power")

_State = dict[str, np.ndarray]


def is_tf1(path: Path) -> bool:
    """Is this the index or the data of a checkpoint, or a zip archive with an index?"""
    path = Path(path)
    if path.name.endswith((INDEX_SUFFIX, DATA_SUFFIX)):
        return True
    return zipfile.is_zipfile(path) and bool(_find_members(path))


def read_tf1(path: Path, model: str | None = None) -> Contents:
    """Reads the tensors of a network of musicnn; never its graph.

    Args:
        path: `NAME.index`, with `NAME.data-00000-of-00001` beside it, or a zip archive
            such as a wheel that holds one such pair.
        model: expected; None for any.

    Raises:
        WeightsError: a file is missing or broken, or holds something else.
    """
    index, data = read_pair_of(path)
    try:
        state = read_bundle(index, data, _is_weight)
    except ValueError as error:
        raise WeightsError(f"{path} is no checkpoint of TensorFlow: {error}") from error
    name = _recognise(path, state, model)
    layers = _MUSICNN if name == "musicnn" else _VGG
    arrays, unused = {}, []
    for key, value in state.items():
        layer, _, variable = key.rpartition("/")
        if layer not in layers:
            unused.append(key)
            continue
        if layers[layer].startswith("mid") and value.ndim == 4 and value.shape[2] == 1:
            # A convolution over all channels at once: (time, channels, 1, outputs).
            value = value[:, :, 0]
        arrays[f"{layers[layer]}/{variable}"] = value
    options = _options(path, name, arrays)
    num_tags = arrays["tags/kernel"].shape[-1]
    require_sane(path, max(options.values()), num_tags)
    return Contents(name, options, num_tags, arrays, tuple(unused))


def read_pair_of(path: Path, folder: str | None = None) -> tuple[bytes, bytes]:
    """The bytes of the index and of the data of a checkpoint.

    Args:
        path: as for `read_tf1`.
        folder: which pair of a zip archive; None if it holds but one.

    Raises:
        WeightsError: a file is missing, cannot be read, or is too large.
    """
    path = Path(path)
    try:
        if path.name.endswith((INDEX_SUFFIX, DATA_SUFFIX)):
            stem = path.name.removesuffix(INDEX_SUFFIX).removesuffix(DATA_SUFFIX)
            return (
                _read_file(path.with_name(f"{stem}{INDEX_SUFFIX}")),
                _read_file(path.with_name(f"{stem}{DATA_SUFFIX}")),
            )
        return _read_members(path, folder)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WeightsError(f"{path} cannot be read: {reason}") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise WeightsError(f"{path} is a broken zip archive: {error}") from error


def _read_file(path: Path) -> bytes:
    if not path.is_file():
        raise WeightsError(
            f"there is no {path}; a checkpoint is the two files *{INDEX_SUFFIX} and "
            f"*{DATA_SUFFIX}"
        )
    if path.stat().st_size > _MAX_BYTES:
        raise WeightsError(f"{path} is too large for a network of musicnn")
    return path.read_bytes()


def _read_members(path: Path, folder: str | None) -> tuple[bytes, bytes]:
    prefixes = _find_members(path)
    if folder is not None:
        prefixes = [prefix for prefix in prefixes if prefix == f"{folder}/"]
    if len(prefixes) != 1:
        found = ", ".join(repr(prefix) for prefix in prefixes[:8]) or "none"
        raise WeightsError(
            f"{path} should hold one checkpoint{f' in {folder}' if folder else ''}, it "
            f"holds {found}; 'resemul pretrained download NAME --from {path}' takes "
            "one of those that are published"
        )
    with zipfile.ZipFile(path) as archive:
        names = [f"{prefixes[0]}{suffix}" for suffix in (INDEX_SUFFIX, DATA_SUFFIX)]
        for name in names:
            if archive.getinfo(name).file_size > _MAX_BYTES:
                raise WeightsError(f"{path}: {name} is too large")
        index, data = (archive.read(name) for name in names)
    return index, data


def _find_members(path: Path) -> list[str]:
    """What stands before both suffixes in the names of a zip archive's members."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return []
    prefixes = (n.removesuffix(INDEX_SUFFIX) for n in names if n.endswith(INDEX_SUFFIX))
    return sorted(prefix for prefix in prefixes if f"{prefix}{DATA_SUFFIX}" in names)


def _is_weight(name: str) -> bool:
    return "/Adam" not in name and name not in _OPTIMIZER


def _recognise(path: Path, state: _State, model: str | None) -> str:
    marks = {"musicnn": "conv2d_7/kernel", "musicnn_vgg": "1CNN/kernel"}
    found = [name for name, mark in marks.items() if mark in state]
    if not found:
        layers = sorted({name.rpartition("/")[0] for name in state})
        raise WeightsError(
            f"{path} holds no network of musicnn; its layers are {list_names(layers)}"
        )
    if model not in (None, found[0]):
        raise WeightsError(f"{path} holds the weights of {found[0]}, not of {model}")
    return found[0]


def _options(path: Path, name: str, arrays: _State) -> dict[str, Any]:
    shapes = {
        "channels": "tempo1_conv/kernel",
        "mid_channels": "mid1_conv/kernel",
        "dense_units": "dense/kernel",
    }
    if name == "musicnn_vgg":
        shapes = {"channels": "conv1_conv/kernel"}
    needed = [*shapes.values(), "tags/kernel"]
    missing = [key for key in needed if key not in arrays or not arrays[key].ndim]
    if missing:
        raise refusal(path, name, missing, ())
    return {option: arrays[key].shape[-1] for option, key in shapes.items()}
