"""Models by name: those of the table, and a user's own as `module:function`."""

import dataclasses
import difflib
import inspect
from collections.abc import Callable
from typing import Any

from resemul.configs.model_options import ModelConfig
from resemul.configs.models import MODEL_ENTRIES, ModelEntry
from resemul.errors import ConfigError
from resemul.runtime.plugins import is_outside_name, load_outside

# Of a model from outside that names none.
_DEFAULT_RECIPE = "staged_sgd"
_OPTION_TYPES = (bool, int, float, str)


def model_entry(name: str) -> ModelEntry:
    """What is known of a model: its config class, its recipe, ...

    A name `module:function` imports that module, so it must be one that the user gave
    or vouched for. Such a function takes the number of tags and

    - options by name, each with a default: `my_model(num_tags, *, channels=8)`; those
      called as fields of `ModelConfig` say which audio it takes, or
    - one object of the class that it names: `my_model.config_class = MyConfig`, a
      frozen dataclass with at least the fields of `ModelConfig`.

    It may name a recipe, too: `my_model.recipe = "adam_l2"`.

    Raises:
        ConfigError: there is no such model, or no options can be made of its
            parameters.
    """
    if is_outside_name(name):
        return _outside_entry(name, load_outside(name, "model"))
    if name not in MODEL_ENTRIES:
        near = difflib.get_close_matches(name, MODEL_ENTRIES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ConfigError(
            f"model must be one of {', '.join(MODEL_ENTRIES)}, or module:function, "
            f"got {name!r}{hint}"
        )
    return MODEL_ENTRIES[name]


def _outside_entry(name: str, builder: Any) -> ModelEntry:
    if not callable(builder):
        raise ConfigError(f"model {name} is no function that builds a model")
    config = getattr(builder, "config_class", None) or _config_from(name, builder)
    fields = {field.name for field in dataclasses.fields(config)}
    missing = {field.name for field in dataclasses.fields(ModelConfig)} - fields
    if missing:
        raise ConfigError(
            f"model {name}: its config_class has no {', '.join(sorted(missing))}; "
            "derive it from resemul.configs.ModelConfig"
        )
    recipe = getattr(builder, "recipe", _DEFAULT_RECIPE)
    return ModelEntry(config, recipe, clip_seconds=None)


def _config_from(name: str, builder: Callable[..., Any]) -> type[ModelConfig]:
    """A config class with the parameters of a function, after the number of tags."""
    _, *parameters = inspect.signature(builder).parameters.values()
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    fields: list[tuple[str, type, Any]] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        default = parameter.default
        if type(default) not in _OPTION_TYPES:
            raise ConfigError(
                f"model {name}: its option {parameter.name} needs a default that is a "
                "number, a text, True or False"
            )
        field = dataclasses.field(default=default)
        fields.append((parameter.name, type(default), field))
    if not takes_any and "num_samples" not in [field[0] for field in fields]:
        # Only the model itself knows how much it takes.
        length = builder(1).input_shape[-1]
        fields.append(("num_samples", int, dataclasses.field(default=length)))
    return dataclasses.make_dataclass(
        f"{builder.__name__}_config", fields, bases=(ModelConfig,), frozen=True
    )
