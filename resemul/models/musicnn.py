"""musicnn and its VGG: tags from 3 s of a log-mel spectrogram of 16 kHz.

Pons, Serra, "musicnn: pre-trained convolutional neural networks for music audio
tagging", 2019, https://arxiv.org/abs/1909.06654; the architecture is that of Pons et
al., ISMIR 2018, https://arxiv.org/abs/1711.02520. Images are `(time, bands)` here, as
in the published weights. Batch normalisation comes after the ReLU, so it cannot be
folded into its own convolution; and many of its scales are negative, so the maximum
after it cannot be taken before it.
"""

from collections.abc import Iterable

import keras

from resemul.configs import MusicnnConfig, MusicnnVGGConfig
from resemul.errors import ConfigError
from resemul.models.frontends import LogMel

# Kernels of the timbre convolutions as (frames, bands), of the tempo ones in frames.
TIMBRE_KERNELS = ((7, 38), (7, 67))
TEMPO_KERNELS = (128, 64, 32)
# Channels of a timbre convolution, in multiples of those of a tempo one.
TIMBRE_WIDTH = 4
NUM_MID_LAYERS = 3
MID_KERNEL = 7
# Size and strides of the pools, (frames, bands). The first leaves out every second
# band.
VGG_POOLS = (((4, 1), 2), ((2, 2), 2), ((2, 2), 2), ((2, 2), 2), ((4, 4), 4))
# The five pools leave one frame of this many or more, two of the published 187.
VGG_MIN_FRAMES = 66
BN_EPSILON = 1e-3
BN_MOMENTUM = 0.99


def musicnn(num_tags: int, config: MusicnnConfig) -> keras.Model:
    """Builds the model: waveform `(batch, num_samples)` to tags `(batch, num_tags)`.

    Input is float32 in [-1, 1]; output is one independent probability per tag.
    """
    waveform = keras.Input((config.num_samples,), name="waveform")
    image = _log_mel(waveform, config)
    # (batch, 187, 96, 1)
    front = _join("front", [*_timbre(image, config), *_tempo(image, config)])
    # (batch, 187, 561)
    x = _conv1d(front, config, "mid1")
    levels = [front, x]
    for number in range(2, NUM_MID_LAYERS + 1):
        shortcut = x
        x = _conv1d(x, config, f"mid{number}")
        x = keras.layers.Add(name=f"mid{number}_add")([x, shortcut])
        levels.append(x)
        # (batch, 187, 64)
    x = _max_and_mean(_join("stack", levels))
    # (batch, 1506)
    x = _batch_norm(x, "pool_bn")
    x = keras.layers.Dropout(config.dropout, name="dropout1")(x)
    x = keras.layers.Dense(
        config.dense_units,
        activation="relu",
        kernel_regularizer=_l2(config),
        name="dense",
    )(x)
    x = _batch_norm(x, "dense_bn")
    x = keras.layers.Dropout(config.dropout, name="dropout2")(x)
    return keras.Model(waveform, _tags(x, num_tags, config), name="musicnn")


def musicnn_vgg(num_tags: int, config: MusicnnVGGConfig) -> keras.Model:
    """Builds the model of small square kernels; input and output are the same."""
    waveform = keras.Input((config.num_samples,), name="waveform")
    x = _log_mel(waveform, config)
    if x.shape[1] < VGG_MIN_FRAMES:
        raise ConfigError(
            f"num_samples must give at least {VGG_MIN_FRAMES} frames, "
            f"{config.num_samples} gives {x.shape[1]}"
        )
    # (batch, 187, 96, 1)
    for number, (pool, strides) in enumerate(VGG_POOLS, start=1):
        x = _conv2d(x, config.channels, (3, 3), config, f"conv{number}", "same")
        x = keras.layers.MaxPooling2D(pool, strides, name=f"pool{number}")(x)
        # (batch, 92, 48, 128), (batch, 46, 24, 128), (batch, 23, 12, 128),
        # (batch, 11, 6, 128), (batch, 2, 1, 128)
        rate = config.pool_dropout if number < len(VGG_POOLS) else config.dropout
        x = keras.layers.Dropout(rate, name=f"dropout{number}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    # (batch, 256)
    return keras.Model(waveform, _tags(x, num_tags, config), name="musicnn_vgg")


def _log_mel(
    waveform: keras.KerasTensor, config: MusicnnConfig | MusicnnVGGConfig
) -> keras.KerasTensor:
    """The image `(batch, frames, 96, 1)`, of one scale and shift for the whole.

    Frames begin with the first sample: the zeros at either end of a file are not the
    model's business, as those of a segment would be in the middle of it.
    """
    if config.num_samples < config.fft_size:
        raise ConfigError(
            f"num_samples must be at least {config.fft_size}, got {config.num_samples}"
        )
    x = LogMel(
        config.sample_rate,
        config.fft_size,
        config.frame_hop,
        config.num_bands,
        padding=None,
        # Training read powers that were stored so.
        half_precision=True,
        log="one_plus",
        gain=10_000.0,
        dft=config.dft,
        name="log_mel",
    )(waveform)
    x = keras.layers.Permute((2, 1), dtype="float32", name="time_first")(x)
    x = keras.layers.Reshape((*x.shape[1:], 1), dtype="float32", name="add_channel")(x)
    return keras.layers.BatchNormalization(
        momentum=BN_MOMENTUM, epsilon=BN_EPSILON, dtype="float32", name="spec_bn"
    )(x)


def _timbre(
    image: keras.KerasTensor, config: MusicnnConfig
) -> Iterable[keras.KerasTensor]:
    """Patterns of many bands, at any height: `(batch, frames, channels)` each."""
    filters = TIMBRE_WIDTH * config.channels
    for number, (frames, bands) in enumerate(TIMBRE_KERNELS, start=1):
        name = f"timbre{number}"
        x = keras.layers.ZeroPadding2D((frames // 2, 0), name=f"{name}_pad")(image)
        x = _conv2d(x, filters, (frames, bands), config, name, "valid")
        yield _max_over_bands(x, name)


def _tempo(
    image: keras.KerasTensor, config: MusicnnConfig
) -> Iterable[keras.KerasTensor]:
    """Patterns of one band along time: `(batch, frames, channels)` each."""
    for number, frames in enumerate(TEMPO_KERNELS, start=1):
        name = f"tempo{number}"
        x = _conv2d(image, config.channels, (frames, 1), config, name, "same")
        yield _max_over_bands(x, name)


def _max_over_bands(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    _, frames, bands, filters = x.shape
    x = keras.layers.MaxPooling2D((1, bands), name=f"{name}_max")(x)
    return keras.layers.Reshape((frames, filters), name=f"{name}_frames")(x)


def _max_and_mean(x: keras.KerasTensor) -> keras.KerasTensor:
    """Both over time, channel by channel: maximum, mean, maximum, mean, ..."""
    channels = x.shape[-1]
    pooled = [
        keras.layers.GlobalMaxPooling1D(name="pool_max")(x),
        keras.layers.GlobalAveragePooling1D(name="pool_mean")(x),
    ]
    columns = [
        keras.layers.Reshape((channels, 1), name=f"pool_{kind}_column")(x)
        for kind, x in zip(("max", "mean"), pooled, strict=True)
    ]
    return keras.layers.Flatten(name="pool")(_join("pool_join", columns))


def _conv1d(
    x: keras.KerasTensor, config: MusicnnConfig, name: str
) -> keras.KerasTensor:
    x = keras.layers.Conv1D(
        config.mid_channels,
        MID_KERNEL,
        padding="same",
        activation="relu",
        kernel_regularizer=_l2(config),
        name=f"{name}_conv",
    )(x)
    return _batch_norm(x, f"{name}_bn")


def _conv2d(
    x: keras.KerasTensor,
    filters: int,
    kernel: tuple[int, int],
    config: MusicnnConfig | MusicnnVGGConfig,
    name: str,
    padding: str,
) -> keras.KerasTensor:
    x = keras.layers.Conv2D(
        filters,
        kernel,
        padding=padding,
        activation="relu",
        kernel_regularizer=_l2(config),
        name=f"{name}_conv",
    )(x)
    return _batch_norm(x, f"{name}_bn")


def _batch_norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.BatchNormalization(
        momentum=BN_MOMENTUM, epsilon=BN_EPSILON, name=name
    )(x)


def _tags(
    x: keras.KerasTensor, num_tags: int, config: MusicnnConfig | MusicnnVGGConfig
) -> keras.KerasTensor:
    return keras.layers.Dense(
        num_tags,
        activation="sigmoid",
        kernel_regularizer=_l2(config),
        dtype="float32",
        name="tags",
    )(x)


def _join(name: str, inputs: list[keras.KerasTensor]) -> keras.KerasTensor:
    return keras.layers.Concatenate(name=name)(inputs)


def _l2(config: MusicnnConfig | MusicnnVGGConfig) -> keras.Regularizer | None:
    # TensorFlow's l2_loss, which the authors used, is half the sum of the squares.
    return keras.regularizers.L2(config.weight_decay / 2)
