"""Mel filter banks, computed in float64."""

import numpy as np

# Slaney's scale: linear up to 1 kHz (15 mels), then 27 mels for a factor of 6.4
# (Auditory Toolbox, 1998).
_SLANEY_HZ_PER_MEL = 200 / 3
_SLANEY_KNEE_HZ = 1000.0
_SLANEY_KNEE_MEL = _SLANEY_KNEE_HZ / _SLANEY_HZ_PER_MEL
_SLANEY_LOG_STEP = np.log(6.4) / 27

MEL_SCALES = ("htk", "slaney")


def mel_filter_bank(
    sample_rate: int,
    fft_size: int,
    num_bands: int,
    scale: str = "slaney",
    norm: str | None = "slaney",
    low_hz: float = 0.0,
    high_hz: float | None = None,
) -> np.ndarray:
    """Triangles on the linear frequency axis, as librosa and torchaudio have them.

    Their corners are equally spaced in mels. A band narrower than the distance of two
    bins can be zero throughout.

    Args:
        sample_rate: in Hz.
        fft_size: length of the transform.
        num_bands: triangles.
        scale: "htk" is 2595 log10(1 + f / 700), torchaudio's default; "slaney" is
            linear below 1 kHz, librosa's default.
        norm: "slaney" divides each by half its width in Hz; None: height 1.
        low_hz: where the first one begins.
        high_hz: where the last one ends; None is half the sample rate.

    Returns:
        float64 `(fft_size // 2 + 1, num_bands)`.
    """
    if scale not in MEL_SCALES:
        raise ValueError(f"scale must be one of {MEL_SCALES}, got {scale!r}")
    if norm not in ("slaney", None):
        raise ValueError(f"norm must be 'slaney' or None, got {norm!r}")
    high_hz = sample_rate / 2 if high_hz is None else high_hz
    lowest, highest = hz_to_mel(np.array([low_hz, high_hz]), scale)
    corners = mel_to_hz(np.linspace(lowest, highest, num_bands + 2), scale)
    bins = np.linspace(0, sample_rate / 2, fft_size // 2 + 1)[:, None]
    widths = np.diff(corners)
    rising = (bins - corners[:-2]) / widths[:-1]
    falling = (corners[2:] - bins) / widths[1:]
    filters = np.maximum(0, np.minimum(rising, falling))
    if norm == "slaney":
        filters *= 2 / (corners[2:] - corners[:-2])
    return filters


def hz_to_mel(hz: np.ndarray, scale: str) -> np.ndarray:
    """Frequencies in mels of the scale."""
    if scale == "htk":
        return 2595 * np.log10(1 + hz / 700)
    octaves = np.log(np.maximum(hz, _SLANEY_KNEE_HZ) / _SLANEY_KNEE_HZ)
    return np.where(
        hz < _SLANEY_KNEE_HZ,
        hz / _SLANEY_HZ_PER_MEL,
        _SLANEY_KNEE_MEL + octaves / _SLANEY_LOG_STEP,
    )


def mel_to_hz(mel: np.ndarray, scale: str) -> np.ndarray:
    """Inverse of `hz_to_mel`."""
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    steps = np.maximum(mel - _SLANEY_KNEE_MEL, 0)
    return np.where(
        mel < _SLANEY_KNEE_MEL,
        mel * _SLANEY_HZ_PER_MEL,
        _SLANEY_KNEE_HZ * np.exp(_SLANEY_LOG_STEP * steps),
    )
