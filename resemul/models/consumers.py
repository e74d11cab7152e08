"""Which layers of a model read the output of which."""

from collections import defaultdict

import keras
from keras import layers


def consumers(model: keras.Model) -> dict[str, list[keras.Layer | None]]:
    """By name of a layer, the layers that read its output; None for a model output."""
    found: dict[str, list[keras.Layer | None]] = defaultdict(list)
    for layer in model.layers:
        if not isinstance(layer, layers.InputLayer):
            for tensor in keras.tree.flatten(layer.input):
                found[tensor._keras_history.operation.name].append(layer)
    for tensor in model.outputs:
        found[tensor._keras_history.operation.name].append(None)
    return found
