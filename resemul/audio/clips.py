"""The segments of a clip, as records hold them; also for worker processes.

Imports nothing heavy: a worker that decodes should start in a moment.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from resemul.audio.decode import load_waveform
from resemul.audio.waveform import split_segments
from resemul.configs import BuildConfig
from resemul.errors import AudioError


def load_clip(path: Path, config: BuildConfig) -> np.ndarray:
    """Decodes an audio file; returns float32 segments `(segments, num_samples)`.

    Raises:
        AudioError: it cannot be decoded, or has fewer than `min_segments`.
    """
    waveform = load_waveform(
        path, config.sample_rate, config.clip_seconds, config.decoder
    )
    return cut_segments(waveform, path, config)


def cut_segments(waveform: np.ndarray, path: Path, config: BuildConfig) -> np.ndarray:
    """Cuts the waveform `(n,)` of a file; one that is too short is an `AudioError`."""
    segments = split_segments(waveform, config.num_samples)
    if len(segments) < config.min_segments:
        raise AudioError(
            f"{path} is too short: {len(waveform) / config.sample_rate:.2f} s, "
            f"{config.min_segments * config.num_samples / config.sample_rate:.2f} s "
            "needed"
        )
    if not len(segments):
        return np.pad(waveform, (0, config.num_samples - len(waveform)))[None]
    return segments


def count_segments(paths: Sequence[Path], config: BuildConfig) -> list[int | str]:
    """For each file its number of segments, or the reason why it has none."""
    counts: list[int | str] = []
    for path in paths:
        try:
            counts.append(len(load_clip(path, config)))
        except AudioError as error:
            counts.append(str(error))
    return counts
