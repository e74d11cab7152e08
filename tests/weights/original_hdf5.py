"""Writes hdf5 files as Keras 2.0.5 and the code of the original wrote them.

The names stand here as in the published description of those files, block by block,
and not by any rule that the importer shares.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import keras
import numpy as np

# Our layers in the order of the numbers Keras gave the original's, by kind.
_PLAIN_CONVS = ["stem_conv", *(f"block{b}_conv" for b in range(1, 10))]
_PLAIN_BNS = ["stem_bn", *(f"block{b}_bn" for b in range(1, 10)), "head_bn"]
_RESIDUAL_CONVS = [
    "stem_conv",
    "block1_conv1", "block1_conv2",
    "block2_conv1", "block2_conv2",
    "block3_shortcut_conv", "block3_conv1", "block3_conv2",
    "block4_conv1", "block4_conv2",
    "block5_conv1", "block5_conv2",
    "block6_conv1", "block6_conv2",
    "block7_conv1", "block7_conv2",
    "block8_conv1", "block8_conv2",
    "block9_shortcut_conv", "block9_conv1", "block9_conv2",
]  # fmt: skip
_RESIDUAL_BNS = [*(n.replace("conv", "bn") for n in _RESIDUAL_CONVS), "head_bn"]
_SE_DENSES = [
    "block1_expand", "block1_excitation", "block2_expand", "block2_excitation",
    "block3_expand", "block3_excitation", "block4_expand", "block4_excitation",
    "block5_expand", "block5_excitation", "block6_expand", "block6_excitation",
    "block7_expand", "block7_excitation", "block8_expand", "block8_excitation",
    "block9_expand", "block9_excitation", "head_dense", "tags",
]  # fmt: skip
_KINDS = {
    "basic": (_PLAIN_CONVS, _PLAIN_BNS, ["head_dense", "tags"]),
    "se": (_PLAIN_CONVS, _PLAIN_BNS, _SE_DENSES),
    "res": (_RESIDUAL_CONVS, _RESIDUAL_BNS, ["head_dense", "tags"]),
    "rese": (_RESIDUAL_CONVS, _RESIDUAL_BNS, _SE_DENSES),
}
_VARIABLES = {
    "conv1d": ("kernel", "bias"),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "dense": ("kernel", "bias"),
}


@dataclass
class Layout:
    """What differs between the files that the original leaves behind."""

    # A later stage of the same run goes on numbering the layers.
    stage: int = 0
    whole_model: bool = True
    optimizer: bool = True
    text_type: type = bytes
    # Names of layers that are left out.
    without: set[str] = field(default_factory=set)


def write_original(
    model: keras.Model, block: str, path: Path, layout: Layout | None = None
) -> Path:
    """Writes `model`, a `sample_cnn` with this block, under the original's names."""
    layout = layout or Layout()
    with h5py.File(path, "w") as file:
        root = file
        if layout.whole_model:
            root = file.create_group("model_weights")
            file.attrs["keras_version"] = _text("2.0.5", layout)
            file.attrs["backend"] = _text("tensorflow", layout)
            file.attrs["model_config"] = _text(json.dumps(_config()), layout)
        names = _write_layers(root, model, block, layout)
        root.attrs["layer_names"] = _texts(names, layout)
        root.attrs["keras_version"] = _text("2.0.5", layout)
        if layout.whole_model and layout.optimizer:
            group = file.create_group("optimizer_weights")
            group["iterations:0"] = np.int64(6631)
            for number, variable in enumerate(model.trainable_variables):
                name = f"Variable_{number}:0" if number else "Variable:0"
                group[name] = np.zeros(variable.shape, "float32")
    return path


def original_names(block: str, stage: int = 0) -> dict[str, str]:
    """Our name of each layer with weights, by its name in the original's file."""
    names = {}
    for kind, ours in zip(_VARIABLES, _KINDS[block], strict=True):
        for number, our_name in enumerate(ours, start=1 + stage * len(ours)):
            names[f"{kind}_{number}"] = our_name
    return names


def _write_layers(
    root: h5py.Group, model: keras.Model, block: str, layout: Layout
) -> list[str]:
    names = original_names(block, layout.stage)
    # By depth in the original; here the order must simply not be the numbers' one.
    order = sorted(names, key=lambda name: name[::-1])
    for name in order:
        if name in layout.without:
            continue
        group = root.create_group(name)
        variables = _VARIABLES[name.rpartition("_")[0]]
        group.attrs["weight_names"] = _texts(
            [f"{name}/{variable}:0" for variable in variables], layout
        )
        layer = model.get_layer(names[name])
        for variable in variables:
            value = next(w for w in layer.weights if w.name == variable)
            group[f"{name}/{variable}:0"] = keras.ops.convert_to_numpy(value)
    for name in ("input_1", "reshape_1", "activation_1", "max_pooling1d_1"):
        root.create_group(name).attrs["weight_names"] = np.zeros(0)
    return ["input_1", "reshape_1", *order]


def _config() -> dict:
    layer = {
        "class_name": "InputLayer",
        "name": "input_1",
        "config": {"batch_input_shape": [23, 59049], "dtype": "float32"},
    }
    config = {"name": "tfrecordmodel_1", "layers": [layer]}
    return {"class_name": "TFRecordModel", "config": config}


def _text(text: str, layout: Layout) -> str | bytes:
    return text.encode() if layout.text_type is bytes else text


def _texts(texts: list[str], layout: Layout) -> np.ndarray | list[str]:
    if layout.text_type is bytes:
        return np.array([text.encode() for text in texts])
    return texts
