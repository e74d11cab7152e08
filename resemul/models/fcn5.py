"""FCN-5, five convolutions on log-mel spectrograms of 16 kHz.

Choi, Fazekas, Sandler, "Automatic tagging using deep convolutional neural networks",
ISMIR 2016, https://arxiv.org/abs/1606.00298, as implemented in PyTorch by Won,
Ferraro, Bogdanov, Serra, "Evaluation of CNN-based Automatic Music Tagging Models",
SMC 2020, https://arxiv.org/abs/2006.00751. Layers have the names of that code with
"_" for "."; `tags` is its `dense`.
"""

import keras

from resemul.configs import FCN5Config
from resemul.errors import ConfigError
from resemul.models.frontends import normalised_decibels
from resemul.models.pytorch_style import batch_norm, conv, tags_layer

# Channels in multiples of the first layer's, and pooling as (bands, frames).
LAYERS = ((1, (2, 4)), (2, (2, 4)), (2, (2, 4)), (2, (3, 5)), (1, (4, 4)))
# The pools reduce this many bands and frames, and up to twice as many, to one.
BANDS_PER_OUTPUT = 2 * 2 * 2 * 3 * 4
FRAMES_PER_OUTPUT = 4 * 4 * 4 * 5 * 4


def fcn5(num_tags: int, config: FCN5Config) -> keras.Model:
    """Builds the model: waveform `(batch, num_samples)` to tags `(batch, num_tags)`.

    Input is float32 in [-1, 1]; output is one independent probability per tag.
    """
    waveform = keras.Input((config.num_samples,), name="waveform")
    x = normalised_decibels(
        waveform, config.sample_rate, config.num_bands, config.dft, FRAMES_PER_OUTPUT
    )
    # (batch, 96, 1813, 1)
    _check_size(x, config)
    for number, (width, pool) in enumerate(LAYERS, start=1):
        name = f"layer{number}"
        x = conv(x, width * config.channels, 3, f"{name}_conv")
        x = batch_norm(x, f"{name}_bn")
        x = keras.layers.Activation("relu", name=f"{name}_relu")(x)
        x = keras.layers.MaxPooling2D(pool, name=f"{name}_pool")(x)
        # (batch, 48, 453, 64), (batch, 24, 113, 128), (batch, 12, 28, 128),
        # (batch, 4, 5, 128), (batch, 1, 1, 64)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    return keras.Model(waveform, tags_layer(x, num_tags), name="fcn5")


def _check_size(x: keras.KerasTensor, config: FCN5Config) -> None:
    _, bands, frames, _ = x.shape
    if bands // BANDS_PER_OUTPUT != 1:
        raise ConfigError(
            f"num_bands must be {BANDS_PER_OUTPUT} to {2 * BANDS_PER_OUTPUT - 1}, "
            f"got {bands}"
        )
    if frames >= 2 * FRAMES_PER_OUTPUT:
        raise ConfigError(
            f"num_samples must give at most {2 * FRAMES_PER_OUTPUT - 1} frames, "
            f"{config.num_samples} gives {frames}; longer clips are to be cut"
        )
