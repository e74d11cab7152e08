"""The sample-level CNNs of the SMC 2020 comparison, on raw waveforms of 16 kHz.

Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based Automatic Music Tagging
Models", SMC 2020, https://arxiv.org/abs/2006.00751, after Lee et al., 2017
(https://arxiv.org/abs/1703.01789) and Kim et al., 2018
(https://arxiv.org/abs/1710.10451); `sample_cnn` is the latter's own. Layers have the
names of the published PyTorch code with "_" for "."; `tags` is the last layer of that
code: `dense` without excitations, `dense2` with them.
"""

import keras

from resemul.configs import WonSampleCNNConfig
from resemul.errors import ConfigError
from resemul.models.pytorch_style import batch_norm, conv, dense, tags_layer

# Channels of the eleven layers, in multiples of the first one's.
WIDTHS = (1, 1, 1, 2, 2, 2, 2, 2, 2, 4, 4)
# Layer 1 has a stride of 3 instead of a pool, the last one a kernel of 1.
LAST = len(WIDTHS)
# Nine pools reduce this many frames, and less than twice as many, to one.
FRAMES_PER_OUTPUT = 3**9


def won_sample_cnn(num_tags: int, config: WonSampleCNNConfig) -> keras.Model:
    """Builds the model: waveform `(batch, num_samples)` to tags `(batch, num_tags)`.

    Input is float32 in [-1, 1]; output is one independent probability per tag.
    """
    waveform = keras.Input((config.num_samples,), name="waveform")
    x = _add_channel(waveform, config)
    for number, width in enumerate(WIDTHS, start=1):
        name = f"layer{number}"
        kernel, strides = _kernel_and_strides(number)
        x = conv(x, width * config.channels, kernel, f"{name}_conv", strides)
        x = batch_norm(x, f"{name}_bn")
        x = keras.layers.Activation("relu", name=f"{name}_relu")(x)
        x = _pool(x, number)
        # (batch, 19683, 128), (batch, 6561, 128) to (batch, 1, 512) twice
    x = keras.layers.Flatten(name="flatten")(x)
    # (batch, 512)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    return keras.Model(waveform, tags_layer(x, num_tags), name="won_sample_cnn")


def won_sample_cnn_se(num_tags: int, config: WonSampleCNNConfig) -> keras.Model:
    """Builds the model of residual layers with excitations; else the same."""
    waveform = keras.Input((config.num_samples,), name="waveform")
    x = _add_channel(waveform, config)
    for number, width in enumerate(WIDTHS, start=1):
        x = _excited_layer(x, width * config.channels, number)
        x = _pool(x, number)
        # (batch, 19683, 128), (batch, 6561, 128) to (batch, 1, 512) twice
    x = keras.layers.Flatten(name="flatten")(x)
    # (batch, 512)
    x = dense(x, x.shape[-1], "dense1")
    x = batch_norm(x, "bn")
    x = keras.layers.Activation("relu", name="relu")(x)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    return keras.Model(waveform, tags_layer(x, num_tags), name="won_sample_cnn_se")


def _add_channel(
    waveform: keras.KerasTensor, config: WonSampleCNNConfig
) -> keras.KerasTensor:
    # The first convolution leaves ceil(num_samples / 3) frames.
    longest = 3 * (2 * FRAMES_PER_OUTPUT - 1)
    shortest = 3 * (FRAMES_PER_OUTPUT - 1) + 1
    if not shortest <= config.num_samples <= longest:
        raise ConfigError(
            f"num_samples must be {shortest} to {longest}, got {config.num_samples}"
        )
    return keras.layers.Reshape((config.num_samples, 1), name="add_channel")(waveform)


def _kernel_and_strides(number: int) -> tuple[int, int]:
    return (1 if number == LAST else 3), (3 if number == 1 else 1)


def _pool(x: keras.KerasTensor, number: int) -> keras.KerasTensor:
    if number in (1, LAST):
        return x
    return keras.layers.MaxPooling1D(3, name=f"layer{number}_pool")(x)


def _excited_layer(
    x: keras.KerasTensor, filters: int, number: int
) -> keras.KerasTensor:
    """Two convolutions whose channels are rescaled, and a shortcut around them.

    Where the number of channels or of frames changes, the shortcut is a convolution
    of the same kernel.
    """
    name = f"layer{number}"
    kernel, strides = _kernel_and_strides(number)
    shortcut = x
    if strides > 1 or x.shape[-1] != filters:
        shortcut = conv(x, filters, kernel, f"{name}_conv_3", strides)
        shortcut = batch_norm(shortcut, f"{name}_bn_3")
    x = conv(x, filters, kernel, f"{name}_conv_1", strides)
    x = batch_norm(x, f"{name}_bn_1")
    x = keras.layers.Activation("relu", name=f"{name}_relu_1")(x)
    x = conv(x, filters, kernel, f"{name}_conv_2")
    x = batch_norm(x, f"{name}_bn_2")
    x = _squeeze_excite(x, name)
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return keras.layers.Activation("relu", name=f"{name}_relu_2")(x)


def _squeeze_excite(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Multiplies each channel by its excitation; the hidden layer is as wide as `x`."""
    filters = x.shape[-1]
    excitation = keras.layers.GlobalAveragePooling1D(
        keepdims=True, name=f"{name}_squeeze"
    )(x)
    excitation = dense(excitation, filters, f"{name}_dense1")
    excitation = keras.layers.Activation("relu", name=f"{name}_dense1_relu")(excitation)
    excitation = dense(excitation, filters, f"{name}_dense2")
    excitation = keras.layers.Activation("sigmoid", name=f"{name}_excitation")(
        excitation
    )
    return keras.layers.Multiply(name=f"{name}_scale")([x, excitation])
