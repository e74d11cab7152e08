"""What a record of a whole track holds: a waveform, or its log-mel spectrogram."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from resemul.audio.decode import load_waveform
from resemul.audio.stored import SUFFIX, load_stored_waveform
from resemul.configs.audio import AudioConfig
from resemul.configs.track_records import (
    FFT_SAMPLES,
    HOP_SAMPLES,
    LOG_MEL,
    RANGE_DB,
    TrackRecordsConfig,
)
from resemul.models.mel import mel_filter_bank

# Of one transform; more at a time would only take memory.
_CHUNK_FRAMES = 1024
_MIN_POWER = 1e-10
# How the files are loaded, at the rate of the records.
TRACK_AUDIO = AudioConfig(16_000, mix="mean", resampler="swr-long")


def load_features(path: Path, config: TrackRecordsConfig) -> np.ndarray:
    """Reads an audio file, or a stored array of the original (.npz with array, sr).

    Returns:
        float32 `(n,)`, the mean of the channels; or `(bands, frames)`, decibels.

    Raises:
        AudioError: it cannot be decoded.
    """
    audio = replace(TRACK_AUDIO, sample_rate=config.sample_rate)
    if path.suffix == SUFFIX:
        waveform = load_stored_waveform(path, audio)
    else:
        waveform = load_waveform(
            path, audio.sample_rate, None, mix=audio.mix, resampler=audio.resampler
        )
    if config.format == LOG_MEL:
        return log_mel(waveform, config.sample_rate, config.num_bands)
    return waveform


def log_mel(waveform: np.ndarray, sample_rate: int, num_bands: int) -> np.ndarray:
    """Power in decibels, at most 80 below the loudest of the track.

    Centred frames of 2048 samples every 512 (Hann), the track mirrored at its ends;
    mel bands by Slaney, of equal area.

    Args:
        waveform: float32 `(n,)`.
        sample_rate: Hz.
        num_bands: mel bands, up to half the rate.

    Returns:
        float32 `(bands, 1 + n // 512)`.
    """
    edge = FFT_SAMPLES // 2
    mode = "reflect" if len(waveform) > edge else "constant"
    padded = np.pad(waveform, edge, mode=mode)  # type: ignore[call-overload]
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)
    frames = frames[::HOP_SAMPLES]
    # Periodic, as for a transform, not symmetric, as for a filter.
    window = np.hanning(FFT_SAMPLES + 1)[:-1].astype("float32")
    filters = mel_filter_bank(sample_rate, FFT_SAMPLES, num_bands).astype("float32")
    power = [
        np.square(np.abs(np.fft.rfft(frames[i : i + _CHUNK_FRAMES] * window))) @ filters
        for i in range(0, len(frames), _CHUNK_FRAMES)
    ]
    decibels = 10 * np.log10(np.maximum(np.concatenate(power).T, _MIN_POWER))
    return np.maximum(decibels, decibels.max() - RANGE_DB).astype("float32")
