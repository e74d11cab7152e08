"""The architectures: waveform in, one probability per tag out."""

from collections.abc import Callable
from typing import Any

import keras

from resemul.configs import MODEL_CONFIGS
from resemul.errors import ConfigError
from resemul.models.fcn4 import fcn4
from resemul.models.fcn5 import fcn5
from resemul.models.multi_scale_cnn import multi_scale_cnn
from resemul.models.pons import pons_log_mel, pons_waveform
from resemul.models.sample_cnn import sample_cnn
from resemul.models.short_chunk_cnn import short_chunk_cnn, short_chunk_cnn_res
from resemul.models.won_sample_cnn import won_sample_cnn, won_sample_cnn_se

# Each takes the number of tags and an instance of its config class.
_BUILDERS: dict[str, Callable[[int, Any], keras.Model]] = {
    "sample_cnn": sample_cnn,
    "fcn4": fcn4,
    "fcn5": fcn5,
    "short_chunk_cnn": short_chunk_cnn,
    "short_chunk_cnn_res": short_chunk_cnn_res,
    "won_sample_cnn": won_sample_cnn,
    "won_sample_cnn_se": won_sample_cnn_se,
    "multi_scale_cnn": multi_scale_cnn,
    "pons_waveform": pons_waveform,
    "pons_log_mel": pons_log_mel,
}

MODELS = {name: (builder, MODEL_CONFIGS[name]) for name, builder in _BUILDERS.items()}

# The last layer of every model; its input is the embedding.
TOP_LAYER = "tags"


def build_model(
    name: str, num_tags: int | None = None, include_top: bool = True, **options: Any
) -> keras.Model:
    """Builds an untrained model: waveform `(batch, num_samples)` to `(batch, tags)`.

    Args:
        name: a key of `MODELS`.
        num_tags: outputs, one independent probability each. Not needed without top.
        include_top: False leaves out the last layer, as `remove_top` does.
        options: fields of the model's config class.

    Raises:
        ConfigError: no such model, no such option, or a value that cannot work.
    """
    if name not in MODELS:
        raise ConfigError(f"model must be one of {', '.join(MODELS)}, got {name!r}")
    if not include_top:
        return remove_top(build_model(name, 1, **options))
    if num_tags is None or num_tags < 1:
        raise ConfigError(f"num_tags must be at least 1, got {num_tags}")
    builder, config_class = MODELS[name]
    try:
        config = config_class(**options)
    except TypeError as error:
        raise ConfigError(f"model {name}: {error}") from error
    return builder(num_tags, config)


def remove_top(model: keras.Model) -> keras.Model:
    """The model up to its last layer: waveform to embedding `(batch, features)`.

    The embedding is what the layer `tags` makes its probabilities of. The layers are
    shared with `model`, trained or not.
    """
    embedding = model.get_layer(TOP_LAYER).input
    return keras.Model(model.inputs, embedding, name=model.name)


__all__ = ["MODELS", "TOP_LAYER", "build_model", "remove_top"]
