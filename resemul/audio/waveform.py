"""Arithmetic on waveforms that are already in memory."""

import numpy as np


def split_segments(waveform: np.ndarray, num_samples: int) -> np.ndarray:
    """Cuts a waveform `(n,)` into segments `(n // num_samples, num_samples)`.

    Segments do not overlap; what is left at the end is dropped. The result is a
    view of `waveform`.
    """
    num_segments = len(waveform) // num_samples
    return waveform[: num_segments * num_samples].reshape(num_segments, num_samples)
