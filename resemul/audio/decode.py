"""Decoding: one function per library, one contract.

The FFmpeg libraries decode, mix to one channel and resample in one go, in PyAV
as in the ffmpeg process that madmom starts. Mixing or resampling anywhere else
would give other samples than the published system saw.
"""

import os
from collections.abc import Callable

import numpy as np

from resemul.audio.frames import MAX_AMPLITUDE
from resemul.audio.source import Source, open_source, source_name
from resemul.audio.stream import stream_blocks
from resemul.configs.audio import AudioConfig
from resemul.constants import CLIP_SECONDS, SAMPLE_RATE
from resemul.errors import AudioError, ConfigError


def decode_with_pyav(
    source: Source, audio: AudioConfig, max_seconds: float | None
) -> np.ndarray:
    """Decodes with the FFmpeg libraries inside PyAV; needs no ffmpeg program."""
    blocks = list(stream_blocks(source, audio, max_seconds=max_seconds))
    waveform = np.empty(sum(map(len, blocks)), "float32")
    # The last first, each freed as soon as it is copied: a long file is held once.
    end = len(waveform)
    while blocks:
        block = blocks.pop()
        waveform[end - len(block) : end] = block
        end -= len(block)
    return waveform


def decode_with_madmom(
    source: Source, audio: AudioConfig, max_seconds: float | None
) -> np.ndarray:
    """Decodes as the published system did: madmom 0.16.1 and an ffmpeg process."""
    from resemul.audio.madmom_compat import import_madmom

    name = source_name(source)
    if (audio.mix, audio.resampler) != ("ffmpeg", "swr"):
        raise ConfigError(
            "the madmom decoder mixes and resamples as FFmpeg does by default, not "
            f"by mix {audio.mix!r} and resampler {audio.resampler!r}; use pyav"
        )
    if not isinstance(source, str | os.PathLike):
        raise ConfigError(f"the madmom decoder reads files, not {name}; use pyav")
    madmom = import_madmom()
    try:
        with open_source(source):
            decoded = madmom.audio.signal.Signal(
                os.fspath(source),
                sample_rate=audio.sample_rate,
                num_channels=1,
                dtype=np.float32,
                stop=max_seconds,
            )
    except (madmom.io.audio.LoadAudioFileError, OSError, ValueError) as error:
        raise AudioError(f"{name} cannot be read by madmom: {error}") from error
    if not len(decoded):
        raise AudioError(f"{name} holds no audio that can be decoded")
    return np.asarray(decoded)


DECODERS: dict[str, Callable[[Source, AudioConfig, float | None], np.ndarray]] = {
    "pyav": decode_with_pyav,
    "madmom": decode_with_madmom,
}


def load_waveform(
    source: Source,
    sample_rate: int = SAMPLE_RATE,
    max_seconds: float | None = CLIP_SECONDS,
    decoder: str = "pyav",
    *,
    mix: str = "ffmpeg",
    resampler: str = "swr",
) -> np.ndarray:
    """Reads the beginning of an audio file.

    Examples:
        >>> waveform = load_waveform("song.wav", sample_rate=16_000)
        >>> waveform.dtype, waveform.shape  # three seconds
        (dtype('float32'), (48000,))

    Args:
        source: a path, bytes, or an open file; any format that FFmpeg reads.
        sample_rate: Hz, of the result.
        max_seconds: how much to read at most, by default what the published system
            reads of a clip; None reads to the end.
        decoder: a key of `DECODERS`.
        mix: how channels become one, see `AudioConfig`.
        resampler: see `AudioConfig`.

    Returns:
        float32 `(n,)`, in [-1, 1] but for the overshoot of lossy formats and for
        loud stereo, if it is mixed as FFmpeg does: (left + right) / sqrt(2).

    Raises:
        AudioError: the file is missing, empty, or no audio can be decoded.
        ConfigError: an option has no such value.
    """
    if decoder not in DECODERS:
        raise ConfigError(
            f"decoder must be one of {', '.join(DECODERS)}, got {decoder!r}"
        )
    audio = AudioConfig(sample_rate, mix, resampler)
    waveform = DECODERS[decoder](source, audio, max_seconds)
    if len(waveform) and not np.abs(waveform).max() <= MAX_AMPLITUDE:
        raise AudioError(
            f"{source_name(source)} decodes to samples that are not finite numbers, "
            "or far beyond full scale"
        )
    return waveform
