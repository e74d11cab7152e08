"""Values of config fields, out of JSON or of a command line."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from resemul.configs.training import Stage
from resemul.errors import ConfigError

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


def fields_from_json(
    config_class: type, content: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """The fields of a config in `content`, as the config has them.

    Raises:
        ConfigError: a field is unknown, or its value is of another type.
    """
    return {
        name: _from_json(_kind(config_class, name, where), value, f"{where}: {name}")
        for name, value in content.items()
    }


def parse_field(config_class: type, name: str, text: str, where: str) -> Any:
    """The value that a text on the command line stands for; `none` is None, or ().

    Raises:
        ConfigError: there is no such field, or the text is none of its values.
    """
    kind, is_optional = _kind(config_class, name, where)
    if is_optional and text.lower() == "none":
        return None
    try:
        if kind is bool:
            return _parse_bool(text)
        if kind in (int, float, str):
            return kind(text)
        parts = [] if text.lower() == "none" else text.split(",")
        return tuple(_parse_stage(part) for part in parts)
    except ConfigError:  # of a stage; it says what is wrong with it
        raise
    except ValueError as error:
        raise ConfigError(
            f"{where}: {name} takes {_describe(kind, is_optional)}, got {text!r}"
        ) from error


def _kind(config_class: type, name: str, where: str) -> tuple[Any, bool]:
    """The type of a field, and whether it may be None."""
    hints = typing.get_type_hints(config_class)
    names = [field.name for field in dataclasses.fields(config_class)]
    if name not in names:
        raise ConfigError(f"{where}: no option {name!r}; there are {', '.join(names)}")
    hint = hints[name]
    if isinstance(hint, types.UnionType):
        [kind] = [part for part in typing.get_args(hint) if part is not type(None)]
        return kind, True
    return hint, False


def _from_json(kind_and_optional: tuple[Any, bool], value: Any, where: str) -> Any:
    kind, is_optional = kind_and_optional
    if value is None and is_optional:
        return None
    if kind is float and type(value) is int:
        return float(value)
    if kind in (bool, int, float, str):
        # By the exact type: True is an int, too.
        if type(value) is kind:
            return value
    elif isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return tuple(_stage_from_json(part, where) for part in value)
    raise ConfigError(f"{where} takes {_describe(kind, is_optional)}, got {value!r}")


def _stage_from_json(content: dict[str, Any], where: str) -> Stage:
    missing = {"optimizer", "lr"} - content.keys()
    if missing:
        raise ConfigError(f"{where}: a stage has no {' and no '.join(sorted(missing))}")
    return Stage(**fields_from_json(Stage, content, where))


def _parse_bool(text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise ValueError(text)
    return text.lower() in _TRUE


def _parse_stage(text: str) -> Stage:
    """`adam:0.0001:80`: optimizer, learning rate and, if they are fixed, epochs."""
    optimizer, lr, *epochs = text.split(":")
    if len(epochs) > 1:
        raise ValueError(text)
    return Stage(optimizer, float(lr), int(epochs[0]) if epochs else None)


def _describe(kind: Any, is_optional: bool) -> str:
    names = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text",
    }
    name = names.get(kind, "none or stages such as adam:0.0001:80,sgd:0.001:20")
    return f"{name} or none" if is_optional else name
