"""FCN-4, four convolutions on log-mel spectrograms of 12 kHz.

Choi, Fazekas, Sandler, "Automatic tagging using deep convolutional neural networks",
ISMIR 2016, https://arxiv.org/abs/1606.00298, as ported to MindSpore's model zoo.
"""

import keras

from resemul.configs import FCN4Config
from resemul.models.frontends import LogMel, require_frames

NUM_BANDS = 96
HOP = 256
# Channels in multiples of the first layer's, and pooling as (bands, frames).
LAYERS = ((1, (2, 4)), (3, (4, 5)), (6, (3, 8)), (16, None))
# Frames that the pools reduce to one.
MIN_FRAMES = 4 * 5 * 8
# MindSpore's default for convolutions and dense layers.
INITIAL_STDDEV = 0.01


def fcn4(num_tags: int, config: FCN4Config) -> keras.Model:
    """Builds the model: waveform `(batch, num_samples)` to tags `(batch, num_tags)`.

    Input is float32 in [-1, 1]; output is one independent probability per tag.
    """
    waveform = keras.Input((config.num_samples,), name="waveform")
    x = _spectrogram(waveform, config)
    # (batch, 96, 1366, 1)
    for number, (width, pool) in enumerate(LAYERS, start=1):
        x = keras.layers.Conv2D(
            width * config.channels,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer=_initial(),
            name=f"conv{number}",
        )(x)
        x = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, name=f"bn{number}"
        )(x)
        x = keras.layers.Activation("relu", name=f"relu{number}")(x)
        if pool:
            x = keras.layers.MaxPooling2D(pool, name=f"pool{number}")(x)
        # (batch, 48, 341, 128), (batch, 12, 68, 384), (batch, 4, 8, 768)
    x = keras.layers.GlobalMaxPooling2D(name="pool4")(x)
    # (batch, 2048)
    tags = keras.layers.Dense(
        num_tags,
        activation="sigmoid",
        kernel_initializer=_initial(),
        dtype="float32",
        name="tags",
    )(x)
    return keras.Model(waveform, tags, name="fcn4")


def _spectrogram(waveform: keras.KerasTensor, config: FCN4Config) -> keras.KerasTensor:
    """As librosa's `amplitude_to_db` makes it of a power: twice the usual decibels."""
    require_frames(config.num_samples, HOP, MIN_FRAMES)
    x = LogMel(
        config.sample_rate,
        fft_size=512,
        hop=HOP,
        num_bands=NUM_BANDS,
        log="amplitude_db",
        floor=1e-5,
        top_db=80.0,
        dft=config.dft,
        name="log_mel",
    )(waveform)
    return keras.layers.Reshape((*x.shape[1:], 1), name="add_channel")(x)


def _initial() -> keras.Initializer:
    return keras.initializers.RandomNormal(stddev=INITIAL_STDDEV)
