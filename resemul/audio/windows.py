"""The windows of a waveform that a model is shown, where it takes less than all."""

from collections.abc import Iterable, Iterator

import numpy as np

from resemul.audio.waveform import split_segments


def cut_windows(
    waveform: np.ndarray,
    num_samples: int,
    scheme: str = "segments",
    num_chunks: int = 16,
    seed: int = 0,
) -> np.ndarray:
    """Cuts windows `(windows, num_samples)` out of a waveform `(n,)`.

    Args:
        waveform: at least `num_samples` long; if it is no longer, it is the only
            window, whatever the scheme.
        num_samples: length of a window.
        scheme: `segments`, all whole ones side by side; `chunks`, `num_chunks` that
            begin at equal distances, as Won et al. (SMC 2020) score a clip; `centre`,
            the middle; `random`, one from anywhere.
        num_chunks: of `chunks`.
        seed: of `random`.

    Raises:
        ValueError: the waveform is shorter than a window, or there is no such scheme.
    """
    num_left = len(waveform) - num_samples
    if num_left < 0:
        raise ValueError(f"{len(waveform)} samples hold no window of {num_samples}")
    if scheme == "segments" or num_left == 0:
        return split_segments(waveform, num_samples)
    if scheme == "chunks":
        starts = np.arange(num_chunks) * (num_left // num_chunks)
    elif scheme == "centre":
        starts = np.array([num_left // 2])
    elif scheme == "random":
        starts = np.random.default_rng(seed).integers(num_left + 1, size=1)
    else:
        raise ValueError(f"there is no scheme {scheme!r}")
    return np.stack([waveform[start : start + num_samples] for start in starts])


def window_clips(
    clips: Iterable[tuple[np.ndarray, np.ndarray]],
    num_samples: int,
    scheme: str = "segments",
    num_chunks: int = 16,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cuts clips for a model that takes `num_samples`.

    Args:
        clips: pairs of segments `(segments, n)`, which follow each other, and labels.
        num_samples: as the rest, see `cut_windows`.
        scheme: the seed of a random window is the clip's place.
        num_chunks: of `chunks`.

    Yields:
        Pairs of windows `(windows, num_samples)` and labels.
    """
    for number, (segments, labels) in enumerate(clips):
        if segments.shape[1] == num_samples and scheme == "segments":
            yield segments, labels
            continue
        waveform = segments.reshape(-1)
        yield cut_windows(waveform, num_samples, scheme, num_chunks, number), labels
