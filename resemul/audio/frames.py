"""An open file in, decoded pieces out: packets, frames, one format after another."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from resemul.audio.converter import (
    Converter,
    PlainConverter,
    format_of,
    make_converter,
)
from resemul.configs.audio import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, AudioConfig
from resemul.errors import AudioError

if TYPE_CHECKING:
    import av
    import av.container

# Full scale is 1. Sixteen bit integers that were stored as floats reach 32,768; what
# is larger is no sound, and its square would leave the range of float32.
MAX_AMPLITUDE = 65_536.0

# Frames are converted in groups of about this many samples of the file: few enough
# that the arrays of a group are not handed back to the system after each.
_SAMPLES_AT_ONCE = 2**14


def decode_pieces(
    file: BinaryIO, name: str, audio: AudioConfig
) -> Iterator[np.ndarray]:
    """Yields float32 `(n,)` of any length but 0; raises `AudioError` if there is none.

    What is not finite or beyond `MAX_AMPLITUDE` is an error in a format that stores
    samples; in a lossy one it is a damaged packet, which costs only itself.
    """
    import av

    num_decoded = 0
    # No protocol: a playlist that calls itself a song must not open other files.
    options = {"protocol_whitelist": "none"}
    with av.open(file, "r", options=options, **_any_text(av.__version__)) as container:
        codec = _codec_of(container, name)
        is_lossy = not codec.name.startswith("pcm_")
        for pieces in _convert(_frames(container), audio):
            if not all(map(_is_sound, pieces)):
                if not is_lossy:
                    raise AudioError(
                        f"{name} holds samples that are not finite numbers, or far "
                        "beyond full scale"
                    )
                pieces = [piece for piece in pieces if _is_sound(piece)]
            for piece in pieces:
                num_decoded += len(piece)
                yield piece
    if not num_decoded:
        raise AudioError(f"{name} holds no audio that can be decoded")


def _any_text(version: str) -> dict[str, Any]:
    """Tags that are not Unicode are no error: PyAV before 19 has to be told."""
    return {"metadata_errors": "replace"} if int(version.split(".")[0]) < 19 else {}


def _is_sound(samples: np.ndarray) -> bool:
    return bool(np.abs(samples).max() <= MAX_AMPLITUDE)  # not so for NaN


def _codec_of(container: "av.container.InputContainer", name: str) -> Any:
    if not container.streams.audio:
        raise AudioError(f"{name} holds no audio")
    codec = container.streams.audio[0].codec_context
    if codec is None:
        raise AudioError(f"{name} holds audio of no format that FFmpeg can decode")
    _check_rate(codec.sample_rate, name)
    return codec


def _check_rate(rate: int, name: str) -> None:
    """Refuses a damaged header; 0 is one that does not say."""
    if rate and not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise AudioError(
            f"{name} claims a sample rate of {rate:,} Hz; {MIN_SAMPLE_RATE:,} to "
            f"{MAX_SAMPLE_RATE:,} Hz can be read"
        )


def _convert(
    frames: "Iterator[av.AudioFrame]", audio: AudioConfig
) -> Iterator[list[np.ndarray]]:
    """Mixes and resamples; a frame of another format gets another converter."""
    converter: Converter | PlainConverter | None = None
    waiting: list[Any] = []
    num_waiting = 0
    for frame in frames:
        if converter is None or converter.format != format_of(frame):
            if converter is not None:
                yield converter.convert([*waiting, None])
            converter, waiting, num_waiting = make_converter(frame, audio), [], 0
        waiting.append(frame)
        num_waiting += frame.samples
        if num_waiting >= _SAMPLES_AT_ONCE:
            yield converter.convert(waiting)
            waiting, num_waiting = [], 0
    if converter is not None:
        yield converter.convert([*waiting, None])


def _frames(container: "av.container.InputContainer") -> Iterator[Any]:
    """Yields the decoded frames; damaged packets are passed over, as ffmpeg does."""
    import av

    for packet in _packets(container):
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            continue
        for frame in frames:
            is_possible = MIN_SAMPLE_RATE <= frame.sample_rate <= MAX_SAMPLE_RATE
            if is_possible and frame.samples:
                yield frame


def _packets(container: "av.container.InputContainer") -> Iterator[Any]:
    """Yields the packets of the first audio stream, and one that ends it.

    Where the container itself is damaged, the file ends.
    """
    import av

    packets = container.demux(audio=0)
    num_packets = 0
    while True:
        try:
            packet = next(packets, None)
        except (av.error.InvalidDataError, av.error.EOFError):
            if not num_packets:
                raise
            yield _last_packet(container)
            return
        if packet is None:
            return
        num_packets += 1
        yield packet


def _last_packet(container: "av.container.InputContainer") -> "av.Packet":
    """An empty one, upon which the decoder gives what it still holds."""
    import av

    packet: av.Packet = av.Packet()
    packet.stream = container.streams.audio[0]
    return packet
