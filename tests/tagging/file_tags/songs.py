"""Songs in every container, made with PyAV; a second of two tones."""

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

# Ending: container and codec of FFmpeg.
CONTAINERS = {
    "mp3": ("mp3", "libmp3lame"),
    "flac": ("flac", "flac"),
    "ogg": ("ogg", "vorbis"),
    "opus": ("opus", "libopus"),
    "oga": ("oga", "flac"),
    "m4a": ("ipod", "aac"),
    "wav": ("wav", "pcm_s16le"),
    "aiff": ("aiff", "pcm_s16be"),
    "wma": ("asf", "wmav2"),
    "wv": ("wv", "wavpack"),
}
_RATE = 48_000


def make_song(path: Path, seconds: float = 0.5, **options: str) -> Path:
    """Writes a song; its ending says which container."""
    container_name, codec = CONTAINERS[path.suffix[1:]]
    time = np.arange(int(seconds * _RATE)) / _RATE
    sound = np.stack([np.sin(2 * np.pi * hz * time) for hz in (440, 660)])
    sound = (0.3 * sound).astype("float32")
    with av.open(str(path), "w", format=container_name, options=options) as container:
        stream = container.add_stream(codec, rate=_RATE)
        stream.codec_context.layout = "stereo"
        stream.codec_context.bit_rate = 128_000
        if codec == "vorbis":
            stream.codec_context.options = {"strict": "experimental"}
        resampler = av.AudioResampler(
            stream.codec_context.format or "fltp",
            "stereo",
            _RATE,
            frame_size=stream.codec_context.frame_size or 1024,
        )
        frame = av.AudioFrame.from_ndarray(sound, "fltp", "stereo")
        frame.sample_rate, frame.time_base = _RATE, Fraction(1, _RATE)
        frame.pts = 0
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            # The last packet of FLAC is empty: it only says how long the song was.
            container.mux([packet for packet in stream.encode(piece) if packet.size])
    return path


def decode(path: Path) -> np.ndarray:
    """The samples of a song, as FFmpeg decodes them."""
    with av.open(str(path)) as container:
        frames = []
        # FFmpeg takes an ID3v1 tag behind WavPack for a broken block.
        with suppress(av.error.InvalidDataError):
            frames.extend(f.to_ndarray() for f in container.decode(audio=0))
    return np.concatenate(frames, axis=-1)
