"""The model that takes the steps: the same function as the one saved, but faster.

What is saved holds stock layers in float32. For training, a twin is made of it:
batch normalisation through TensorFlow's fused kernel, and, if asked for, bfloat16
arithmetic on float32 weights. Weights are copied between the two once per epoch.
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
        return _fast_class(layer).from_config(config)

    twin = keras.models.clone_model(model, clone_function=copy_layer)
    twin.set_weights(model.get_weights())
    return twin


def choose_precision(precision: str) -> str:
    """Resolves `auto` by what the CPU or GPU computes fast, and says so."""
    if precision != "auto":
        return precision
    chosen = "mixed_bfloat16" if _has_fast_bfloat16() else "float32"
    logger.info("precision: %s", chosen)
    return chosen


def _fast_class(layer: keras.Layer) -> type[keras.Layer]:
    is_plain = type(layer) is keras.layers.BatchNormalization
    if is_plain and keras.backend.backend() == "tensorflow":
        from resemul.training.fused import FusedBatchNormalization

        return FusedBatchNormalization
    return type(layer)


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
