"""The model that a run begins with, and its card."""

import dataclasses
import logging
from typing import Any

import keras
import numpy as np

from resemul.checkpoints.card import ModelCard
from resemul.checkpoints.weights_hash import weights_sha256
from resemul.configs import (
    DEFAULT_MODEL,
    LOADING_OPTIONS,
    AudioConfig,
    RunConfig,
    model_entry,
    records_of_model,
)
from resemul.errors import ConfigError, DatasetError
from resemul.models import TOP_LAYER, build_model
from resemul.records import RecordSet

logger = logging.getLogger(__name__)


def prepare_model(
    run: RunConfig,
    records: RecordSet,
    source: tuple[keras.Model, ModelCard] | None = None,
) -> tuple[keras.Model, ModelCard]:
    """Builds the model of a run for the tags of the records.

    Args:
        run: model and options; options that are missing are those of `source`, follow
            from the records, or are the model's defaults.
        records: give the tags, and what to put on the card.
        source: a model to take the weights from, and its card. Its last layer is kept
            if it has the tags of the records, else that layer is new.

    Raises:
        DatasetError: the records have another sample rate, or are too short.
        ConfigError: there is no body to freeze, or the weights of `source` do not fit.
    """
    if run.training.freeze_body and source is None:
        raise ConfigError(
            "freeze_body keeps the weights of a trained model; name it: --init-from"
        )
    if source is not None and source[1].model != run.model:
        raise ConfigError(
            f"init_from is a {source[1].model}, the run trains a {run.model}"
        )
    given = {**_options_of(source, records), **run.model_options}
    options = _complete(run, given, records)
    audio = model_entry(run.model).config(**options).audio
    model = build_model(run.model, len(records.tags), **options)
    if source is not None:
        _copy_weights(source, model, records)
    card = ModelCard(
        model=run.model,
        options=options,
        tags=list(records.tags),
        **dataclasses.asdict(audio),
        num_samples=options["num_samples"],
        dataset=records.dataset,
        split_name=records.split_name,
        num_clips=records.num_clips,
        reading=records.reading,
    )
    if source is not None:
        # Of an imported model, the file that it was imported from.
        sha256 = source[1].sha256 or source[1].source.get("sha256", "")
        start = {
            "sha256": sha256,
            "weights_sha256": weights_sha256(source[0]),
            "model": source[1].model,
        }
        card = dataclasses.replace(card, source={"init_from": start})
    return model, card


def _options_of(
    source: tuple[keras.Model, ModelCard] | None, records: RecordSet
) -> dict[str, Any]:
    """The options of a trained model, but with the files loaded as in the records."""
    if source is None:
        return {}
    options = {**source[1].options, **_loading_of(records)}
    for name, value in _loading_of(records).items():
        before = getattr(source[1], name)
        if before != value:
            logger.info(
                "trained so far on files with %s %s, from now on with %s",
                name,
                before,
                value,
            )
    return options


def _loading_of(records: RecordSet) -> dict[str, Any]:
    """How the files of the records were loaded, as options of a model."""
    loading = AudioConfig(records.sample_rate)
    # Records from before there was a choice do not say it.
    return {
        name: getattr(records, name, getattr(loading, name)) for name in LOADING_OPTIONS
    }


def _complete(
    run: RunConfig, given: dict[str, Any], records: RecordSet
) -> dict[str, Any]:
    """All options of the model, with the sample rate and length that it will have."""
    options = {**_loading_of(records), **given}
    if run.model == DEFAULT_MODEL:
        # It has no filter bank made for a rate.
        options.setdefault("sample_rate", records.sample_rate)
    options = dataclasses.asdict(model_entry(run.model).config(**options))
    _require_fit(run.model, options, records)
    if options["num_samples"] < records.num_samples:
        logger.info(
            "records of %.2f s, examples of %.2f s (crop %s)",
            records.num_samples / records.sample_rate,
            options["num_samples"] / records.sample_rate,
            run.training.crop,
        )
    return options


def _require_fit(model: str, options: dict[str, Any], records: RecordSet) -> None:
    rate, num_samples = options["sample_rate"], options["num_samples"]
    usual = records_of_model(model)
    build = f"resemul build --model {model}"
    if rate != usual.sample_rate:
        build += f" --sample-rate {rate}"
    if num_samples > usual.num_samples:
        build += f" --num-samples {num_samples}"
    build += records.build_options
    for name, found in _loading_of(records).items():
        if options[name] != found:
            raise DatasetError(
                f"{records.folder} has files loaded with {name} {found}, {model} is to "
                f"take {options[name]}; leave that out, or build with --{name} "
                f"{options[name]}"
            )
    if rate != records.sample_rate:
        raise DatasetError(
            f"{records.folder} has {records.sample_rate} Hz, {model} takes {rate} Hz; "
            f"'{build}' makes what fits"
        )
    if num_samples > records.num_samples:
        raise DatasetError(
            f"{records.folder} has segments of {records.num_samples} samples, "
            f"{model} takes {num_samples}; '{build}' makes what fits"
        )


def _copy_weights(
    source: tuple[keras.Model, ModelCard], model: keras.Model, records: RecordSet
) -> None:
    trained, card = source
    keeps_top = list(card.tags) == list(records.tags)
    weights, shapes = _weights(trained), _weights(model)
    if not keeps_top:
        del weights[TOP_LAYER], shapes[TOP_LAYER]
    for name in [*shapes, *weights]:
        found = [array.shape for array in weights.get(name, [])]
        expected = [array.shape for array in shapes.get(name, [])]
        if found != expected:
            raise ConfigError(
                f"layer {name} has weights of shapes {expected}, in the trained model "
                f"{found}; leave out the options that change the model"
            )
    for name, arrays in weights.items():
        model.get_layer(name).set_weights(arrays)
    logger.info(
        "weights of a trained %s; the last layer is %s",
        card.model,
        "kept" if keeps_top else f"new, for {len(records.tags)} tags",
    )


def _weights(model: keras.Model) -> dict[str, list[np.ndarray]]:
    """By name of a layer, its weights, where it has any."""
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
