"""The model that takes the steps: the same function as the one saved, but faster.

What is saved holds stock layers in float32. For training, a twin is made of it:
batch normalisation through TensorFlow's fused kernel, no gradient for biases that
have none, and, if asked for, bfloat16 arithmetic on float32 weights. Weights are
copied between the two once per epoch.
"""

import logging
from pathlib import Path
from typing import Any

import keras

logger = logging.getLogger(__name__)

# CPU flags, of which one is enough for matrix products in bfloat16.
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
_CPU_INFO = Path("/proc/cpuinfo")
# From this compute capability on (Ampere), NVIDIA GPUs multiply bfloat16.
_BFLOAT16_CAPABILITY = (8, 0)


def make_training_twin(model: keras.Model, precision: str) -> keras.Model:
    """Returns a model of the same layers and names, with variables of its own.

    Args:
        model: of stock layers, in float32.
        precision: `float32` or `mixed_bfloat16`; the output stays float32.
    """
    outputs = set(model.output_names)

    def copy_layer(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if precision == "mixed_bfloat16" and layer.name not in outputs:
            config["dtype"] = precision
        return _twin_class(layer).from_config(config)

    twin = keras.models.clone_model(model, clone_function=copy_layer)
    twin.set_weights(model.get_weights())
    for name in _layers_before_normalization(model):
        twin.get_layer(name).bias.trainable = False
    return twin


def choose_precision(precision: str) -> str:
    """Resolves `auto` by what the CPU or GPU computes fast, and says so."""
    if precision != "auto":
        return precision
    chosen = "mixed_bfloat16" if _has_fast_bfloat16() else "float32"
    logger.info("precision: %s", chosen)
    return chosen


def _twin_class(layer: keras.Layer) -> type[keras.Layer]:
    is_plain = type(layer) is keras.layers.BatchNormalization
    if is_plain and keras.backend.backend() == "tensorflow":
        from resemul.training.fused import FusedBatchNormalization

        return FusedBatchNormalization
    return type(layer)


def _layers_before_normalization(model: keras.Model) -> set[str]:
    """Linear layers with a bias whose output goes to one batch normalisation only.

    That subtracts the bias again, so the gradient of the bias is zero. Computed, it is
    a sum of numbers that cancel: rounding noise in float32, and in bfloat16 on a CPU,
    where TensorFlow adds up in bfloat16, so large that biases drift and the running
    means never catch up with them.
    """
    consumers: dict[str, list[keras.Layer]] = {}
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            for tensor in keras.tree.flatten(layer.input):
                producer = tensor._keras_history.operation.name
                consumers.setdefault(producer, []).append(layer)
    return {
        layer.name
        for layer in model.layers
        if getattr(layer, "use_bias", False)
        and getattr(layer, "activation", None) is keras.activations.linear
        and [type(c) for c in consumers.get(layer.name, [])]
        == [keras.layers.BatchNormalization]
    }


def _has_fast_bfloat16() -> bool:
    if keras.distribution.list_devices("gpu"):
        return _gpu_capability() >= _BFLOAT16_CAPABILITY
    if not _CPU_INFO.exists():  # not on Linux
        return False
    return bool(_BFLOAT16_FLAGS & set(_CPU_INFO.read_text().split()))


def _gpu_capability() -> tuple[int, ...]:
    import tensorflow as tf

    capabilities: list[Any] = [
        tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    return min(capabilities, default=(0, 0))
