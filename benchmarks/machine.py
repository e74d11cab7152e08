"""The machine, in words, and what its processors can do at most."""

import os
import platform
from pathlib import Path

import numpy as np

from benchmarks.harness import Job, Variant

_SIZE = 3072
# A square matrix product of this size.
PEAK_FLOP = 2 * _SIZE**3


def describe() -> dict[str, str]:
    """Processor, cores, memory, versions; what else ran at the time."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{_memory_bytes() / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load average at the start": f"{os.getloadavg()[0]:.1f}",
    }


def peak_variants() -> list[Variant]:
    """Matrix products: the yardstick for the share of the peak."""
    return [
        Variant(f"matrix product, {dtype}", setup_product, (dtype,))
        for dtype in ("float32", "bfloat16")
    ]


def setup_product(dtype: str) -> Job:
    """A matrix product in TensorFlow (oneDNN on a CPU)."""
    from resemul.runtime.tensorflow import start_tensorflow

    start_tensorflow()
    import tensorflow as tf

    random = np.random.default_rng(0)
    values = random.normal(size=(_SIZE, _SIZE)).astype("float32")
    matrix = tf.cast(tf.constant(values), dtype)
    multiply = tf.function(lambda a: tf.reduce_sum(tf.matmul(a, a)[:1, :1]))

    def job() -> None:
        float(multiply(matrix))

    job()
    return job


def forward_flop(num_samples: int = 59049, init_features: int = 128) -> int:
    """Additions and multiplications of one segment through SE + multi's layers.

    Convolutions only; all else is less than a hundredth.
    """
    length, features = num_samples // 3, init_features
    total = 2 * 3 * length * features
    for number in range(1, 10):
        inputs = features
        features *= 2 if number in (3, 9) else 1
        total += 2 * 3 * length * inputs * features
        length //= 3
    return total


def musicnn_flop(channels: int = 51, mid_channels: int = 64) -> int:
    """Additions and multiplications of one segment of 3 s through musicnn's layers.

    Convolutions only; the spectrogram and all else are less than a hundredth.
    """
    frames, bands = 187, 96
    timbre = sum(
        7 * height * 4 * channels * (bands - height + 1) for height in (38, 67)
    )
    tempo = (128 + 64 + 32) * channels * bands
    mid = 7 * mid_channels * (11 * channels + 2 * mid_channels)
    return 2 * frames * (timbre + tempo + mid)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    lines = info.read_text().splitlines()
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    known = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    found = ", ".join(flag for flag in known if flag in flags)
    return f"{names[0] if names else platform.machine()} ({found})"


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
