"""A model made anew of what its card says, with the arrays of its file in it."""

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from resemul.checkpoints.archive import unpacked_weights
from resemul.checkpoints.card import ModelCard, card_path
from resemul.checkpoints.weights_hash import weights_sha256
from resemul.errors import WeightsError
from resemul.models import MODELS, build_model
from resemul.runtime.plugins import is_outside_name

logger = logging.getLogger(__name__)

# Of an option that is neither a length nor a rate: channels, bands, units, ...
_MAX_OPTION = 2**16
_LENGTHS = ("num_samples", "sample_rate", "padding", "hop")


def rebuild_model(path: Path, card: ModelCard, trust: bool) -> keras.Model:
    """Builds the model of a `.keras` file and its card.

    The description of the model in the file is not read, but for a model that is not
    ours, and only if `trust` is on.

    Raises:
        WeightsError: the card names a model that needs trust, or card and file do
            not belong together.
    """
    if card.model in MODELS:
        _require_sane_options(path, card.options)
        model = _build_filled(path, card)
    elif not trust:
        raise WeightsError(
            f"{path} holds {card.model!r}, which is no model of this package: opening "
            "it can run code that came with it; if you trust where it is from, say so "
            "with --trust (in Python trust=True)"
        )
    elif is_outside_name(card.model):
        model = _build_filled(path, card)
    else:
        model = _load_described(path)
    _require_fit(path, card, model)
    return model


def _build_filled(path: Path, card: ModelCard) -> keras.Model:
    def build() -> keras.Model:
        return build_model(card.model, len(card.tags), **card.options)

    with unpacked_weights(path) as (copy, shapes):
        model = _build_bounded(path, build, shapes)
        try:
            model.load_weights(copy)
        except Exception as error:  # of any kind: it depends on where it is noticed
            raise WeightsError(
                f"the arrays in {path} do not fit the model {card.model} with the "
                f"options in {card_path(path)}"
            ) from error
    return model


def _build_bounded(
    path: Path, build: Callable[[], keras.Model], shapes: list[tuple[int, ...]]
) -> keras.Model:
    """Builds a model if it has as many weights as the file; else none of them is made.

    In a stateless scope variables have shapes, but no values: those of an option that
    asks for thousands of millions take no memory.
    """
    try:
        with keras.StatelessScope(initialize_variables=False):
            model = build()
            expected = sum(math.prod(weight.shape) for weight in model.weights)
    except Exception as error:  # of any kind: the options are the file's
        _forget_variables()
        reason = str(error).partition("\n")[0]
        raise WeightsError(
            f"the options in {card_path(path)} make no model: {reason}"
        ) from error
    found = sum(math.prod(shape) for shape in shapes)
    if found != expected:
        _forget_variables()
        raise WeightsError(
            f"{path} holds {found} weights, the model of {card_path(path)} has "
            f"{expected}; they do not belong together"
        )
    with keras.StatelessScope():
        pass  # Leaving it fills the variables.
    return model


def _forget_variables() -> None:
    """Keras would fill variables that have no values when next it builds a model."""
    from keras.src.backend.common import global_state

    global_state.set_global_attribute("uninitialized_variables", [])


def _require_sane_options(path: Path, options: dict[str, Any]) -> None:
    for name, value in options.items():
        values = value if isinstance(value, list) else [value]
        is_small = len(values) <= 100 and all(
            isinstance(item, str | bool | None) or abs(item) <= _MAX_OPTION
            for item in values
            if name not in _LENGTHS and not isinstance(item, dict | list)
        )
        if not is_small:
            raise WeightsError(
                f"{card_path(path)}: the option {name} is beyond anything sensible"
            )


def _load_described(path: Path) -> keras.Model:
    """Lets Keras make the model of its description. Only for a file that is trusted."""
    logger.warning("%s describes its own model; it is trusted", path)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # of any kind, such as zipfile.BadZipFile
        raise WeightsError(f"{path} is not a model that Keras can read") from error


def _require_fit(path: Path, card: ModelCard, model: keras.Model) -> None:
    num_outputs, num_samples = model.output_shape[-1], model.input_shape[-1]
    if num_outputs != len(card.tags):
        raise WeightsError(
            f"{path} has {num_outputs} outputs, its card {len(card.tags)} tags"
        )
    if card.weights_sha256 not in ("", weights_sha256(model)):
        raise WeightsError(
            f"the weights in {path} are not those that {card_path(path)} describes"
        )
    rate = card.options.get("sample_rate", card.sample_rate)
    if num_samples != card.num_samples or rate != card.sample_rate:
        raise WeightsError(
            f"{path} takes {num_samples} samples at {rate} Hz, its card says "
            f"{card.num_samples} at {card.sample_rate} Hz"
        )
