"""The architectures: waveform in, one probability per tag out."""

import inspect
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from resemul.configs.outside import model_entry
from resemul.errors import ConfigError
from resemul.runtime.plugins import is_outside_name, load_outside

if TYPE_CHECKING:
    import keras

# Name: module and function, which takes the number of tags and an instance of the
# model's config class. Imported when it is used, as Keras takes seconds. What else is
# known of a model is in `configs.models`.
MODELS: dict[str, str] = {
    "sample_cnn": "resemul.models.sample_cnn:sample_cnn",
    "fcn4": "resemul.models.fcn4:fcn4",
    "fcn5": "resemul.models.fcn5:fcn5",
    "short_chunk_cnn": "resemul.models.short_chunk_cnn:short_chunk_cnn",
    "short_chunk_cnn_res": "resemul.models.short_chunk_cnn:short_chunk_cnn_res",
    "won_sample_cnn": "resemul.models.won_sample_cnn:won_sample_cnn",
    "won_sample_cnn_se": "resemul.models.won_sample_cnn:won_sample_cnn_se",
    "multi_scale_cnn": "resemul.models.multi_scale_cnn:multi_scale_cnn",
    "pons_waveform": "resemul.models.pons:pons_waveform",
    "pons_log_mel": "resemul.models.pons:pons_log_mel",
    "musicnn": "resemul.models.musicnn:musicnn",
    "musicnn_vgg": "resemul.models.musicnn:musicnn_vgg",
}

# The last layer of every model; its input is the embedding.
TOP_LAYER = "tags"


def build_model(
    name: str, num_tags: int | None = None, include_top: bool = True, **options: Any
) -> "keras.Model":
    """Builds an untrained model: waveform `(batch, num_samples)` to `(batch, tags)`.

    Examples:
        >>> model = build_model("musicnn", num_tags=50)
        >>> model.input_shape, model.output_shape
        ((None, 48128), (None, 50))
        >>> build_model("musicnn", num_tags=50, channel=8)
        Traceback (most recent call last):
        resemul.errors.ConfigError: ...'channel'...

    Args:
        name: a key of `MODELS`, or `module:function` for one from outside; see
            `configs.model_entry`.
        num_tags: outputs, one independent probability each. Not needed without top.
        include_top: False leaves out the last layer, as `remove_top` does.
        options: fields of the model's config class.

    Raises:
        ConfigError: no such model, no such option, or a value that cannot work.
    """
    entry = model_entry(name)
    if not include_top:
        return remove_top(build_model(name, 1, **options))
    if num_tags is None or num_tags < 1:
        raise ConfigError(f"num_tags must be at least 1, got {num_tags}")
    try:
        config = entry.config(**options)
    except TypeError as error:
        raise ConfigError(f"model {name}: {error}") from error
    if is_outside_name(name):
        return _build_outside(name, num_tags, config)
    return pkgutil.resolve_name(MODELS[name])(num_tags, config)


def remove_top(model: "keras.Model") -> "keras.Model":
    """The model up to its last layer: waveform to embedding `(batch, features)`.

    The embedding is what the layer `tags` makes its probabilities of; in a model
    without one, what the last layer with weights sees. The layers are shared with
    `model`, trained or not.
    """
    import keras

    return keras.Model(model.inputs, top_layer(model).input, name=model.name)


def top_layer(model: "keras.Model") -> "keras.Layer":
    """The layer that makes probabilities, or their logits, of an embedding."""
    names = [layer.name for layer in model.layers]
    if TOP_LAYER in names:
        return model.get_layer(TOP_LAYER)
    return next(layer for layer in reversed(model.layers) if layer.weights)


def _build_outside(name: str, num_tags: int, config: Any) -> "keras.Model":
    builder = load_outside(name, "model")
    if hasattr(builder, "config_class"):
        model = builder(num_tags, config)
    else:
        model = builder(num_tags, **_accepted(builder, vars(config)))
    expected = ((None, config.num_samples), (None, num_tags))
    found = (getattr(model, "input_shape", None), getattr(model, "output_shape", None))
    if found != expected:
        raise ConfigError(
            f"model {name} must be a keras.Model from {expected[0]}, samples, to "
            f"{expected[1]}, tags; it is from {found[0]} to {found[1]}"
        )
    return model


def _accepted(builder: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """The options that a function has parameters for; all, if it takes any."""
    parameters = inspect.signature(builder).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return options
    names = {parameter.name for parameter in parameters}
    return {name: value for name, value in options.items() if name in names}


__all__ = ["MODELS", "TOP_LAYER", "build_model", "remove_top", "top_layer"]
