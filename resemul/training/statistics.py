"""Running statistics of batch normalisation, as they are after few steps.

They begin at mean 0 and variance 1 and move by 1 % a step where the momentum is 0.99,
so after 50 steps these beginnings still have a weight of 0.6, and a model that fits
its training clips guesses at all others. Taken out, as Adam does it for its moments,
what remains is the mean over the batches seen. After some thousand steps, as in one
epoch of MTT, there is nothing to take out.
"""

from collections.abc import Iterable

import keras
import numpy as np


def new_normalizations(model: keras.Model) -> list[str]:
    """Names of the batch normalisations whose statistics are those of a new layer."""
    return [
        layer.name
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        and not np.any(np.asarray(layer.moving_mean))
        and np.all(np.asarray(layer.moving_variance) == 1)
    ]


def take_out_beginnings(
    model: keras.Model, names: Iterable[str], num_steps: int
) -> None:
    """Corrects statistics that have moved `num_steps` times since they were new."""
    for name in names:
        layer = model.get_layer(name)
        left = layer.momentum**num_steps
        if left == 1:
            continue
        mean = np.asarray(layer.moving_mean, "float64") / (1 - left)
        variance = (np.asarray(layer.moving_variance, "float64") - left) / (1 - left)
        layer.moving_mean.assign(mean.astype("float32"))
        # A variance near 0 can have been rounded to less.
        layer.moving_variance.assign(np.maximum(variance, 0).astype("float32"))
