"""Audio that is stored as arrays: .npz files with `array`, `sr` and, perhaps, `split`.

The original keeps its decoded previews so. Nothing is unpickled, and no array is
larger than a bound, whatever a few compressed bytes claim.
"""

import zipfile
from pathlib import Path

import numpy as np

from resemul.audio.resample import convert_array
from resemul.configs.audio import AudioConfig
from resemul.errors import AudioError

SUFFIX = ".npz"
AUDIO, RATE = "array", "sr"
# Of one array: half an hour of stereo at 44.1 kHz.
MAX_BYTES = 2**30


def read_stored(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The arrays of these names that there are.

    Raises:
        AudioError: it is no .npz file, or an array is too large.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            if not isinstance(stored, np.lib.npyio.NpzFile):
                raise ValueError("it is a single array")
            found = [name for name in names if name in stored.files]
            for name in found:
                _require_size(stored.zip, f"{name}.npy")
            return {name: stored[name] for name in found}
    except Exception as error:  # zipfile and zlib have errors of their own
        raise AudioError(f"{path} holds no stored audio: {error}") from error


def load_stored_waveform(
    path: Path, audio: AudioConfig, max_seconds: float | None = None
) -> np.ndarray:
    """Mixes and resamples what is stored, float32 `(n,)`.

    Raises:
        AudioError: there is none, or it is too large.
    """
    stored = read_stored(path, (AUDIO, RATE))
    if stored.keys() != {AUDIO, RATE}:
        raise AudioError(f"{path} holds no stored audio: it lacks {AUDIO} or {RATE}")
    try:
        sample_rate = int(stored[RATE])
    except (TypeError, ValueError) as error:
        raise AudioError(f"{path} holds no stored audio: {RATE}: {error}") from error
    try:
        waveform = convert_array(stored[AUDIO], sample_rate, audio)
    except (AudioError, TypeError, ValueError) as error:
        raise AudioError(f"{path}: {error}") from error
    stop = None if max_seconds is None else int(max_seconds * audio.sample_rate)
    return waveform[:stop]


def load_mean(path: Path) -> tuple[np.ndarray, int]:
    """The mean of the channels at their own rate, float32 `(n,)`, and that rate.

    Raises:
        AudioError: as `load_stored_waveform`.
    """
    stored = read_stored(path, (RATE,))
    try:
        sample_rate = int(stored[RATE])
        audio = AudioConfig(sample_rate, mix="mean")
    except (KeyError, TypeError, ValueError) as error:
        raise AudioError(f"{path} holds no stored audio: {RATE}: {error}") from error
    return load_stored_waveform(path, audio), sample_rate


def _require_size(archive: zipfile.ZipFile | None, name: str) -> None:
    assert archive is not None  # it is open
    num_bytes = archive.getinfo(name).file_size
    if num_bytes > MAX_BYTES:
        raise ValueError(f"{name} has {num_bytes:,} bytes, more than {MAX_BYTES:,}")
