"""A model with every layer that means something else on several devices.

For `--model small_network:small_network`, where the folder of this file is in
PYTHONPATH; it is compiled in a second.
"""

import keras


def small_network(
    num_tags: int, num_samples: int = 59_049, sample_rate: int = 22_050
) -> keras.Model:
    """Waveform `(batch, num_samples)` to tags: 300 parameters, two kinds of dropout."""
    waveform = keras.Input((num_samples,), name="waveform")
    x = keras.layers.Reshape((num_samples // 81, 81), name="frames")(waveform)
    x = keras.layers.Dense(4, name="stem")(x)
    x = keras.layers.BatchNormalization(name="stem_norm")(x)
    x = keras.layers.Activation("relu", name="stem_relu")(x)
    x = keras.layers.Dropout(0.2, name="stem_dropout")(x)
    x = keras.layers.Conv1D(
        4, 3, padding="same", kernel_regularizer=keras.regularizers.L2(0.1), name="conv"
    )(x)
    x = keras.layers.GlobalMaxPooling1D(name="pool")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(0.5, name="dropout")(x)
    tags = keras.layers.Dense(num_tags, activation="sigmoid", name="tags")(x)
    return keras.Model(waveform, tags, name="small_network")
