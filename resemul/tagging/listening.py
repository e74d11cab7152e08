"""How a model hears a file: its segments, in pieces, and what is known at the end."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from resemul.audio.source import Source, source_name
from resemul.audio.stream import SILENCE_AMPLITUDE, Segment, segments_of, stream_blocks
from resemul.configs.audio import AudioConfig
from resemul.errors import AudioError

# Segments are handed on, and predicted, in pieces of about this many seconds: eight of
# 3 s, one of 29 s. More at once is not faster, and inside a model each second of
# sound takes megabytes.
PIECE_SECONDS = 24.0

# Points of an envelope in a second.
ENVELOPE_RATE = 10


@dataclass(frozen=True)
class Listening:
    """What models that hear a file in the same way have in common.

    `hop` is in samples; what is after `max_seconds` is not heard.
    """

    audio: AudioConfig
    num_samples: int
    hop: int
    tail: str = "anchor"
    with_envelope: bool = False
    max_seconds: float | None = None

    @property
    def piece_size(self) -> int:
        """Segments in a piece, at most."""
        seconds = self.num_samples / self.audio.sample_rate
        return max(1, int(PIECE_SECONDS / seconds))

    @property
    def share_heard(self) -> float:
        """Of a long file, the share that lies in some segment."""
        return min(1.0, (self.num_samples - 2 * self.audio.padding) / self.hop)


@dataclass(frozen=True, eq=False)
class Piece:
    """Some segments of a file that follow each other.

    `samples` is float32 `(segments, num_samples)`; `starts` and `ends` are in seconds.
    """

    samples: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True, eq=False)
class Heard:
    """What is known of a file at its end; `peak` is its largest absolute sample."""

    seconds: float
    peak: float
    is_short: bool
    envelope: np.ndarray | None = None

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing that could be tagged."""
        return self.peak < SILENCE_AMPLITUDE


def listen(source: Source, listening: Listening) -> Iterator[Piece | Heard]:
    """Decodes a file of any length: piece after piece, and `Heard` at the end.

    Raises:
        AudioError: the file cannot be read.
    """
    blocks = stream_blocks(source, listening.audio, max_seconds=listening.max_seconds)
    yield from listen_to_blocks(blocks, listening, source_name(source))


def listen_to_blocks(
    blocks: Iterable[np.ndarray], listening: Listening, name: str = "the audio"
) -> Iterator[Piece | Heard]:
    """`listen`, to a waveform `(n,)` at the model's rate that comes in blocks."""
    meter = _Meter(listening)
    is_short = False
    waiting: list[Segment] = []
    segments = segments_of(
        meter.watch(blocks),
        listening.audio,
        listening.num_samples,
        hop=listening.hop,
        tail=listening.tail,
    )
    for segment in segments:
        is_short |= segment.is_short
        if not meter.num_samples:
            raise AudioError(f"{name} holds no audio")
        waiting.append(segment)
        if len(waiting) == listening.piece_size:
            yield _join(waiting, listening.audio.sample_rate)
            waiting = []
    if waiting:
        yield _join(waiting, listening.audio.sample_rate)
    yield meter.heard(is_short)


def _join(segments: list[Segment], sample_rate: int) -> Piece:
    return Piece(
        np.stack([segment.samples for segment in segments]),
        np.array([segment.start_sample for segment in segments]) / sample_rate,
        np.array([segment.end_sample for segment in segments]) / sample_rate,
    )


class _Meter:
    """Measures what passes by."""

    def __init__(self, listening: Listening) -> None:
        self.num_samples = 0
        self._peak = 0.0
        self._rate = listening.audio.sample_rate
        self._size = self._rate // ENVELOPE_RATE
        self._rest = np.empty(0, "float32")
        self._envelope: list[np.ndarray] | None = None
        if listening.with_envelope:
            self._envelope = []

    def watch(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for block in blocks:
            self.num_samples += len(block)
            if len(block):
                self._peak = max(self._peak, float(np.abs(block).max()))
            if self._envelope is not None:
                self._rest = np.concatenate([self._rest, block])
                whole = len(self._rest) // self._size * self._size
                frames = self._rest[:whole].reshape(-1, self._size)
                self._rest = self._rest[whole:]
                self._envelope.append(np.stack([frames.min(1), frames.max(1)], axis=1))
            yield block

    def heard(self, is_short: bool) -> Heard:
        envelope = None
        if self._envelope is not None:
            if len(self._rest):
                last = np.array([[self._rest.min(), self._rest.max()]], "float32")
                self._envelope.append(last)
            envelope = np.concatenate(self._envelope)
        return Heard(self.num_samples / self._rate, self._peak, is_short, envelope)
