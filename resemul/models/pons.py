"""Two front ends, for waveforms and for log-mel spectrograms, and their back end.

Pons, Nieto, Prockup, Schmidt, Ehmann, Serra, "End-to-end learning for music audio
tagging at scale", ISMIR 2018, https://arxiv.org/abs/1711.02520, in the version that
was trained on the Million Song Dataset with cleaned Last.fm tags
(pukkapies/urop2019). Every layer is followed by a ReLU and then by batch
normalisation.
"""

import keras

from resemul.configs import PonsLogMelConfig, PonsWaveformConfig
from resemul.errors import ConfigError
from resemul.models.frontends import LogMel, require_frames

# Channels of the convolutions of the waveform front end, in multiples of the first
# one's. The first has a stride of 3, each of the others a pool of 3.
WAVEFORM_WIDTHS = (1, 1, 1, 2, 2, 2, 4)
# Kernels of the timbre convolutions: share of the bands, frames, and channels in
# multiples of `channels`.
TIMBRE_KERNELS = (
    (0.9, 7, 1),
    (0.9, 3, 2),
    (0.9, 1, 4),
    (0.4, 7, 1),
    (0.4, 3, 2),
    (0.4, 1, 4),
)
# Kernels of the temporal convolutions, in frames, and channels as above.
TEMPORAL_KERNELS = ((165, 1), (128, 2), (64, 4), (32, 8))
FFT_SIZE = 2048
HOP = 512
# Frames that the back end looks at together, before it halves their number.
BACK_END_KERNEL = 7
MIN_FRAMES = BACK_END_KERNEL + 1
NORMALISE_EPSILON = 1e-6


def pons_waveform(num_tags: int, config: PonsWaveformConfig) -> keras.Model:
    """Builds the model: waveform `(batch, num_samples)` to tags `(batch, num_tags)`.

    Input is float32 in [-1, 1]; output is one independent probability per tag.
    """
    _require_waveform_frames(config.num_samples)
    waveform = keras.Input((config.num_samples,), name="waveform")
    x = _normalise(waveform) if config.normalise else waveform
    x = keras.layers.Reshape((config.num_samples, 1), name="add_channel")(x)
    for number, width in enumerate(WAVEFORM_WIDTHS):
        name = f"front{number}"
        strides = 1 if number else 3
        x = _conv1d(x, width * config.channels, 3, name, strides=strides)
        if number:
            x = keras.layers.MaxPooling1D(3, name=f"{name}_pool")(x)
        # (batch, 80000, 64), (batch, 26666, 64) to (batch, 108, 256)
    return keras.Model(waveform, _back_end(x, num_tags, config), name="pons_waveform")


def pons_log_mel(num_tags: int, config: PonsLogMelConfig) -> keras.Model:
    """Builds the model: waveform `(batch, num_samples)` to tags `(batch, num_tags)`.

    Input is float32 in [-1, 1]; output is one independent probability per tag.
    """
    waveform = keras.Input((config.num_samples,), name="waveform")
    image = _spectrogram(waveform, config)
    # (batch, 96, 468, 1)
    outputs = [
        _timbre(image, share, frames, width * config.channels, f"timbre{number}")
        for number, (share, frames, width) in enumerate(TIMBRE_KERNELS, start=1)
    ]
    _, bands, num_frames, _ = image.shape
    energy = keras.layers.AveragePooling2D((bands, 1), name="energy_mean")(image)
    energy = keras.layers.Reshape((num_frames, 1), name="energy")(energy)
    outputs += [
        _conv1d(energy, width * config.channels, frames, f"temporal{number}", "same")
        for number, (frames, width) in enumerate(TEMPORAL_KERNELS, start=1)
    ]
    x = keras.layers.Concatenate(name="join")(outputs)
    # (batch, 468, 464)
    return keras.Model(waveform, _back_end(x, num_tags, config), name="pons_log_mel")


def _spectrogram(
    waveform: keras.KerasTensor, config: PonsLogMelConfig
) -> keras.KerasTensor:
    require_frames(config.num_samples, HOP, MIN_FRAMES + 1)
    x = LogMel(
        config.sample_rate,
        FFT_SIZE,
        HOP,
        config.num_bands,
        # One less than centred frames make; the original cuts its windows from
        # spectrograms of whole tracks.
        num_frames=config.num_samples // HOP,
        top_db=80.0,
        dft=config.dft,
        name="log_mel",
    )(waveform)
    if config.normalise:
        x = _normalise(x)
    return keras.layers.Reshape((*x.shape[1:], 1), name="add_channel")(x)


def _require_waveform_frames(num_samples: int) -> None:
    num_frames = num_samples // 3
    for _ in WAVEFORM_WIDTHS[1:]:
        num_frames = max(0, num_frames - 2) // 3
    if num_frames < MIN_FRAMES:
        raise ConfigError(
            f"num_samples must give at least {MIN_FRAMES} frames after the front end, "
            f"{num_samples} gives {num_frames}"
        )


def _normalise(x: keras.KerasTensor) -> keras.KerasTensor:
    """Mean 0 and variance 1 in each example."""
    return keras.layers.LayerNormalization(
        axis=list(range(1, len(x.shape))),
        epsilon=NORMALISE_EPSILON,
        center=False,
        scale=False,
        dtype="float32",
        name="normalise",
    )(x)


def _timbre(
    image: keras.KerasTensor, share: float, frames: int, filters: int, name: str
) -> keras.KerasTensor:
    """Patterns of `share` of the bands, at any height: `(batch, frames, filters)`."""
    _, bands, num_frames, _ = image.shape
    x = keras.layers.ZeroPadding2D((0, frames // 2), name=f"{name}_pad")(image)
    x = keras.layers.Conv2D(
        filters,
        (int(share * bands), frames),
        activation="relu",
        kernel_initializer=_initial(),
        name=f"{name}_conv",
    )(x)
    x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    x = keras.layers.MaxPooling2D((x.shape[1], 1), name=f"{name}_max")(x)
    return keras.layers.Reshape((num_frames, filters), name=f"{name}_frames")(x)


def _back_end(
    x: keras.KerasTensor,
    num_tags: int,
    config: PonsWaveformConfig | PonsLogMelConfig,
) -> keras.KerasTensor:
    """Frames `(batch, frames, features)` to tags."""
    x = _conv1d(x, config.back_end_channels, BACK_END_KERNEL, "back1")
    # (batch, frames - 6, 512)
    x = _residual(x, "back2")
    x = keras.layers.MaxPooling1D(2, name="back2_pool")(x)
    # (batch, (frames - 6) // 2, 512)
    x = _residual(x, "back3")
    pooled = [
        keras.layers.GlobalMaxPooling1D(name="back_max")(x),
        keras.layers.GlobalAveragePooling1D(name="back_mean")(x),
    ]
    x = keras.layers.Concatenate(name="back_join")(pooled)
    # (batch, 1024)
    x = keras.layers.Dropout(config.dropout, name="dropout1")(x)
    x = keras.layers.Dense(
        config.dense_units,
        activation="relu",
        kernel_initializer=_initial(),
        name="dense",
    )(x)
    x = keras.layers.BatchNormalization(name="dense_bn")(x)
    x = keras.layers.Dropout(config.dropout, name="dropout2")(x)
    return keras.layers.Dense(
        num_tags,
        activation="sigmoid",
        kernel_initializer=_initial(),
        dtype="float32",
        name="tags",
    )(x)


def _residual(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """A convolution over all channels, added to its input."""
    shortcut = x
    x = keras.layers.Conv1D(
        x.shape[-1],
        BACK_END_KERNEL,
        padding="same",
        activation="relu",
        kernel_initializer=_initial(),
        name=f"{name}_conv",
    )(x)
    # The original normalises the transposed map, whose last axis has size 1: all
    # channels share one mean and one variance.
    shape = x.shape[1:]
    x = keras.layers.Reshape((*shape, 1), name=f"{name}_as_map")(x)
    x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    x = keras.layers.Reshape(shape, name=f"{name}_as_frames")(x)
    return keras.layers.Add(name=f"{name}_add")([x, shortcut])


def _conv1d(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    name: str,
    padding: str = "valid",
    strides: int = 1,
) -> keras.KerasTensor:
    x = keras.layers.Conv1D(
        filters,
        kernel,
        strides=strides,
        padding=padding,
        activation="relu",
        kernel_initializer=_initial(),
        name=f"{name}_conv",
    )(x)
    return keras.layers.BatchNormalization(name=f"{name}_bn")(x)


def _initial() -> keras.Initializer:
    # As the code has it; a new one each time, as an initialiser draws the same twice.
    return keras.initializers.VarianceScaling()
