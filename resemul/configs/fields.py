"""Fields that carry their own help and bounds, and what is checked by these.

A config is a frozen dataclass whose fields are made by `option` and whose
`__post_init__` calls `check_options`. The command line makes its flags of the same
fields (`cli.options.add_fields`), and `configs.values` reads their values.
"""

import dataclasses
import functools
import math
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resemul.errors import ConfigError

_OPTION = "option"
_MARK = re.compile(r"<(\w+)>")
_KIND_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
}


@dataclass(frozen=True)
class Option:
    """What a field says of itself; bounds hold for each value of a tuple."""

    help: str = ""
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    # On the command line, where it is not `--` and the field's name.
    flag: str | None = None

    def complaint(self, value: Any) -> str | None:
        """What `value` must be and is not, such as "must be at least 1"; else None."""
        if self.choices:
            known = value in self.choices
            return None if known else f"must be one of {', '.join(self.choices)}"
        if not isinstance(value, int | float):
            return None
        bounds = (
            (self.minimum, "at least", lambda bound: value >= bound),
            (self.above, "above", lambda bound: value > bound),
            (self.maximum, "at most", lambda bound: value <= bound),
            (self.below, "below", lambda bound: value < bound),
        )
        given = [bound for bound in bounds if bound[0] is not None]
        if not all(holds(bound) for bound, _, holds in given):
            words = [f"{word} {bound:g}" for bound, word, _ in given]
            return f"must be {' and '.join(words)}"
        return None if math.isfinite(value) else "must be a finite number"


@dataclass(frozen=True)
class Kind:
    """The type of a field: `item`, `item | None`, or `tuple[item, ...]`."""

    item: type
    is_optional: bool = False
    is_many: bool = False

    def describe(self) -> str:
        """In words: "a whole number or none"."""
        other = getattr(self.item, "IN_WORDS", f"a {self.item.__name__}")
        name: str = _KIND_NAMES.get(self.item, other)
        if self.is_many and self.item in _KIND_NAMES:
            name = f"{name.split(' ', 1)[1]}s, separated by commas"
        return f"{name} or none" if self.is_optional else name

    def holds(self, value: Any) -> bool:
        """Whether a value is of this type."""
        if value is None:
            return self.is_optional
        if self.is_many:
            return isinstance(value, tuple) and all(map(self._is_item, value))
        return self._is_item(value)

    def _is_item(self, value: Any) -> bool:
        if self.item in (int, float):  # True is an int, too.
            numbers = int if self.item is int else (int, float)
            return isinstance(value, numbers) and not isinstance(value, bool)
        return isinstance(value, self.item)


class OptionError(ConfigError):
    """Options that do not go together. The message marks each name: `<max_epochs>`."""

    def __init__(self, marked: str) -> None:
        super().__init__(_MARK.sub(r"\1", marked))
        self.marked = marked

    def with_names(self, names: Mapping[str, str]) -> str:
        """The message with other names of the options, such as `--epochs`."""
        return _MARK.sub(lambda match: names.get(match[1], match[1]), self.marked)


def option(
    default: Any = dataclasses.MISSING,
    *,
    help: str,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    below: float | None = None,
    choices: Sequence[str] = (),
    flag: str | None = None,
) -> Any:
    """A field of a config, with its default, its help and its bounds.

    Args:
        default: the value of whoever does not say otherwise, immutable; without one,
            the field has to be given.
        help: one line for the command line and the documentation.
        minimum: lowest value, `above`: what it must be above.
        above: see `minimum`.
        maximum: highest value, `below`: what it must be below.
        below: see `maximum`.
        choices: the texts that it may be.
        flag: on the command line, where it is not `--` and the name of the field.
    """
    said = Option(help, minimum, above, maximum, below, tuple(choices), flag)
    return dataclasses.field(default=default, metadata={_OPTION: said})


def fields_of(config_class: type) -> list[dataclasses.Field]:
    """The fields of a config that may be set."""
    return [field for field in dataclasses.fields(config_class) if field.init]


def options_of(config_class: type) -> dict[str, Option]:
    """What each field of a config says of itself, by name."""
    return {
        field.name: field.metadata.get(_OPTION, Option())
        for field in fields_of(config_class)
    }


@functools.cache
def kinds_of(config_class: type) -> dict[str, Kind]:
    """The type of each field of a config, by name."""
    hints = typing.get_type_hints(config_class)
    return {field.name: _kind(hints[field.name]) for field in fields_of(config_class)}


def require_field(config_class: type, name: str, where: str) -> None:
    """Checks that a config has a field.

    Raises:
        ConfigError: it has none of this name; says which there are.
    """
    names = [field.name for field in fields_of(config_class)]
    if name not in names:
        raise ConfigError(f"{where}: no option {name!r}; there are {', '.join(names)}")


def check_value(
    config_class: type,
    name: str,
    value: Any,
    shown_name: str | None = None,
    shown_value: str | None = None,
) -> None:
    """Checks one value by what the field says of itself.

    Args:
        config_class: the config.
        name: of its field.
        value: to be checked.
        shown_name: as a message is to call the field, such as `--lr`.
        shown_value: as the value was typed.

    Raises:
        ConfigError: it is of another type, or out of bounds.
    """
    kind, said = kinds_of(config_class)[name], options_of(config_class)[name]
    complaint = None
    if not kind.holds(value):
        complaint = f"takes {kind.describe()}"
    elif value is not None:
        found = map(said.complaint, value if kind.is_many else [value])
        complaint = next(filter(None, found), None)
    if complaint:
        shown = f"{value!r}" if shown_value is None else shown_value
        raise ConfigError(f"{shown_name or name} {complaint}, got {shown}")


def check_options(config: Any) -> None:
    """Checks every field of a config, for its `__post_init__`.

    Raises:
        ConfigError: a value is of another type than its field, or out of bounds.
    """
    for field in fields_of(type(config)):
        check_value(type(config), field.name, getattr(config, field.name))


def _kind(hint: Any) -> Kind:
    if isinstance(hint, types.UnionType):
        [item] = [part for part in typing.get_args(hint) if part is not type(None)]
        return dataclasses.replace(_kind(item), is_optional=True)
    if typing.get_origin(hint) is tuple:
        return Kind(typing.get_args(hint)[0], is_many=True)
    return Kind(typing.get_origin(hint) or hint)
