"""Mel spectrograms in float64, written from the libraries' formulas term by term."""

import math

import numpy as np


def sweep(num_samples: int) -> np.ndarray:
    """A rising tone with noise and a gap: float32 `(num_samples,)`, at any rate.

    Without a random generator, so that every version of numpy makes the same.
    """
    index = np.arange(num_samples)
    tone = 0.3 * np.sin(2 * np.pi * (0.005 + 0.2 * index / num_samples) * index)
    noise = (index * index * 7919 + index * 104_729) % 65_536 / 65_536 - 0.5
    signal = tone * (index + 1) / num_samples + 0.02 * noise
    signal[num_samples // 2 : num_samples // 2 + 3000] = 0
    return signal.astype("float32")


def mel_filter(
    sample_rate: int, fft_size: int, num_bands: int, htk: bool, area_norm: bool
) -> np.ndarray:
    """Filter bank `(bins, bands)`, bin after bin."""
    to_mel, to_hz = (_htk_mel, _htk_hz) if htk else (_slaney_mel, _slaney_hz)
    top = to_mel(sample_rate / 2)
    edges = [to_hz(top * i / (num_bands + 1)) for i in range(num_bands + 2)]
    filters = np.zeros((fft_size // 2 + 1, num_bands))
    for band in range(num_bands):
        low, peak, high = edges[band : band + 3]
        for k in range(fft_size // 2 + 1):
            hz = k * sample_rate / fft_size
            if low < hz <= peak:
                filters[k, band] = (hz - low) / (peak - low)
            elif peak < hz < high:
                filters[k, band] = (high - hz) / (high - peak)
        if area_norm:
            filters[:, band] *= 2 / (high - low)
    return filters


def mel_power(
    waveform: np.ndarray, filters: np.ndarray, fft_size: int, hop: int
) -> np.ndarray:
    """Power mel spectrogram `(bands, frames)`; centred frames, mirrored ends."""
    padded = np.pad(np.asarray(waveform, "float64"), fft_size // 2, mode="reflect")
    window = np.sin(np.pi * np.arange(fft_size) / fft_size) ** 2
    starts = range(0, len(padded) - fft_size + 1, hop)
    frames = np.stack([padded[start : start + fft_size] for start in starts])
    return (np.abs(np.fft.rfft(frames * window)) ** 2 @ filters).T


def torchaudio_db(waveform: np.ndarray, num_bands: int) -> np.ndarray:
    """`MelSpectrogram(16000, n_fft=512)` and `AmplitudeToDB()` of torchaudio."""
    filters = mel_filter(16_000, 512, num_bands, htk=True, area_norm=False)
    return 10 * np.log10(np.maximum(mel_power(waveform, filters, 512, 256), 1e-10))


def librosa_amplitude_db(waveform: np.ndarray) -> np.ndarray:
    """`amplitude_to_db(melspectrogram(...), top_db=80)` at 12 kHz, as for FCN-4."""
    filters = mel_filter(12_000, 512, 96, htk=False, area_norm=True)
    power = mel_power(waveform, filters, 512, 256)
    return _limited(10 * np.log10(np.maximum(power**2, 1e-10)))


def librosa_natural_log(waveform: np.ndarray) -> np.ndarray:
    """`log(max(melspectrogram(...), 1e-20))` at 11 025 Hz: multi-scale CNN."""
    filters = mel_filter(11_025, 2048, 128, htk=False, area_norm=True)
    return np.log(np.maximum(mel_power(waveform, filters, 2048, 512), 1e-20))


def librosa_power_db(waveform: np.ndarray) -> np.ndarray:
    """`power_to_db(melspectrogram(...))` at 16 kHz with 96 bands, as for Pons."""
    filters = mel_filter(16_000, 2048, 96, htk=False, area_norm=True)
    power = mel_power(waveform, filters, 2048, 512)
    return _limited(10 * np.log10(np.maximum(power, 1e-10)))


def _limited(decibels: np.ndarray) -> np.ndarray:
    return np.maximum(decibels, decibels.max() - 80)


def _htk_mel(hz: float) -> float:
    return 2595 * math.log10(1 + hz / 700)


def _htk_hz(mel: float) -> float:
    return 700 * (10 ** (mel / 2595) - 1)


def _slaney_mel(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000, 6.4)


def _slaney_hz(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)
