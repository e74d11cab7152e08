"""Weights into a model, by name; all of them or none."""

from collections.abc import Iterable, Mapping

import keras
import numpy as np

from resemul.errors import WeightsError
from resemul.weights.contents import refusal


def assign_weights(
    model: keras.Model,
    arrays: Mapping[str, np.ndarray],
    unused: Iterable[str] = (),
    source: object = "the file",
) -> None:
    """Copies `arrays` into the variables of `model` that have their names.

    Args:
        model: is not changed unless everything fits.
        arrays: key `<layer>/<variable>`, such as `head_dense/kernel`.
        unused: names of what the file holds besides; there must be none.
        source: named in messages.

    Raises:
        WeightsError: something is missing on either side, has another shape, or is
            not finite.
    """
    variables = {
        f"{layer.name}/{variable.name}": variable
        for layer in model.layers
        for variable in layer.weights
    }
    missing = [name for name in variables if name not in arrays]
    left_over = [*(name for name in arrays if name not in variables), *unused]
    if missing or left_over:
        raise refusal(source, model.name, missing, left_over)
    for name, variable in variables.items():
        if tuple(variable.shape) != arrays[name].shape:
            raise WeightsError(
                f"{source}: {name} has shape {arrays[name].shape}, the model "
                f"{model.name} needs {tuple(variable.shape)}"
            )
        if not np.isfinite(arrays[name]).all():
            raise WeightsError(f"{source}: {name} holds values that are not finite")
    for name, variable in variables.items():
        variable.assign(arrays[name])
