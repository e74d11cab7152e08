"""Layers with PyTorch's padding, initial values and batch normalisation.

The models that come from PyTorch are made of these, so that weights trained there
give the same outputs here.
"""

import keras

# PyTorch's defaults; its momentum of 0.1 is the share of the new batch.
BN_EPSILON = 1e-5
BN_MOMENTUM = 0.9

# By the rank of the input.
_PADDINGS = {3: keras.layers.ZeroPadding1D, 4: keras.layers.ZeroPadding2D}
_CONVOLUTIONS = {3: keras.layers.Conv1D, 4: keras.layers.Conv2D}


def conv(
    x: keras.KerasTensor, filters: int, kernel: int, name: str, strides: int = 1
) -> keras.KerasTensor:
    """A convolution with `kernel // 2` zeros on every side, in one or two dimensions.

    Args:
        x: `(batch, time, channels)` or `(batch, height, width, channels)`.
        filters: channels of the output.
        kernel: odd size, the same in each dimension.
        name: of the layer; the padding, where there is one, is `<name>_pad`.
        strides: the same in each dimension.
    """
    rank = len(x.shape)
    padding = "same"
    if strides > 1:
        # "same" would pad an even length at its end only.
        padding = "valid"
        x = _PADDINGS[rank](kernel // 2, name=f"{name}_pad")(x)
    fan_in = x.shape[-1] * kernel ** (rank - 2)
    return _CONVOLUTIONS[rank](
        filters,
        kernel,
        strides=strides,
        padding=padding,
        kernel_initializer=uniform(fan_in),
        bias_initializer=uniform(fan_in),
        name=name,
    )(x)


def batch_norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Batch normalisation over the last axis."""
    return keras.layers.BatchNormalization(
        momentum=BN_MOMENTUM, epsilon=BN_EPSILON, name=name
    )(x)


def dense(x: keras.KerasTensor, units: int, name: str) -> keras.KerasTensor:
    """A linear layer."""
    fan_in = x.shape[-1]
    return keras.layers.Dense(
        units,
        kernel_initializer=uniform(fan_in),
        bias_initializer=uniform(fan_in),
        name=name,
    )(x)


def tags_layer(x: keras.KerasTensor, num_tags: int) -> keras.KerasTensor:
    """The last layer, `tags`: probabilities, in float32 under any precision policy."""
    fan_in = x.shape[-1]
    return keras.layers.Dense(
        num_tags,
        activation="sigmoid",
        kernel_initializer=uniform(fan_in),
        bias_initializer=uniform(fan_in),
        dtype="float32",
        name="tags",
    )(x)


def uniform(fan_in: int) -> keras.Initializer:
    """Uniform within 1 / sqrt(fan_in), for kernels and biases alike."""
    limit = fan_in**-0.5
    return keras.initializers.RandomUniform(-limit, limit)
