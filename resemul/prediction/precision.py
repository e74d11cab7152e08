"""The arithmetic to compute in, by what the CPU or GPU does fast."""

import logging
import os
from pathlib import Path
from typing import Any

import keras

logger = logging.getLogger(__name__)

# CPU flags, of which one is enough for matrix products in bfloat16.
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
_CPU_INFO = Path("/proc/cpuinfo")
# How a user holds oneDNN to instructions, such as AVX2; and what the names of sets with
# bfloat16 have in them (https://uxlfoundation.github.io/oneDNN, "CPU dispatcher").
_CAP = "ONEDNN_MAX_CPU_ISA"
_CAPS_WITH_BFLOAT16 = ("DEFAULT", "BF16", "FP16", "AMX", "AVX10")
# From this compute capability on (Ampere), NVIDIA GPUs multiply bfloat16.
_BFLOAT16_CAPABILITY = (8, 0)


def choose_precision(precision: str) -> str:
    """Resolves `auto` to `float32` or `mixed_bfloat16`, and says so."""
    if precision != "auto":
        return precision
    chosen = "mixed_bfloat16" if _has_fast_bfloat16() else "float32"
    logger.info("precision: %s", chosen)
    return chosen


def _has_fast_bfloat16() -> bool:
    if keras.distribution.list_devices("gpu"):
        return _gpu_capability() >= _BFLOAT16_CAPABILITY
    cap = os.environ.get(_CAP, "DEFAULT").upper()
    if not any(name in cap for name in _CAPS_WITH_BFLOAT16):
        return False
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
