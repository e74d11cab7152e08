"""A training as a whole: which model, with which options, by which recipe."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from resemul.configs.outside import model_entry
from resemul.configs.recipes import RECIPES
from resemul.configs.schedules import nest_schedule
from resemul.configs.training import TrainConfig
from resemul.configs.values import fields_from_json
from resemul.errors import ConfigError

DEFAULT_MODEL = "sample_cnn"
# Options of a model that follow from the records, unless they are set.
LOADING_OPTIONS = ("mix", "resampler")
# What decides the rates only where a recipe does not list its stages.
_UNUSED_WITH_STAGES = (
    "optimizer",
    "lr",
    "lr_decay",
    "num_lr_decays",
    "max_epochs_per_stage",
)

# What a file may hold; arguments of `make_run`.
_KINDS = {"model": str, "recipe": str, "model_options": dict, "training": dict}


@dataclass(frozen=True)
class RunConfig:
    """What `train` needs to know, but for its data.

    `model_options` are fields of the model's config class; those left out are its
    defaults, or follow from the records.
    """

    model: str = DEFAULT_MODEL
    model_options: dict[str, Any] = field(default_factory=dict)
    training: TrainConfig = field(default_factory=TrainConfig)


def make_run(
    model: str = DEFAULT_MODEL,
    recipe: str | None = None,
    model_options: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    where: str = "configuration",
) -> RunConfig:
    """A run by a model's own recipe, or by the one that is named.

    Args:
        model: a key of `MODEL_ENTRIES`, or `module:function`.
        recipe: a key of `RECIPES`; None for the model's own.
        model_options: fields of the model's config, as in JSON.
        training: fields of `TrainConfig` that differ from the recipe's, as in JSON.
        where: what an error is to name.

    Raises:
        ConfigError: no such model, recipe or field, or a value that cannot work.
    """
    try:
        entry = model_entry(model)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    recipe = recipe or entry.recipe
    _require_known(recipe, RECIPES, "recipe", where)
    options = fields_from_json(entry.config, model_options or {}, f"{where}, {model}")
    content = nest_schedule(training or {}, RECIPES[recipe].schedule)
    fields = fields_from_json(TrainConfig, content, where)
    # A file may list every field, and then lists the stages, too.
    has_all = "stages" in fields
    run = RunConfig(model, {}, RECIPES[recipe])
    if has_all:
        run = replace(run, training=replace(run.training, **fields))
    return change_run(run, options, {} if has_all else fields, where)


def change_run(
    run: RunConfig,
    model_options: Mapping[str, Any],
    training: Mapping[str, Any],
    where: str,
) -> RunConfig:
    """A run with other values of some fields.

    Raises:
        ConfigError: a value cannot work, or would have no effect.
    """
    options = {**run.model_options, **model_options}
    model_entry(run.model).config(**options)
    config = replace(run.training, **training)
    ignored = [name for name in _UNUSED_WITH_STAGES if name in training]
    if config.stages and ignored:
        raise ConfigError(
            f"{where}: {', '.join(ignored)} would have no effect, as the stages are "
            f"listed; change these: stages {','.join(map(str, config.stages))}"
        )
    return RunConfig(run.model, options, config)


def read_run(path: Path) -> dict[str, Any]:
    """Reads what `write_run` wrote, or a part of it: arguments of `make_run`.

    Raises:
        ConfigError: the file cannot be read, or holds something else.
    """
    try:
        content = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} is not an object of {', '.join(_KINDS)}")
    for name, value in content.items():
        if name not in _KINDS:
            raise ConfigError(
                f"{path}: there is no {name!r}, only {', '.join(_KINDS)}; see "
                "--save-config"
            )
        if not isinstance(value, _KINDS[name]):
            kind = "an object" if _KINDS[name] is dict else "a text"
            raise ConfigError(f"{path}: {name} takes {kind}, got {value!r}")
    return content


def write_run(run: RunConfig, path: Path) -> None:
    """Writes a run as JSON, with every option of the model and of the training.

    Left to the records are, unless they were set, how files are loaded and the default
    model's sample rate.
    """
    options = dataclasses.asdict(model_entry(run.model).config(**run.model_options))
    of_records = {"sample_rate"} if run.model == DEFAULT_MODEL else set()
    for name in of_records.union(LOADING_OPTIONS) - run.model_options.keys():
        del options[name]
    content = {
        "model": run.model,
        "model_options": options,
        "training": dataclasses.asdict(run.training),
    }
    try:
        Path(path).write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def _require_known(
    name: str, table: Mapping[str, object], what: str, where: str
) -> None:
    if name not in table:
        raise ConfigError(
            f"{where}: {what} must be one of {', '.join(table)}, got {name!r}"
        )
