"""The architectures: waveform in, one probability per tag out."""

from collections.abc import Callable
from typing import Any

import keras

from resemul.configs import SampleCNNConfig
from resemul.errors import ConfigError
from resemul.models.sample_cnn import sample_cnn

# Each builder takes the number of tags and an instance of its config class.
MODELS: dict[str, tuple[Callable[[int, Any], keras.Model], type]] = {
    "sample_cnn": (sample_cnn, SampleCNNConfig),
}


def build_model(name: str, num_tags: int, **options: Any) -> keras.Model:
    """Builds an untrained model: waveform `(batch, num_samples)` to `(batch, tags)`.

    Args:
        name: a key of `MODELS`.
        num_tags: outputs, one independent probability each.
        options: fields of the model's config class.

    Raises:
        ConfigError: no such model, no such option, or a value that cannot work.
    """
    if name not in MODELS:
        raise ConfigError(f"model must be one of {', '.join(MODELS)}, got {name!r}")
    if num_tags < 1:
        raise ConfigError(f"num_tags must be at least 1, got {num_tags}")
    builder, config_class = MODELS[name]
    try:
        config = config_class(**options)
    except TypeError as error:
        raise ConfigError(f"model {name}: {error}") from error
    return builder(num_tags, config)


__all__ = ["MODELS", "build_model"]
