"""Models without their beginning."""

from collections.abc import Mapping
from typing import Any

import keras

from resemul.errors import ConfigError
from resemul.models.frontends import LogMel


def after_log_mel(model: keras.Model, expected: Mapping[str, Any]) -> keras.Model:
    """What follows a model's spectrogram: `(batch, bands, frames)` to its outputs.

    It shares the layers, and so the weights, with the model: in the same order, as a
    spectrogram has none.

    Args:
        model: takes waveforms, and computes a log-mel spectrogram of them first.
        expected: options of that layer, see `LogMel`.

    Raises:
        ConfigError: it computes none, or with other options; says which.
    """
    layer = next((one for one in model.layers if isinstance(one, LogMel)), None)
    if layer is None:
        raise ConfigError(f"{model.name} takes waveforms and computes no spectrogram")
    config = layer.get_config()
    for name, value in expected.items():
        if config[name] != value:
            raise ConfigError(
                f"{model.name} computes one with {name} {config[name]}, not {value}"
            )
    return keras.Model(layer.output, model.outputs[0], name=model.name)
