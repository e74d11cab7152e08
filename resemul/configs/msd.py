"""The JSON by which the Million Song Dataset and Last.fm system was trained.

Two layouts are in use: of 2019, with five groups, and of the last version, with four.
Both are read and written; `configs.msd_run` says the same in our own words.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from resemul.configs.checks import require
from resemul.errors import ConfigError

# Groups of the layout of 2019, and their keys; ours have the same names.
_FIVE_GROUPS: dict[str, tuple[str, ...]] = {
    "model": ("n_dense_units", "n_filters"),
    "optimizer": ("name", "learning_rate"),
    "tags": ("top", "with", "without", "merge"),
    "tfrecords": ("n_mels", "n_tags", "sample_rate"),
    "config": (
        *("batch_size", "cycle_length", "early_stop_min_delta", "early_stop_patience"),
        *("log_dir", "checkpoint_dir", "shuffle", "shuffle_buffer_size", "split"),
        *("reduce_lr_plateau_min_delta", "reduce_lr_plateau_patience"),
        *("window_length", "window_extract_randomly"),
    ),
}
# Keys of the last version that are called otherwise, and what they are here. Those of
# the rates are about the area under the PR curve there, not about the loss.
_RENAMED = {
    "interleave_cycle_length": "cycle_length",
    "reduceLRoP_patience": "reduce_lr_plateau_patience",
    "reduceLRoP_min_delta": "plateau_min_delta",
    "reduceLRoP_min_lr": "plateau_min_lr",
    "reduceLRoP_factor": "plateau_factor",
    "window_random": "window_extract_randomly",
}
_TRAINING = "model-training"
_TRAINING_KEYS = (
    *("batch_size", "interleave_cycle_length", "interleave_block_length"),
    *("early_stop_patience", "early_stop_min_delta", "reduceLRoP_patience"),
    *("reduceLRoP_min_delta", "reduceLRoP_min_lr", "reduceLRoP_factor", "log_dir"),
    *("shuffle", "shuffle_buffer_size", "split", "window_length", "window_random"),
)
LAYOUTS = ("groups", "last")


@dataclass(frozen=True)
class MsdSettings:
    """All settings, with the published defaults but for two.

    `early_stop_min_delta` was 0.2, of an area that cannot rise by as much twice, so
    that every training ended after six epochs. `n_mels` was 128, of data with 96.
    """

    n_dense_units: int = 500
    n_filters: int = 16
    name: str = "Adam"
    learning_rate: float = 1e-3
    # Further arguments of the optimizer, such as `epsilon`.
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    # None: all tags.
    top: int | None = 50
    with_: tuple[str, ...] | None = None
    without: tuple[str, ...] | None = None
    merge: tuple[tuple[str | int, ...], ...] | None = None
    n_mels: int = 96
    n_tags: int = 155
    sample_rate: int = 16_000
    batch_size: int = 32
    cycle_length: int = 2
    interleave_block_length: int = 1
    early_stop_min_delta: float = 0.0
    early_stop_patience: int | None = 5
    log_dir: str = "log"
    checkpoint_dir: str = "log"
    shuffle: bool = True
    shuffle_buffer_size: int = 10_000
    split: tuple[float, ...] = (80, 10, 10)
    # Of the loss summed over a batch, in the layout of 2019.
    reduce_lr_plateau_min_delta: float | None = 0.1
    reduce_lr_plateau_patience: int | None = 2
    # Of the area under the PR curve.
    plateau_min_delta: float = 0.0
    plateau_min_lr: float = 1e-5
    plateau_factor: float = 0.5
    window_length: float = 15
    window_extract_randomly: bool = True

    def __post_init__(self) -> None:
        for name in ("n_dense_units", "n_filters", "n_mels", "n_tags", "sample_rate"):
            _require_number(name, getattr(self, name), 1)
        for name in ("batch_size", "cycle_length", "shuffle_buffer_size"):
            _require_number(name, getattr(self, name), 1)
        for name in ("learning_rate", "window_length", "plateau_factor"):
            _require_number(name, getattr(self, name), 0)
        for name in ("top", "early_stop_patience", "reduce_lr_plateau_patience"):
            if getattr(self, name) is not None:
                _require_number(name, getattr(self, name), 0)
        for name in ("with_", "without"):
            tags = getattr(self, name) or ()
            require(
                all(isinstance(tag, str) for tag in tags),
                f"{name.rstrip('_')} lists names of tags, got {list(tags)}",
            )
        require(
            len(self.split) in (2, 3)
            and all(_is_number(part) and part >= 0 for part in self.split)
            and sum(self.split) > 0,
            f"split has two or three numbers, 0 or more, got {list(self.split)}",
        )


def change_settings(
    settings: MsdSettings, values: Mapping[str, Any], where: str = "settings"
) -> MsdSettings:
    """Settings with other values, by the names of either layout.

    An argument of the optimizer that has no key yet is called `optimizer.NAME`.

    Raises:
        ConfigError: there is no such name, or a value cannot work.
    """
    names = {f.name for f in fields(MsdSettings)} - {"optimizer"}
    changes: dict[str, Any] = {}
    arguments = dict(settings.optimizer)
    for given, value in values.items():
        name = _RENAMED.get(given, {"with": "with_"}.get(given, given))
        if given.startswith("optimizer."):
            arguments[given.removeprefix("optimizer.")] = value
        elif name in names:
            changes[name] = _as_tuples(value)
        else:
            known = sorted({*_RENAMED, *names - {"with_"}, "with", "optimizer.NAME"})
            raise ConfigError(
                f"{where}: there is no {given!r}, only {', '.join(known)}"
            )
    try:
        return replace(settings, **changes, optimizer=arguments)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def read_settings(path: Path) -> MsdSettings:
    """Reads a file of either layout.

    Keys that are missing have their defaults, but for early stopping and the plateau:
    without their keys there are none.

    Raises:
        ConfigError: it cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    if not is_settings(content):
        raise ConfigError(
            f"{path} is no such configuration: it has the groups {', '.join(LAYOUTS)}"
            if not isinstance(content, dict)
            else f"{path} has none of the groups {', '.join(_FIVE_GROUPS)}, {_TRAINING}"
        )
    return settings_from(content, str(path))


def is_settings(content: object) -> bool:
    """Whether JSON is such a configuration, of either layout."""
    return isinstance(content, dict) and bool(
        {"tags", "tfrecords", "config", _TRAINING} & set(content)
    )


def is_settings_file(path: Path) -> bool:
    """Whether a file holds `is_settings`; what cannot be read does not."""
    try:
        return is_settings(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        return False


def settings_from(content: Mapping[str, Any], where: str) -> MsdSettings:
    """The settings of JSON of either layout.

    Raises:
        ConfigError: a group or a key is unknown, or a value cannot work.
    """
    values: dict[str, Any] = {}
    for group, members in content.items():
        if group not in (*_FIVE_GROUPS, _TRAINING) or not isinstance(members, dict):
            raise ConfigError(f"{where}: there is no group {group!r} of keys")
        members = dict(members)
        optimizer = members.pop("optimizer", {}) if group == _TRAINING else {}
        if group == "optimizer":
            optimizer, members = members, {}
        for name, value in dict(optimizer).items():
            is_own = name in _FIVE_GROUPS["optimizer"]
            values[name if is_own else f"optimizer.{name}"] = value
        values |= members
    if _TRAINING in content:
        # 0 and [] stand there for what was not filled in.
        values = {k: v for k, v in values.items() if v not in (0, []) or v is False}
        _turn_off(values, "reduceLRoP_patience", ())
        _turn_off(values, "early_stop_patience", ())
    else:
        plateau = "reduce_lr_plateau"
        _turn_off(values, f"{plateau}_patience", (f"{plateau}_min_delta",))
        _turn_off(values, "early_stop_patience", ("early_stop_min_delta",))
    return change_settings(MsdSettings(), values, where)


def format_settings(settings: MsdSettings, layout: str = "groups") -> str:
    """The JSON text: a key a line, lists on one line.

    Args:
        settings: what to write.
        layout: `groups` of 2019, or that of the `last` version.
    """
    require(
        layout in LAYOUTS, f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}"
    )
    groups = {
        name: {key: _value(settings, key) for key in keys}
        for name, keys in _FIVE_GROUPS.items()
    }
    groups["optimizer"] |= settings.optimizer
    if layout == "last":
        training = {"optimizer": groups.pop("optimizer")}
        training |= {key: _value(settings, key) for key in _TRAINING_KEYS}
        del groups["config"]
        groups = {"model": groups.pop("model"), _TRAINING: training} | groups
    return _format(groups) + "\n"


def _turn_off(values: dict[str, Any], patience: str, others: Sequence[str]) -> None:
    """Sets a patience to None unless all keys that it needs are set."""
    if any(values.get(name) is None for name in (patience, *others)):
        values[patience] = None
        for name in others:
            values.pop(name, None)


def _value(settings: MsdSettings, key: str) -> Any:
    return getattr(settings, _RENAMED.get(key, {"with": "with_"}.get(key, key)))


def _format(groups: Mapping[str, Any], depth: int = 1) -> str:
    indent = "  " * depth
    lines = []
    for key, value in groups.items():
        is_group = isinstance(value, dict) and (value or depth == 1)
        text = _format(value, depth + 1) if is_group else json.dumps(value)
        lines.append(f"{indent}{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n" + "  " * (depth - 1) + "}"


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


def _require_number(name: str, value: Any, minimum: float) -> None:
    require(
        _is_number(value) and value >= minimum,
        f"{name} must be a number from {minimum:g}, got {value!r}",
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
