"""The blocks of the sample-level CNNs (Kim, Lee, Nam, ICASSP 2018, Figure 1).

A block takes `(batch, time, channels)` to `(batch, time // 3, features)`; its
layers are called `<name>_...`, an excitation always `<name>_excitation`.
"""

from collections.abc import Callable

import keras

from resemul.configs import SampleCNNConfig

# Dropout between the two convolutions of a residual block; not an option in the
# published system.
RESIDUAL_DROPOUT = 0.2


def basic_block(
    x: keras.KerasTensor, features: int, config: SampleCNNConfig, name: str
) -> keras.KerasTensor:
    """Convolution, batch normalisation, ReLU, pooling (Lee et al., 2017)."""
    x = conv(x, features, config, f"{name}_conv")
    x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    x = keras.layers.Activation("relu", name=f"{name}_relu")(x)
    return keras.layers.MaxPooling1D(3, name=f"{name}_pool")(x)


def se_block(
    x: keras.KerasTensor, features: int, config: SampleCNNConfig, name: str
) -> keras.KerasTensor:
    """A basic block whose channels are rescaled after pooling."""
    x = basic_block(x, features, config, name)
    return squeeze_excite(x, config.alpha, name)


def rese_block(
    x: keras.KerasTensor, features: int, config: SampleCNNConfig, name: str
) -> keras.KerasTensor:
    """A residual block whose channels are rescaled before the addition."""
    return _residual(x, features, config, name, excite=True)


def res_block(
    x: keras.KerasTensor, features: int, config: SampleCNNConfig, name: str
) -> keras.KerasTensor:
    """Two convolutions and a shortcut around them."""
    return _residual(x, features, config, name, excite=False)


def _residual(
    x: keras.KerasTensor,
    features: int,
    config: SampleCNNConfig,
    name: str,
    excite: bool,
) -> keras.KerasTensor:
    shortcut = x
    if x.shape[-1] != features:
        shortcut = keras.layers.Conv1D(
            features,
            1,
            padding="same",
            kernel_regularizer=_l2(config),
            name=f"{name}_shortcut_conv",
        )(x)
        shortcut = keras.layers.BatchNormalization(name=f"{name}_shortcut_bn")(shortcut)
    x = conv(x, features, config, f"{name}_conv1")
    x = keras.layers.BatchNormalization(name=f"{name}_bn1")(x)
    x = keras.layers.Activation("relu", name=f"{name}_relu1")(x)
    x = keras.layers.Dropout(RESIDUAL_DROPOUT, name=f"{name}_dropout")(x)
    x = conv(x, features, config, f"{name}_conv2")
    x = keras.layers.BatchNormalization(name=f"{name}_bn2")(x)
    if excite:
        x = squeeze_excite(x, config.alpha, name)
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    x = keras.layers.Activation("relu", name=f"{name}_relu2")(x)
    return keras.layers.MaxPooling1D(3, name=f"{name}_pool")(x)


def squeeze_excite(x: keras.KerasTensor, alpha: int, name: str) -> keras.KerasTensor:
    """Multiplies each channel by its excitation `(batch, 1, channels)` in (0, 1).

    Unlike the squeeze-and-excitation of Hu et al. (CVPR 2018), the hidden layer is
    `alpha` times wider, not narrower, than its input.
    """
    features = x.shape[-1]
    squeezed = keras.layers.GlobalAveragePooling1D(
        keepdims=True, name=f"{name}_squeeze"
    )(x)
    hidden = keras.layers.Dense(
        features * alpha, activation="relu", name=f"{name}_expand"
    )(squeezed)
    excitation = keras.layers.Dense(
        features, activation="sigmoid", name=f"{name}_excitation"
    )(hidden)
    return keras.layers.Multiply(name=f"{name}_scale")([x, excitation])


def conv(
    x: keras.KerasTensor,
    features: int,
    config: SampleCNNConfig,
    name: str,
    strides: int = 1,
    padding: str = "same",
) -> keras.KerasTensor:
    """A convolution over three samples or frames, initialised for the ReLU after it."""
    return keras.layers.Conv1D(
        features,
        3,
        strides=strides,
        padding=padding,
        kernel_initializer="he_uniform",
        kernel_regularizer=_l2(config),
        name=name,
    )(x)


def _l2(config: SampleCNNConfig) -> keras.Regularizer | None:
    return keras.regularizers.L2(config.weight_decay) if config.weight_decay else None


# Keys as in `configs.BLOCK_NAMES`.
BLOCKS: dict[str, Callable] = {
    "se": se_block,
    "rese": rese_block,
    "res": res_block,
    "basic": basic_block,
}
