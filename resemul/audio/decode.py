"""Decoding: one function per library, one contract.

The FFmpeg libraries decode, mix to one channel and resample in one go, in PyAV
as in the ffmpeg process that madmom starts. Mixing or resampling anywhere else
would give other samples than the published system saw.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resemul.constants import CLIP_SECONDS, SAMPLE_RATE
from resemul.errors import AudioError, ConfigError

if TYPE_CHECKING:
    import av


def decode_with_pyav(
    path: Path, sample_rate: int, max_seconds: float | None
) -> np.ndarray:
    """Decodes with the FFmpeg libraries inside PyAV; needs no ffmpeg program."""
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate)
    max_samples = None if max_seconds is None else int(max_seconds * sample_rate)
    chunks: list[np.ndarray] = []
    num_decoded = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise AudioError(f"{path} holds no audio")
            for frame in _frames(container):
                for resampled in resampler.resample(frame):
                    chunks.append(resampled.to_ndarray()[0])
                    num_decoded += resampled.samples
                if max_samples is not None and num_decoded >= max_samples:
                    break
            else:
                for resampled in resampler.resample(None):
                    chunks.append(resampled.to_ndarray()[0])
    except (av.FFmpegError, OSError, ValueError) as error:
        raise AudioError(f"{path} cannot be read as audio: {error}") from error
    if not chunks:
        raise AudioError(f"{path} holds no audio that can be decoded")
    return np.concatenate(chunks)[:max_samples]


def _frames(container: "av.container.InputContainer") -> "Iterator[av.AudioFrame]":
    """Yields the decoded frames; broken packets are passed over, as ffmpeg does."""
    import av

    for packet in container.demux(audio=0):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def decode_with_madmom(
    path: Path, sample_rate: int, max_seconds: float | None
) -> np.ndarray:
    """Decodes as the published system did: madmom 0.16.1 and an ffmpeg process."""
    from resemul.audio.madmom_compat import import_madmom

    madmom = import_madmom()
    try:
        decoded = madmom.audio.signal.Signal(
            str(path),
            sample_rate=sample_rate,
            num_channels=1,
            dtype=np.float32,
            stop=max_seconds,
        )
    except (madmom.io.audio.LoadAudioFileError, OSError, ValueError) as error:
        raise AudioError(f"{path} cannot be read by madmom: {error}") from error
    if not len(decoded):
        raise AudioError(f"{path} holds no audio that can be decoded")
    return np.asarray(decoded)


DECODERS: dict[str, Callable[[Path, int, float | None], np.ndarray]] = {
    "pyav": decode_with_pyav,
    "madmom": decode_with_madmom,
}


def load_waveform(
    path: Path,
    sample_rate: int = SAMPLE_RATE,
    max_seconds: float | None = CLIP_SECONDS,
    decoder: str = "pyav",
) -> np.ndarray:
    """Reads the beginning of an audio file.

    Args:
        path: any format that FFmpeg reads; all channels are mixed to one.
        sample_rate: Hz, of the result.
        max_seconds: how much to read at most; None reads to the end.
        decoder: a key of `DECODERS`.

    Returns:
        float32 `(n,)`, in [-1, 1] but for the overshoot of lossy formats and for
        loud stereo: FFmpeg mixes it as (left + right) / sqrt(2).

    Raises:
        AudioError: the file is missing, empty, or no audio can be decoded.
    """
    if decoder not in DECODERS:
        raise ConfigError(
            f"decoder must be one of {', '.join(DECODERS)}, got {decoder!r}"
        )
    path = Path(path)
    if path.is_dir():
        raise AudioError(f"{path} is a folder, not an audio file")
    if not path.exists():
        raise AudioError(f"{path} does not exist")
    if path.stat().st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes)")
    waveform = DECODERS[decoder](path, sample_rate, max_seconds)
    if not np.isfinite(waveform).all():
        raise AudioError(f"{path} decodes to samples that are not finite numbers")
    return waveform
