"""Short-chunk CNNs: small filters on log-mel spectrograms of 3.69 s.

Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based Automatic Music Tagging
Models", SMC 2020, https://arxiv.org/abs/2006.00751. Layers have the names of the
published PyTorch code with "_" for "."; `tags` is its `dense2`.
"""

import keras

from resemul.configs import ShortChunkCNNConfig
from resemul.models.frontends import normalised_decibels
from resemul.models.pytorch_style import batch_norm, conv, dense, tags_layer

# Channels of the seven layers, in multiples of the first one's.
WIDTHS = (1, 1, 2, 2, 2, 2, 4)
# The layers halve this number of bands to one.
NUM_BANDS = 2 ** len(WIDTHS)
# Halving rounds down in pools, so that fewer frames leave none; by strides it rounds
# up, and one whole window is enough.
MIN_FRAMES = 2 ** len(WIDTHS)
MIN_FRAMES_RES = 3


def short_chunk_cnn(num_tags: int, config: ShortChunkCNNConfig) -> keras.Model:
    """Builds the model: waveform `(batch, num_samples)` to tags `(batch, num_tags)`.

    Input is float32 in [-1, 1]; output is one independent probability per tag. The
    maximum over time makes inputs of any length legal, of whole clips too.
    """
    waveform = keras.Input((config.num_samples,), name="waveform")
    x = _spectrogram(waveform, config, MIN_FRAMES)
    for number, width in enumerate(WIDTHS, start=1):
        name = f"layer{number}"
        x = conv(x, width * config.channels, 3, f"{name}_conv")
        x = batch_norm(x, f"{name}_bn")
        x = keras.layers.Activation("relu", name=f"{name}_relu")(x)
        x = keras.layers.MaxPooling2D(2, name=f"{name}_pool")(x)
        # (batch, 64, 115, 128), (batch, 32, 57, 128), (batch, 16, 28, 256),
        # (batch, 8, 14, 256), (batch, 4, 7, 256), (batch, 2, 3, 256),
        # (batch, 1, 1, 512)
    return keras.Model(waveform, _head(x, num_tags, config), name="short_chunk_cnn")


def short_chunk_cnn_res(num_tags: int, config: ShortChunkCNNConfig) -> keras.Model:
    """Builds the model with residual layers, which halve by strides; else the same."""
    waveform = keras.Input((config.num_samples,), name="waveform")
    x = _spectrogram(waveform, config, MIN_FRAMES_RES)
    for number, width in enumerate(WIDTHS, start=1):
        x = _residual_layer(x, width * config.channels, f"layer{number}")
        # (batch, 64, 116, 128), (batch, 32, 58, 128), (batch, 16, 29, 256),
        # (batch, 8, 15, 256), (batch, 4, 8, 256), (batch, 2, 4, 256),
        # (batch, 1, 2, 512)
    tags = _head(x, num_tags, config)
    return keras.Model(waveform, tags, name="short_chunk_cnn_res")


def _spectrogram(
    waveform: keras.KerasTensor, config: ShortChunkCNNConfig, min_frames: int
) -> keras.KerasTensor:
    """Log-mel spectrogram, `(batch, 128, 231, 1)`."""
    return normalised_decibels(
        waveform, config.sample_rate, NUM_BANDS, config.dft, min_frames
    )


def _residual_layer(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    """Two convolutions; the shortcut around them is one of the same size."""
    shortcut = conv(x, filters, 3, f"{name}_conv_3", strides=2)
    shortcut = batch_norm(shortcut, f"{name}_bn_3")
    x = conv(x, filters, 3, f"{name}_conv_1", strides=2)
    x = batch_norm(x, f"{name}_bn_1")
    x = keras.layers.Activation("relu", name=f"{name}_relu_1")(x)
    x = conv(x, filters, 3, f"{name}_conv_2")
    x = batch_norm(x, f"{name}_bn_2")
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return keras.layers.Activation("relu", name=f"{name}_relu_2")(x)


def _head(
    x: keras.KerasTensor, num_tags: int, config: ShortChunkCNNConfig
) -> keras.KerasTensor:
    x = keras.layers.GlobalMaxPooling2D(name="pool")(x)
    # (batch, 512)
    x = dense(x, x.shape[-1], "dense1")
    x = batch_norm(x, "bn")
    x = keras.layers.Activation("relu", name="relu")(x)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    return tags_layer(x, num_tags)
