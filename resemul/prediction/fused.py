"""The model that predicts: the same function as the one given, but faster.

A batch normalisation after a linear layer is folded into that layer's weights, a
ReLU after it into the layer, and convolutions over time run as convolutions over
images of height 1, for which there are kernels that add the bias and take the ReLU
as they go. If asked for, the arithmetic is bfloat16. The fused model is never saved.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from resemul.models.consumers import consumers

_FOLDABLE = (layers.Conv1D, layers.Conv2D, layers.Dense)


class _ImageConv1D(layers.Conv1D):
    """`keras.layers.Conv1D` with a bias, as a convolution over a flat image."""

    def call(self, inputs: Any) -> Any:
        outputs = ops.conv(
            ops.expand_dims(inputs, 1),
            ops.expand_dims(self.kernel, 0),
            strides=(1, *self.strides),
            padding=self.padding,
            dilation_rate=(1, *self.dilation_rate),
            data_format="channels_last",
        )
        # (batch, 1, time, filters)
        return ops.squeeze(self.activation(ops.add(outputs, self.bias)), 1)


class _Folded(layers.Layer):
    """In place of a layer whose work is done by the one before it."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return inputs


def fuse_for_prediction(model: keras.Model, precision: str = "float32") -> keras.Model:
    """Returns a model of the same outputs, with variables of its own.

    Args:
        model: of stock layers, in float32. Layers that cannot be folded are kept.
        precision: `float32`, or `mixed_bfloat16` for bfloat16 arithmetic on weights
            rounded to it; the output is float32 in both.
    """
    plan = _plan_folding(model)
    idle = {layer.name for group in plan.values() for layer in group}
    rounded = layers_to_round(model) if precision == "mixed_bfloat16" else set()

    def copy_layer(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if layer.name in idle:
            dtype = "bfloat16" if layer.name in rounded else "float32"
            return _Folded(name=layer.name, dtype=dtype)
        if layer.name in rounded:
            config["dtype"] = "bfloat16"
        if layer.name in plan:
            config["use_bias"] = True
            if len(plan[layer.name]) > 1:
                config["activation"] = "relu"
        is_image = type(layer) is layers.Conv1D and config["use_bias"]
        if is_image and layer.padding != "causal" and layer.groups == 1:
            return _ImageConv1D.from_config(config)
        return type(layer).from_config(config)

    fused = keras.models.clone_model(model, clone_function=copy_layer)
    copy_weights(model, fused)
    return fused


def copy_weights(model: keras.Model, fused: keras.Model) -> None:
    """Gives a fused model the weights that its model has now."""
    plan = _plan_folding(model)
    idle = {layer.name for group in plan.values() for layer in group}
    for layer in model.layers:
        if layer.name in plan:
            fused.get_layer(layer.name).set_weights(_fold(layer, plan[layer.name][0]))
        elif layer.name not in idle and layer.weights:
            fused.get_layer(layer.name).set_weights(layer.get_weights())


def _plan_folding(model: keras.Model) -> dict[str, list[keras.Layer]]:
    """By name of a linear layer, what it takes over: a normalisation, and a ReLU."""
    readers = consumers(model)
    plan = {}
    for layer in model.layers:
        if type(layer) not in _FOLDABLE:
            continue
        is_linear = layer.activation is keras.activations.linear
        normalization = _only(readers[layer.name], layers.BatchNormalization)
        if not is_linear or not _is_over_channels(normalization, layer):
            continue
        plan[layer.name] = [normalization]
        activation = _only(readers[normalization.name], layers.Activation)
        if activation and activation.activation is keras.activations.relu:
            plan[layer.name].append(activation)
    return plan


def _only(readers: list[keras.Layer | None], kind: type[keras.Layer]) -> Any:
    """The one reader, if it is a `kind`; else None."""
    return readers[0] if [type(reader) for reader in readers] == [kind] else None


def _is_over_channels(normalization: keras.Layer | None, layer: keras.Layer) -> bool:
    if normalization is None or normalization.axis not in (
        -1,
        len(layer.output.shape) - 1,
    ):
        return False
    return getattr(layer, "data_format", "channels_last") == "channels_last"


def _fold(layer: keras.Layer, normalization: keras.Layer) -> list[np.ndarray]:
    """Kernel and bias of `layer` and `normalization` in one, computed in float64."""
    kernel, *biases = (weight.astype("float64") for weight in layer.get_weights())
    bias = biases[0] if biases else 0.0
    mean = np.asarray(normalization.moving_mean, "float64")
    variance = np.asarray(normalization.moving_variance, "float64")
    factor = 1 / np.sqrt(variance + normalization.epsilon)
    if normalization.scale:
        factor = factor * np.asarray(normalization.gamma)
    offset = np.asarray(normalization.beta) if normalization.center else 0.0
    folded = [kernel * factor, (bias - mean) * factor + offset]
    return [array.astype("float32") for array in folded]


def layers_to_round(model: keras.Model) -> set[str]:
    """Names of the layers to compute in half precision: from the first linear ones on.

    What comes before, such as decibels, needs float32; so do the outputs.
    """
    rounded: set[str] = set()
    for layer in model.layers:
        is_stock = type(layer).__module__.startswith("keras.")
        if isinstance(layer, layers.InputLayer) or not is_stock:
            continue
        producers = {
            tensor._keras_history.operation.name
            for tensor in keras.tree.flatten(layer.input)
        }
        if type(layer) in _FOLDABLE or producers & rounded:
            rounded.add(layer.name)
    return rounded - set(model.output_names)
