"""The model that takes the steps: the same function as the one saved, but faster.

What is saved holds stock layers in float32. For training, a fused model is made of it:
batch normalisation through TensorFlow's fused kernel, the gradients of convolutions
by matrix products, no gradient for biases that have none, and, if asked for, 16-bit
arithmetic on float32 weights. Weights are copied between the two once per epoch.
"""

from collections.abc import Callable

import keras

from resemul.models.consumers import consumers
from resemul.prediction.fused import layers_to_round

# The class that a layer is made of instead of the usual one; None for that.
ChooseClass = Callable[[keras.Layer], type[keras.Layer] | None]


def fuse_for_training(
    model: keras.Model,
    precision: str,
    freeze_body: bool = False,
    choose_class: ChooseClass | None = None,
) -> keras.Model:
    """Returns a model of the same layers and names, with variables of its own.

    Args:
        model: of stock layers, in float32.
        precision: `float32`, `mixed_bfloat16` or `mixed_float16`; the output stays
            float32, as does what comes before the first linear layers.
        freeze_body: train the output layers only; the others keep their weights, and
            batch normalisation its statistics.
        choose_class: goes before the choice made here.
    """
    rounded = layers_to_round(model) if precision != "float32" else set()

    def copy_layer(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if layer.name in rounded:
            config["dtype"] = precision
        chosen = choose_class(layer) if choose_class else None
        return (chosen or _fused_class(layer)).from_config(config)

    fused = keras.models.clone_model(model, clone_function=copy_layer)
    fused.set_weights(model.get_weights())
    if freeze_body:
        for layer in fused.layers:
            layer.trainable = layer.name in model.output_names
    for name in _layers_before_normalization(model):
        fused.get_layer(name).bias.trainable = False
    return fused


def _fused_class(layer: keras.Layer) -> type[keras.Layer]:
    if keras.backend.backend() != "tensorflow":
        return type(layer)
    from resemul.training.fused_layers import FusedBatchNormalization, ProductConv1D

    if type(layer) is keras.layers.BatchNormalization:
        is_over_last = layer.axis in (-1, len(layer.input.shape) - 1)
        is_usual = is_over_last and layer.scale and layer.center
        return FusedBatchNormalization if is_usual else type(layer)
    is_on_gpu = bool(keras.distribution.list_devices("gpu"))
    if type(layer) is keras.layers.Conv1D and not is_on_gpu:
        return ProductConv1D
    return type(layer)


def _layers_before_normalization(model: keras.Model) -> set[str]:
    """Linear layers with a bias whose output goes to one batch normalisation only.

    That subtracts the bias again, so the gradient of the bias is zero. Computed, it is
    a sum of numbers that cancel: rounding noise in float32, and in bfloat16 on a CPU,
    where TensorFlow adds up in bfloat16, so large that biases drift and the running
    means never catch up with them.
    """
    readers = consumers(model)
    return {
        layer.name
        for layer in model.layers
        if getattr(layer, "use_bias", False)
        and getattr(layer, "activation", None) is keras.activations.linear
        and [type(reader) for reader in readers[layer.name]]
        == [keras.layers.BatchNormalization]
    }
