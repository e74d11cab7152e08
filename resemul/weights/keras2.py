"""Sample-level CNNs in hdf5 files of Keras 2, as the original system wrote them.

Only arrays are read: no class, function or configuration in the file is used, but
for the length of the input.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

import h5py

from resemul.constants import NUM_SAMPLES
from resemul.errors import WeightsError
from resemul.weights.contents import Contents, list_names, refusal, require_sane
from resemul.weights.hdf5 import PlainFile
from resemul.weights.keras2_layers import VARIABLES, Layer, original_layers

MODEL = "sample_cnn"

_NUMBERED_NAME = re.compile(r"(conv1d|batch_normalization|dense)(?:_(\d{1,9}))?")
_WHOLE_MODEL_GROUP = "model_weights"
# Convolutions of a basic or SE model: 10; of a residual one: 21.
_MIN_RESIDUAL_CONVS = 16
# Dense layers without excitations.
_HEAD_DENSES = 2
_MAX_BYTES = 1 << 30
_MAX_SAMPLES = 1 << 26

# By kind of layer, by number in its name, by variable.
_Found = dict[str, dict[int, dict[str, h5py.Dataset]]]


def is_keras2(path: Path) -> bool:
    """Is this an hdf5 file?"""
    return bool(h5py.is_hdf5(path))


def read_keras2(path: Path, model: str | None = None) -> Contents:
    """Reads a whole model or its weights alone; ignores the optimizer's state.

    Args:
        path: an hdf5 file.
        model: expected; these files are read as `sample_cnn` only.

    Raises:
        WeightsError: the file is broken, or holds something else.
    """
    if model not in (None, MODEL):
        raise WeightsError(f"{path}: hdf5 files are read as {MODEL}, not as {model}")
    with PlainFile(path) as file:
        found, unused = _find_layers(file)
        options, num_tags = _recognise(path, found)
        layers = original_layers(num_tags, **options)
        datasets = _name_layers(path, layers, found, unused)
        _check_shapes(path, layers, datasets)
        return Contents(
            model=MODEL,
            options={**options, "num_samples": _num_samples(file)},
            num_tags=num_tags,
            arrays={
                name: dataset[()].astype("float32")
                for name, dataset in datasets.items()
            },
            tag_preset="mtt",
        )


def _find_layers(file: PlainFile) -> tuple[_Found, list[str]]:
    """Returns the layers with weights, and the names of arrays that are no layer's."""
    groups = dict(file.children(file.root))
    if isinstance(groups.get(_WHOLE_MODEL_GROUP), h5py.Group):
        groups = dict(file.children(groups[_WHOLE_MODEL_GROUP]))
    found: _Found = {kind: {} for kind in VARIABLES}
    unused = []
    for group_name, group in sorted(groups.items()):
        match = _NUMBERED_NAME.fullmatch(group_name)
        for dataset in file.arrays(group):
            # `kernel` for `.../conv1d_1/kernel:0`.
            variable = dataset.name.rpartition("/")[2].partition(":")[0]
            if match is None or variable not in VARIABLES[match[1]]:
                unused.append(dataset.name)
                continue
            layer = found[match[1]].setdefault(int(match[2] or 0), {})
            if variable in layer:
                unused.append(dataset.name)
            layer.setdefault(variable, dataset)
    return found, unused


def _recognise(path: Path, found: _Found) -> tuple[dict[str, Any], int]:
    """Reads the options of the model, and its outputs, off the shapes."""
    convs, denses = (
        [
            found[kind][number]["kernel"].shape
            for number in sorted(found[kind])
            if "kernel" in found[kind][number]
        ]
        for kind in ("conv1d", "dense")
    )
    if (
        not convs
        or len(denses) < _HEAD_DENSES
        or len(convs[0]) != 3
        or any(len(shape) != 2 for shape in denses)
    ):
        counts = [f"{len(layers)} {kind}" for kind, layers in found.items()]
        raise WeightsError(
            f"{path} holds no sample-level CNN; its layers: {list_names(counts)}"
        )
    features, num_tags = convs[0][2], denses[-1][1]
    require_sane(path, features, num_tags)
    is_excited = len(denses) > _HEAD_DENSES
    if len(convs) >= _MIN_RESIDUAL_CONVS:
        block = "rese" if is_excited else "res"
    else:
        block = "se" if is_excited else "basic"
    options: dict[str, Any] = {
        "block": block,
        # The last block has four times the channels of the stem.
        "multi": denses[-2][0] == 8 * features,
        "init_features": features,
        "alpha": max(1, denses[0][1] // features) if is_excited else 16,
    }
    return options, num_tags


def _name_layers(
    path: Path, layers: list[Layer], found: _Found, unused: list[str]
) -> dict[str, h5py.Dataset]:
    """Gives the arrays our names `<layer>/<variable>`, by the numbers of the layers.

    All stages of a run of the original share a graph, so in the file of a later
    stage the numbers do not begin at 1.
    """
    datasets = {}
    for kind in VARIABLES:
        names = [name for layer_kind, name, _ in layers if layer_kind == kind]
        numbers = sorted(found[kind])
        positions = list(range(len(numbers)))
        if len(numbers) != len(names):
            # Which one is missing? Counting on would misname all that come after.
            positions = [number - numbers[0] for number in numbers]
        for position, number in zip(positions, numbers, strict=True):
            for variable, dataset in found[kind][number].items():
                if position < len(names):
                    datasets[f"{names[position]}/{variable}"] = dataset
                else:
                    unused.append(dataset.name)
    missing = [
        f"{name}/{variable}"
        for _, name, shapes in layers
        for variable in shapes
        if f"{name}/{variable}" not in datasets
    ]
    if missing or unused:
        raise refusal(path, MODEL, missing, unused)
    return datasets


def _check_shapes(
    path: Path, layers: list[Layer], datasets: dict[str, h5py.Dataset]
) -> None:
    """Checks what the file claims before anything of that size is made."""
    num_bytes = 0
    for _, name, shapes in layers:
        for variable, shape in shapes.items():
            dataset = datasets[f"{name}/{variable}"]
            num_bytes += 4 * math.prod(shape)
            if dataset.shape != shape:
                raise WeightsError(
                    f"{path}: {dataset.name!r} has shape {dataset.shape}, but {name} "
                    f"of this model needs {shape}"
                )
    if num_bytes > _MAX_BYTES:
        raise WeightsError(f"{path} claims {num_bytes} bytes of weights: too many")


def _num_samples(file: PlainFile) -> int:
    """Length of the input, if the file tells; its batch size does not matter."""
    try:
        config = json.loads(file.root.attrs["model_config"])["config"]
        (shape,) = (
            layer["config"]["batch_input_shape"]
            for layer in config["layers"]
            if layer["class_name"] == "InputLayer"
        )
        num_samples = int(shape[-1])
    except (KeyError, ValueError, TypeError, IndexError, RecursionError):
        return NUM_SAMPLES
    if not NUM_SAMPLES <= num_samples <= _MAX_SAMPLES:
        raise WeightsError(
            f"{file.path} is for inputs of {num_samples} samples; this package reads "
            f"{NUM_SAMPLES} to {_MAX_SAMPLES}"
        )
    return num_samples
