"""A `DatasetConfig` as JSON, so that annotations can be loaded again as they were."""

import dataclasses
from pathlib import Path
from typing import Any, get_args, get_type_hints

from resemul.configs import DatasetConfig


def dataset_to_json(config: DatasetConfig) -> dict[str, Any]:
    """The config without its `data_dir`, relative to which paths in it become."""
    content = _to_json(config, config.data_dir.resolve())
    del content["data_dir"]
    return content


def dataset_from_json(content: dict[str, Any], data_dir: Path) -> DatasetConfig | None:
    """Undoes `dataset_to_json`, for a folder that may have moved.

    None for a data set from outside: it would run code that a file names.

    Raises:
        TypeError: it is something else.
        ConfigError: an option has a value that cannot be.
    """
    if ":" in str(content["dataset"]):
        return None
    return _from_json(DatasetConfig, {**content, "data_dir": "."}, data_dir)


def _to_json(config: Any, data_dir: Path) -> dict[str, Any]:
    content = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            value = _to_json(value, data_dir)
        elif isinstance(value, Path):
            path = value.resolve()
            if path.is_relative_to(data_dir):
                path = path.relative_to(data_dir)
            value = path.as_posix()
        elif field.name == "merge" and value and Path(value).is_file():
            value = str(Path(value).resolve())  # else the name of a preset
        content[field.name] = value
    return content


def _from_json(config_class: Any, content: dict[str, Any], data_dir: Path) -> Any:
    values = {}
    hints = get_type_hints(config_class)
    for name, value in content.items():
        hint = hints.get(name)
        if dataclasses.is_dataclass(hint):
            value = _from_json(hint, value, data_dir)
        elif value is not None and Path in (hint, *get_args(hint)):
            value = data_dir / value
        elif isinstance(value, list):
            value = tuple(value)
        values[name] = value
    return config_class(**values)
