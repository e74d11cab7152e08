"""Segments of waveforms that are in memory; also for worker processes.

Imports nothing heavy: a worker that decodes should start in a moment.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from resemul.audio.decode import load_waveform
from resemul.audio.source import source_name
from resemul.audio.stored import SUFFIX, load_stored_waveform
from resemul.configs import BuildConfig
from resemul.errors import AudioError


def split_segments(waveform: np.ndarray, num_samples: int) -> np.ndarray:
    """Splits a waveform `(n,)` into segments `(n // num_samples, num_samples)`.

    A spectrogram `(bands, n)` is split in the same way, along its time. Segments do
    not overlap; what is left at the end is dropped. The result is a view.
    """
    num_segments = waveform.shape[-1] // num_samples
    whole = waveform[..., : num_segments * num_samples]
    segments = whole.reshape(*waveform.shape[:-1], num_segments, num_samples)
    return np.moveaxis(segments, -2, 0)


# Of a segment, from one of `chunks` to the next.
_LEAST_STRIDE = 0.01


def choose_segments(
    waveform: np.ndarray,
    num_samples: int,
    scheme: str = "segments",
    num_chunks: int = 16,
    seed: int = 0,
) -> np.ndarray:
    """Returns some segments `(segments, num_samples)` of a waveform `(n,)`.

    Of a spectrogram `(bands, n)` it returns `(segments, bands, num_samples)`.

    Args:
        waveform: at least `num_samples` long; if it is no longer, it is the only
            segment, whatever the scheme.
        num_samples: length of a segment.
        scheme: `segments`, all whole ones side by side; `chunks`, `num_chunks` that
            begin at equal distances, as Won et al. (SMC 2020) score a clip, but one
            where that is less than a hundredth of a segment; `centre`, the middle;
            `random`, one from anywhere.
        num_chunks: of `chunks`.
        seed: of `random`.

    Raises:
        ValueError: the waveform is shorter than a segment, or there is no such scheme.
    """
    length = waveform.shape[-1]
    num_left = length - num_samples
    if num_left < 0:
        raise ValueError(f"{length} samples hold no segment of {num_samples}")
    if scheme == "segments" or num_left == 0:
        return split_segments(waveform, num_samples)
    if scheme == "chunks":
        stride = num_left // num_chunks
        # Of a clip hardly longer than a segment they would all be the same one.
        is_one = stride < num_samples * _LEAST_STRIDE
        starts = np.array([0]) if is_one else np.arange(num_chunks) * stride
    elif scheme == "centre":
        starts = np.array([num_left // 2])
    elif scheme == "random":
        starts = np.random.default_rng(seed).integers(num_left + 1, size=1)
    else:
        raise ValueError(f"there is no scheme {scheme!r}")
    return np.stack([waveform[..., start : start + num_samples] for start in starts])


def segment_clips(
    clips: Iterable[tuple[np.ndarray, np.ndarray]],
    num_samples: int,
    scheme: str = "segments",
    num_chunks: int = 16,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Chooses the segments of clips for a model that takes `num_samples`.

    Args:
        clips: pairs of segments `(segments, n)`, which follow each other, and labels;
            or of pieces `(pieces, bands, n)` of a spectrogram. A clip that is too short
            is filled with silence: zeros, or a spectrogram's lowest value.
        num_samples: as the rest, see `choose_segments`.
        scheme: the seed of a random segment is the clip's place.
        num_chunks: of `chunks`.

    Yields:
        Pairs of segments `(segments, num_samples)` and labels.
    """
    for number, (segments, labels) in enumerate(clips):
        if segments.shape[-1] == num_samples and scheme == "segments":
            yield segments, labels
            continue
        waveform = _fill(np.concatenate(segments, axis=-1), num_samples)
        yield choose_segments(waveform, num_samples, scheme, num_chunks, number), labels


def _fill(audio: np.ndarray, num_samples: int) -> np.ndarray:
    missing = num_samples - audio.shape[-1]
    if missing <= 0:
        return audio
    silence = audio.min() if audio.ndim > 1 else 0.0
    after = [(0, 0)] * (audio.ndim - 1) + [(0, missing)]
    return np.pad(audio, after, constant_values=silence)


@dataclass(frozen=True)
class Clip:
    """The segments of a file, float32 `(segments, num_samples)`.

    `padded_from` is the length of the audio in seconds if that is less than a segment,
    which silence then fills; else None.
    """

    segments: np.ndarray
    padded_from: float | None = None


def load_for_records(path: Path, config: BuildConfig) -> np.ndarray:
    """Decodes a file as a build does, or takes stored arrays (.npz); float32 `(n,)`.

    Raises:
        AudioError: it cannot be decoded.
    """
    if path.suffix == SUFFIX:
        return load_stored_waveform(path, config.audio, config.clip_seconds)
    return load_waveform(
        path,
        config.sample_rate,
        config.clip_seconds,
        config.decoder,
        mix=config.mix,
        resampler=config.resampler,
    )


def load_clip(path: Path, config: BuildConfig) -> Clip:
    """Decodes an audio file and cuts it.

    Raises:
        AudioError: it cannot be decoded, has fewer than `min_segments`, or needs more
            memory than there is.
    """
    try:
        return cut_clip(load_for_records(path, config), path, config)
    except MemoryError as error:
        raise AudioError(
            f"{source_name(path)} needs more memory than there is"
        ) from error


def cut_clip(waveform: np.ndarray, path: Path, config: BuildConfig) -> Clip:
    """Cuts the waveform `(n,)` of a file; one that is too short is an `AudioError`."""
    segments = split_segments(waveform, config.num_samples)
    seconds = len(waveform) / config.sample_rate
    if len(segments) < config.min_segments:
        needed = config.min_segments * config.num_samples / config.sample_rate
        raise AudioError(
            f"{source_name(path)} is too short: {seconds:.2f} s, {needed:.2f} s needed"
        )
    if not len(segments):
        padded = np.pad(waveform, (0, config.num_samples - len(waveform)))
        return Clip(padded[None], round(seconds, 2))
    return Clip(segments)


def load_segments(path: Path, config: BuildConfig) -> np.ndarray:
    """The segments of a clip, for worker processes that hand them on."""
    return load_clip(path, config).segments


def count_segments(path: Path, config: BuildConfig) -> tuple[int, float | None] | str:
    """Number of segments of a file and its `padded_from`, or why it has none."""
    try:
        clip = load_clip(path, config)
    except AudioError as error:
        return str(error)
    return len(clip.segments), clip.padded_from
