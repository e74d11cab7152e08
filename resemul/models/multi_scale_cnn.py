"""A CNN that sees a log-mel spectrogram at three resolutions.

Dabral, Deshmukh, Malapati, "A Multi-scale CNN Architecture for Music Auto-Tagging",
AISC 2018, https://doi.org/10.1007/978-981-13-1592-3_60. Layers have the names of the
PyTorch version (amalad/Multi-Scale-Music-Tagger); `tags` is its `fc2`.
"""

import keras

from resemul.configs import MultiScaleCNNConfig
from resemul.models.frontends import LogMel, require_frames

HOP = 512
# Pools of 4, 4, 2 and 2 on every path; fewer frames leave none.
MIN_FRAMES = 4 * 4 * 2 * 2
POOLS = {
    "max": keras.layers.MaxPooling2D,
    "average": keras.layers.AveragePooling2D,
}


def multi_scale_cnn(num_tags: int, config: MultiScaleCNNConfig) -> keras.Model:
    """Builds the model: waveform `(batch, num_samples)` to tags `(batch, num_tags)`.

    Input is float32 in [-1, 1]; output is one independent probability per tag.
    """
    waveform = keras.Input((config.num_samples,), name="waveform")
    spectrogram = _spectrogram(waveform, config)
    # (batch, 128, 628, 1)
    half = keras.layers.AveragePooling2D((2, 4), name="subsample1")(spectrogram)
    # (batch, 64, 157, 1)
    quarter = POOLS[config.second_pool]((2, 4), name="subsample2")(half)
    # (batch, 32, 39, 1)
    width = config.channels
    x = _conv(spectrogram, 5 * width, (3, 7), (2, 4), "conv11")
    x = _conv(x, 10 * width, (3, 5), (2, 4), "conv12")
    scale1 = _conv(x, 7 * width, (3, 3), (2, 2), "conv13")
    x = _conv(half, 10 * width, (3, 5), (2, 4), "conv21")
    scale2 = _conv(x, 7 * width, (3, 3), (2, 2), "conv22")
    scale3 = _conv(quarter, 7 * width, (3, 3), (2, 2), "conv31")
    x = keras.layers.Concatenate(name="join")([scale1, scale2, scale3])
    # (batch, 16, 19, 210)
    x = _conv(x, 7 * width, (3, 3), None, "conv4")
    x = _conv(x, 7 * width, (3, 3), (2, 2), "conv5")
    # (batch, 8, 9, 70)
    tags = _head(x, num_tags, config)
    return keras.Model(waveform, tags, name="multi_scale_cnn")


def _spectrogram(
    waveform: keras.KerasTensor, config: MultiScaleCNNConfig
) -> keras.KerasTensor:
    """Natural logarithm of librosa's default mel spectrogram."""
    require_frames(config.num_samples, HOP, MIN_FRAMES)
    x = LogMel(
        config.sample_rate,
        fft_size=2048,
        hop=HOP,
        num_bands=128,
        log="natural",
        floor=1e-20,
        dft=config.dft,
        name="log_mel",
    )(waveform)
    if config.normalise_bands:
        # Running statistics stand in for a first pass over the data set.
        x = keras.layers.BatchNormalization(
            axis=1, center=False, scale=False, dtype="float32", name="spec_bn"
        )(x)
    return keras.layers.Reshape((*x.shape[1:], 1), name="add_channel")(x)


def _head(
    x: keras.KerasTensor, num_tags: int, config: MultiScaleCNNConfig
) -> keras.KerasTensor:
    # Channels first, so that weights from PyTorch need no reordering.
    x = keras.layers.Permute((3, 1, 2), name="channels_first")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    # (batch, 5040)
    # PyTorch's version has 0.01 here, having taken over 0.99 with its meaning reversed.
    x = keras.layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name="bn_layer")(x)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    x = keras.layers.Dense(
        config.dense_units,
        activation="relu",
        kernel_initializer="glorot_normal",
        name="fc1",
    )(x)
    return keras.layers.Dense(
        num_tags,
        activation="sigmoid",
        kernel_initializer="glorot_normal",
        dtype="float32",
        name="tags",
    )(x)


def _conv(
    x: keras.KerasTensor,
    filters: int,
    kernel: tuple[int, int],
    pool: tuple[int, int] | None,
    name: str,
) -> keras.KerasTensor:
    x = keras.layers.Conv2D(
        filters,
        kernel,
        padding="same",
        activation="relu",
        kernel_initializer="glorot_normal",
        name=name,
    )(x)
    if pool is None:
        return x
    return keras.layers.MaxPooling2D(pool, name=f"{name}_pool")(x)
