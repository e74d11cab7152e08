"""Small audio files, written by PyAV."""

import io
import struct
import wave

import numpy as np


def encode(
    num_channels=1,
    rate=16_000,
    seconds=3.0,
    codec="libmp3lame",
    container="mp3",
    title=None,
):
    """A file with a tone of 440 Hz, and on a second channel one of 1,000 Hz."""
    import av

    time = np.arange(int(seconds * rate)) / rate
    tones = [0.4 * np.sin(2 * np.pi * hz * time) for hz in (440, 1_000)]
    samples = np.array(tones[:num_channels], "float32")
    layout = "mono" if num_channels == 1 else "stereo"
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        if title:
            output.metadata["title"] = title
        sample_format = "s16" if codec == "flac" else "fltp"
        stream = output.add_stream(
            codec, rate=rate, layout=layout, format=sample_format
        )
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate = rate
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def write_wav(samples, rate=16_000):
    """A wav file of 16-bit samples: int16 `(n,)` or `(n, channels)`."""
    samples = np.asarray(samples, "<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.tobytes())
    return file.getvalue()


def write_float_wav(samples, rate=16_000):
    """A mono wav file of 32-bit floats."""
    data = np.asarray(samples, "<f4").tobytes()
    header = struct.pack("<HHIIHH", 3, 1, rate, 4 * rate, 4, 32)
    chunks = b"fmt " + struct.pack("<I", len(header)) + header
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
