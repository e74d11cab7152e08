"""What a layer does for those after it, which then have nothing left to do.

A batch normalisation is one factor and one summand for each channel. After a linear
layer they go into its weights. After a convolution with a ReLU and before a maximum,
they do so too: the factors go into the weights, and what the ReLU would have cut off
is cut off after the maximum, where there is less of it. Where a factor is negative,
the ReLU then limits from above.
"""

from dataclasses import dataclass, field
from typing import Any

import keras

from resemul.models.consumers import consumers

_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D)
_LINEAR = (*_CONVOLUTIONS, keras.layers.Dense)
_MAXIMA = (keras.layers.MaxPooling1D, keras.layers.MaxPooling2D)

# Kernels that take channels in blocks of this many are the fastest; they pool only
# whole blocks.
CHANNEL_BLOCK = 16


@dataclass(frozen=True)
class Folding:
    """Who does whose work, by names of layers.

    `scaled`: linear layers, and the normalisation that goes into their weights.
    `limited`: pools, and the normalisation, of those, whose ReLU comes after them.
    `done`: normalisations with nothing left to do.
    `widened`: convolutions that get channels of zeros, to fill a block, and the pools
    after which these are taken away again.
    """

    scaled: dict[str, keras.Layer] = field(default_factory=dict)
    limited: dict[str, keras.Layer] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    widened: set[str] = field(default_factory=set)


def plan_folding(model: keras.Model) -> Folding:
    """Which layers do the work of which."""
    readers, plan = consumers(model), Folding()
    for layer in model.layers:
        if type(layer) not in _LINEAR:
            continue
        last = layer
        normalization = _only(readers[layer.name], keras.layers.BatchNormalization)
        if normalization is not None and _is_over_last(normalization):
            pool = _only(readers[normalization.name], *_MAXIMA)
            is_before_pool = pool is not None and _is_conv(layer)
            if _is(layer, "linear") or (is_before_pool and _is(layer, "relu")):
                plan.scaled[layer.name] = last = normalization
                plan.done.add(normalization.name)
                if not _is(layer, "linear"):
                    plan.limited[pool.name] = normalization
        activation = _only(readers[last.name], keras.layers.Activation)
        if activation is not None and _is(activation, "relu"):
            last = activation
        pool = _only(readers[last.name], *_MAXIMA)
        if pool is not None and _lacks_channels(layer):
            plan.widened.update((layer.name, pool.name))
    return plan


def _only(readers: list[keras.Layer | None], *kinds: type[keras.Layer]) -> Any:
    """The one reader, if it is one of `kinds`; else None."""
    return readers[0] if len(readers) == 1 and type(readers[0]) in kinds else None


def _is_over_last(normalization: keras.Layer) -> bool:
    return normalization.axis in (-1, len(normalization.output.shape) - 1)


def _is(layer: keras.Layer, activation: str) -> bool:
    return layer.activation is getattr(keras.activations, activation)


def _is_conv(layer: keras.Layer) -> bool:
    return type(layer) in _CONVOLUTIONS


def _lacks_channels(layer: keras.Layer) -> bool:
    is_plain = _is(layer, "linear") or _is(layer, "relu")
    if not _is_conv(layer) or layer.groups != 1 or not is_plain:
        return False
    return layer.filters % CHANNEL_BLOCK != 0
