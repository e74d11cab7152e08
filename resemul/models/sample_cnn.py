"""Sample-level CNNs on raw waveforms.

Kim, Lee, Nam, "Sample-level CNN Architectures for Music Auto-tagging Using Raw
Waveforms", ICASSP 2018, https://arxiv.org/abs/1710.10451
"""

import keras

from resemul.configs import SampleCNNConfig
from resemul.models.blocks import BLOCKS, conv

NUM_BLOCKS = 9
# Blocks from which on the number of channels is twice that of the block before.
DOUBLING_BLOCKS = (3, 9)
# Blocks whose outputs the classifier sees with multi-level aggregation.
AGGREGATED_BLOCKS = (7, 8, 9)


def sample_cnn(num_tags: int, config: SampleCNNConfig) -> keras.Model:
    """Builds the model: waveform `(batch, num_samples)` to tags `(batch, num_tags)`.

    Input is float32 in [-1, 1]; output is one independent probability per tag.
    """
    block = BLOCKS[config.block]
    waveform = keras.Input((config.num_samples,), name="waveform")
    x = keras.layers.Reshape((config.num_samples, 1), name="add_channel")(waveform)
    x = conv(x, config.init_features, config, "stem_conv", strides=3, padding="valid")
    x = keras.layers.BatchNormalization(name="stem_bn")(x)
    x = keras.layers.Activation("relu", name="stem_relu")(x)
    # (batch, num_samples / 3, init_features)
    features = config.init_features
    outputs = {}
    for number in range(1, NUM_BLOCKS + 1):
        if number in DOUBLING_BLOCKS:
            features *= 2
        x = block(x, features, config, f"block{number}")
        # (batch, num_samples / 3^(number + 1), features)
        outputs[number] = x
    x = _aggregate(outputs, config)
    x = keras.layers.Dense(x.shape[-1], name="head_dense")(x)
    x = keras.layers.BatchNormalization(name="head_bn")(x)
    x = keras.layers.Activation("relu", name="head_relu")(x)
    if config.dropout > 0:
        x = keras.layers.Dropout(config.dropout, name="head_dropout")(x)
    # A float32 output whatever the precision of the layers before it.
    tags = keras.layers.Dense(
        num_tags, activation="sigmoid", dtype="float32", name="tags"
    )(x)
    return keras.Model(waveform, tags, name="sample_cnn")


def _aggregate(
    outputs: dict[int, keras.KerasTensor], config: SampleCNNConfig
) -> keras.KerasTensor:
    """Maximum over time, of three levels or of the last: `(batch, features)`."""
    numbers = AGGREGATED_BLOCKS if config.multi else AGGREGATED_BLOCKS[-1:]
    pooled = [
        keras.layers.GlobalMaxPooling1D(name=f"block{number}_max")(outputs[number])
        for number in numbers
    ]
    if len(pooled) == 1:
        return pooled[0]
    return keras.layers.Concatenate(name="aggregate")(pooled)
