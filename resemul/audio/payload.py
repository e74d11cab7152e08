"""What a file's decoder is fed, whatever tags stand around it."""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from resemul.errors import AudioError

if TYPE_CHECKING:
    import av

_VORBIS_SETUP_MARK = 2


def payload_digest(file: BinaryIO) -> str:
    """SHA-256 of all audio packets, their times, and what sets up their decoders.

    Two files of one digest decode to the same samples. Nothing is decoded.

    Args:
        file: open for reading, at any position.

    Raises:
        AudioError: FFmpeg finds no audio in it.
    """
    import av

    digest = hashlib.sha256()
    file.seek(0)
    try:
        with av.open(file, "r") as container:
            streams = container.streams.audio
            if not streams:
                raise AudioError("it holds no audio")
            for stream in streams:
                digest.update(_describe(stream))
            if not sum(_add(packet, digest) for packet in _packets(container)):
                raise AudioError("it holds no audio")
    except (av.FFmpegError, IndexError, OSError, ValueError) as error:
        raise AudioError(f"it cannot be read as audio: {error}") from error
    return digest.hexdigest()


def _packets(container: "av.container.InputContainer") -> "Iterator[av.Packet]":
    """All audio packets, up to where the file is broken, as it may be at its end.

    FFmpeg takes an ID3v1 tag behind WavPack for a broken block.
    """
    import av

    with suppress(av.error.InvalidDataError):
        yield from container.demux(*container.streams.audio)


def _add(packet: "av.Packet", digest: "hashlib._Hash") -> int:
    times = (packet.stream_index, packet.pts, packet.duration, packet.size)
    digest.update(repr(times).encode())
    digest.update(bytes(packet))
    return packet.size


def _describe(stream: "av.AudioStream") -> bytes:
    context = stream.codec_context
    setup = context.extradata or b""
    if context.name.startswith("vorbis"):
        setup = _without_comments(setup)
    numbers = (context.name, context.sample_rate, context.channels, stream.time_base)
    return repr(numbers).encode() + setup


def _without_comments(setup: bytes) -> bytes:
    """The first and the third of Vorbis' three headers; the second is the tag.

    They are laced as in Matroska: a count, then the first two sizes as sums of bytes.
    """
    if not setup or setup[0] != _VORBIS_SETUP_MARK:
        return b""
    sizes = []
    position = 1
    for _ in range(2):
        size = 0
        while setup[position] == 255:
            size += 255
            position += 1
        sizes.append(size + setup[position])
        position += 1
    first_end = position + sizes[0]
    return setup[position:first_end] + setup[first_end + sizes[1] :]
