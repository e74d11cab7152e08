"""Values of config fields, out of JSON or of a command line."""

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from resemul.configs.fields import (
    Kind,
    check_value,
    fields_of,
    kinds_of,
    require_field,
)
from resemul.errors import ConfigError

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


def fields_from_json(
    config_class: type, content: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """The fields of a config in `content`, as the config has them.

    Raises:
        ConfigError: a field is unknown, or its value cannot work.
    """
    values = {}
    for name, given in content.items():
        require_field(config_class, name, where)
        kind = kinds_of(config_class)[name]
        value = _from_json(kind, given, f"{where}: {name}")
        check_value(config_class, name, value, f"{where}: {name}")
        values[name] = value
    return values


def parse_field(
    config_class: type, name: str, text: str, where: str, shown_name: str | None = None
) -> Any:
    """The value that a text on the command line stands for; `none` is None, or ().

    Args:
        config_class: the config.
        name: of its field.
        text: as it was typed.
        where: what an error is to name.
        shown_name: the field as it was typed, such as `--lr`; else `where` and `name`.

    Raises:
        ConfigError: there is no such field, or the text is none of its values.
    """
    require_field(config_class, name, where)
    kind, shown = kinds_of(config_class)[name], shown_name or f"{where}: {name}"
    is_empty = text.lower() == "none"
    if kind.is_optional and is_empty:
        return None
    try:
        if kind.is_many:
            parts = [] if is_empty else text.split(",")
            value: Any = tuple(_parse_item(kind, part) for part in parts)
        else:
            value = _parse_item(kind, text)
    except ConfigError as error:  # of a part; it says what is wrong with it
        raise ConfigError(f"{shown}: {error}") from error
    except ValueError as error:
        raise ConfigError(f"{shown} takes {kind.describe()}, got {text!r}") from error
    is_number = kind.item in (int, float)
    check_value(config_class, name, value, shown, text if is_number else repr(text))
    return value


def _parse_item(kind: Kind, text: str) -> Any:
    if kind.item is bool:
        if text.lower() not in (*_TRUE, *_FALSE):
            raise ValueError(text)
        return text.lower() in _TRUE
    if kind.item in (int, float, str, Path):
        return kind.item(text)
    return kind.item.parse(text)  # type: ignore[attr-defined]


def _from_json(kind: Kind, value: Any, where: str) -> Any:
    """The value as the config has it; of another type, as it is."""
    if kind.is_many and isinstance(value, list):
        return tuple(_item_from_json(kind, part, where) for part in value)
    return _item_from_json(kind, value, where)


def _item_from_json(kind: Kind, value: Any, where: str) -> Any:
    if kind.item is float and type(value) is int:
        return float(value)
    if kind.item is Path and isinstance(value, str):
        return Path(value)
    if dataclasses.is_dataclass(kind.item) and isinstance(value, dict):
        read = getattr(kind.item, "from_json", partial(_config_from_json, kind.item))
        return read(value, where)
    return value


def _config_from_json(config_class: type, content: dict[str, Any], where: str) -> Any:
    needed = {
        field.name
        for field in fields_of(config_class)
        if field.default is dataclasses.MISSING
    }
    missing = sorted(needed - content.keys())
    if missing:
        name = config_class.__name__.lower()
        raise ConfigError(f"{where}: a {name} has no {' and no '.join(missing)}")
    return config_class(**fields_from_json(config_class, content, where))
