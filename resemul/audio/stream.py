"""Files of any length, block by block or segment by segment, in bounded memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from resemul.audio.frames import decode_pieces
from resemul.audio.source import Source, open_source, reason_of, source_name
from resemul.configs.audio import AudioConfig
from resemul.errors import AudioError

# Seconds. A block of this length is a few hundred kilobytes.
BLOCK_SECONDS = 10.0

# -80 dB of full scale, the last bits of a 16-bit file. Below it there is nothing that
# could be tagged.
SILENCE_AMPLITUDE = 1e-4


@dataclass(frozen=True)
class Segment:
    """What a model takes at once, and where in the file it lies.

    `samples` is float32 `(num_samples,)`. `start_sample` and `end_sample` count
    samples of the file at the model's rate; what a segment shares with the padding,
    or with the neighbours because of it, lies outside.
    """

    start_sample: int
    end_sample: int
    samples: np.ndarray
    # The file is shorter than a segment, which was filled up by `AudioConfig.short`.
    is_short: bool = False


def is_silent(samples: np.ndarray) -> bool:
    """Whether no sample reaches -80 dB of full scale."""
    return not len(samples) or bool(np.abs(samples).max() < SILENCE_AMPLITUDE)


def stream_blocks(
    source: Source,
    audio: AudioConfig,
    *,
    block_seconds: float = BLOCK_SECONDS,
    max_seconds: float | None = None,
    start_seconds: float = 0.0,
) -> Iterator[np.ndarray]:
    """Decodes a file of any length block by block.

    A file may change its format inside, as joined files do; a damaged packet costs
    only itself.

    Args:
        source: a path, bytes, or an open file; any format that FFmpeg reads.
        audio: rate, mix and resampler of the result.
        block_seconds: length of a block; the last may be shorter.
        max_seconds: how much to read at most; None reads to the end.
        start_seconds: what to pass over before.

    Yields:
        float32 `(n,)`, in [-1, 1] but for the overshoot of lossy formats and, if
        `audio.mix` is `ffmpeg`, for loud stereo: it is (left + right) / sqrt(2).

    Raises:
        AudioError: the file is missing, empty, or no audio can be decoded.
    """
    import av

    name = source_name(source)
    start = int(start_seconds * audio.sample_rate)
    stop = None if max_seconds is None else start + int(max_seconds * audio.sample_rate)
    size = max(1, int(block_seconds * audio.sample_rate))
    try:
        with open_source(source) as file:
            pieces = _between(decode_pieces(file, name, audio), start, stop)
            yield from _in_blocks(pieces, size)
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        reason = _reason(error)
        raise AudioError(f"{name} cannot be read as audio: {reason}") from error


def stream_segments(
    source: Source,
    audio: AudioConfig,
    num_samples: int,
    *,
    hop: int | None = None,
    tail: str = "anchor",
    max_seconds: float | None = None,
    start_seconds: float = 0.0,
) -> Iterator[Segment]:
    """Decodes a file of any length segment by segment.

    Args:
        source: a path, bytes, or an open file; any format that FFmpeg reads.
        audio: how it is loaded.
        num_samples: length of a segment.
        hop: samples from one segment to the next; None takes that of `audio`, which
            by default is a segment.
        tail: what becomes of the samples after the last whole segment: `anchor`, one
            more segment, that ends where the file ends; `drop`, nothing.
        max_seconds: how much to read at most; None reads to the end.
        start_seconds: what to pass over before.

    Raises:
        AudioError: the file is missing, empty, or no audio can be decoded.
    """
    blocks = stream_blocks(
        source, audio, max_seconds=max_seconds, start_seconds=start_seconds
    )
    yield from segments_of(blocks, audio, num_samples, hop=hop, tail=tail)


def segments_of(
    blocks: Iterable[np.ndarray],
    audio: AudioConfig,
    num_samples: int,
    *,
    hop: int | None = None,
    tail: str = "anchor",
) -> Iterator[Segment]:
    """Cuts a waveform that comes in blocks `(n,)`; see `stream_segments`."""
    hop = hop or audio.hop or num_samples
    padding = np.zeros(audio.padding, "float32")
    held, held_from, start = padding, 0, 0
    for block in blocks:
        held = np.concatenate([held, block])
        while start + num_samples <= held_from + len(held):
            yield _cut(held, held_from, start, num_samples, audio.padding)
            start += hop
        # What the next segment needs, and one that is anchored to the end.
        total = held_from + len(held)
        keep_from = max(held_from, min(start, total - num_samples))
        held, held_from = held[keep_from - held_from :], keep_from
    num_file = held_from + len(held) - audio.padding
    held = np.concatenate([held, padding])
    total = num_file + 2 * audio.padding
    while start + num_samples <= total:
        yield _cut(held, held_from, start, num_samples, audio.padding)
        start += hop
    if total < num_samples:
        yield _fill(held[audio.padding :][:num_file], audio, num_samples)
    elif tail == "anchor" and start - hop + num_samples < total:
        yield _cut(held, held_from, total - num_samples, num_samples, audio.padding)


def _cut(
    held: np.ndarray, held_from: int, start: int, num_samples: int, padding: int
) -> Segment:
    """The segment that begins at `start`, counted from the padding before the file."""
    samples = held[start - held_from : start - held_from + num_samples]
    return Segment(start, start + num_samples - 2 * padding, samples)


def _fill(waveform: np.ndarray, audio: AudioConfig, num_samples: int) -> Segment:
    """The one segment of a file that is shorter than it."""
    length = num_samples - 2 * audio.padding
    if audio.short == "repeat":
        filled = np.resize(waveform, length)
    else:
        filled = np.pad(waveform, (0, length - len(waveform)))
    samples = np.pad(filled, audio.padding)
    return Segment(0, len(waveform), samples, is_short=True)


def _in_blocks(pieces: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    held: list[np.ndarray] = []
    num_held = 0
    for piece in pieces:
        held.append(piece)
        num_held += len(piece)
        while num_held >= size:
            joined = np.concatenate(held)
            yield joined[:size]
            held, num_held = [joined[size:]], num_held - size
    if num_held:
        yield np.concatenate(held)


def _between(
    pieces: Iterator[np.ndarray], start: int, stop: int | None
) -> Iterator[np.ndarray]:
    position = 0
    for piece in pieces:
        end = position + len(piece)
        if end > start:
            last = None if stop is None else max(0, stop - position)
            yield piece[max(0, start - position) : last]
        position = end
        if stop is not None and position >= stop:
            return


def _reason(error: Exception) -> str:
    import av

    if isinstance(error, av.error.InvalidDataError):
        return "it is damaged, or of no format that FFmpeg knows"
    return reason_of(error)
