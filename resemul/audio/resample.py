"""Arrays in, the waveform that a model takes out."""

import numpy as np

from resemul.audio.converter import Converter
from resemul.audio.frames import MAX_AMPLITUDE
from resemul.configs.audio import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, AudioConfig
from resemul.errors import AudioError

# Samples of a channel that go to FFmpeg at once.
_FRAME_SAMPLES = 2**16

# FFmpeg's names of so many channels.
_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}


def convert_array(
    waveform: np.ndarray, sample_rate: int, audio: AudioConfig
) -> np.ndarray:
    """Mixes and resamples a waveform as a file of it would be.

    Args:
        waveform: `(n,)`, or two-dimensional with the channels along the shorter axis;
            floats in [-1, 1], or integers of full scale.
        sample_rate: its rate, in Hz.
        audio: what the model takes.

    Returns:
        float32 `(samples,)`.

    Raises:
        AudioError: it is empty, has another shape, or is not finite.
    """
    channels = _channels_of(np.asarray(waveform))
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise AudioError(
            f"the rate of an array must be {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz, "
            f"got {sample_rate}"
        )
    if not np.abs(channels).max() <= MAX_AMPLITUDE:
        raise AudioError("the array holds samples that are not finite, or far too loud")
    if len(channels) == 1 and sample_rate == audio.sample_rate:
        return channels[0]
    if audio.mix == "mean" or len(channels) not in _LAYOUTS:
        channels = channels.mean(axis=0, keepdims=True)
    return _resample(channels, sample_rate, audio)


def _channels_of(waveform: np.ndarray) -> np.ndarray:
    """float32 `(channels, n)`."""
    if waveform.ndim not in (1, 2) or not waveform.size:
        raise AudioError(
            f"an array must be (n,) or (n, channels), and not empty, got the shape "
            f"{waveform.shape}"
        )
    if np.issubdtype(waveform.dtype, np.integer):
        info = np.iinfo(waveform.dtype)
        middle = 0 if info.min else info.max // 2 + 1
        half_range = float(info.max // 2 + 1) if info.min == 0 else -float(info.min)
        waveform = (waveform.astype("float64") - middle) / half_range
    if waveform.ndim == 2 and waveform.shape[0] > waveform.shape[1]:
        waveform = waveform.T
    return np.ascontiguousarray(np.atleast_2d(waveform), dtype="float32")


def _resample(channels: np.ndarray, sample_rate: int, audio: AudioConfig) -> np.ndarray:
    import av

    frames = []
    for start in range(0, channels.shape[1], _FRAME_SAMPLES):
        part = np.ascontiguousarray(channels[:, start : start + _FRAME_SAMPLES])
        frame = av.AudioFrame.from_ndarray(part, "fltp", _LAYOUTS[len(channels)])
        frame.sample_rate = sample_rate
        frames.append(frame)
    converter = Converter(frames[0], audio)
    return np.concatenate(converter.convert([*frames, None]))
