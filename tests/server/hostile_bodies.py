"""Uploads that mean no good, or have come to harm: each by a name that says how."""

import gzip
import io
import struct
import zipfile

import av
import numpy as np

RATE = 16_000
# Suffix, container and codec of the files that are damaged below.
FORMATS = (
    ("wav", "wav", "pcm_s16le"),
    ("mp3", "mp3", "libmp3lame"),
    ("flac", "flac", "flac"),
    ("ogg", "ogg", "libopus"),
    ("m4a", "mp4", "aac"),
    ("webm", "webm", "libopus"),
    ("aiff", "aiff", "pcm_s16be"),
)
_TRUNCATIONS, _FLIPS = 8, 8


def encode(container, codec, samples, rate=RATE):
    """An audio file of float samples `(n,)`, as bytes."""
    file = io.BytesIO()
    rate = 48_000 if codec == "libopus" else rate
    steps = np.int16(np.clip(samples, -1, 1) * 32_767)[None]
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(steps, format="s16", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    return file.getvalue()


def riff(form, data, rate=RATE, channels=1, bits=16, kind=1, num_bytes=None):
    """A wav file whose header says what it is told to."""
    width = channels * bits // 8
    layout = struct.pack(
        "<HHIIHH",
        kind,
        channels,
        rate,
        rate * width & 0xFFFFFFFF,
        width & 0xFFFF,
        bits,
    )
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout
    size = len(data) if num_bytes is None else num_bytes
    chunks += b"data" + struct.pack("<I", size) + data
    return form + struct.pack("<I", (4 + len(chunks)) & 0xFFFFFFFF) + b"WAVE" + chunks


def bodies():
    """Name of a file, and its bytes; always the same."""
    return _damaged() | _liars() | _no_audio() | _references()


def _tone(seconds=0.6):
    time = np.arange(int(seconds * RATE)) / RATE
    return 0.3 * np.sin(2 * np.pi * 440 * time)


def _damaged():
    random = np.random.default_rng(0)
    made = {}
    for suffix, container, codec in FORMATS:
        whole = encode(container, codec, _tone())
        for i in range(_TRUNCATIONS):
            length = int(len(whole) * (i + 1) / (_TRUNCATIONS + 1)) if i else 12
            made[f"cut-{i}.{suffix}"] = whole[:length]
        for i in range(_FLIPS):
            data = np.frombuffer(whole, np.uint8).copy()
            # The first half of the cases is hit in the header, the others all over.
            end = 200 if i < _FLIPS // 2 else len(data)
            places = random.integers(0, end, 1 + 3 * i)
            data[places] ^= random.integers(1, 256, len(places), dtype=np.uint8)
            made[f"flipped-{i}.{suffix}"] = data.tobytes()
        made[f"tail-only.{suffix}"] = whole[len(whole) // 2 :]
        made[f"twice.{suffix}"] = whole + whole
    return made


def _liars():
    noise = np.random.default_rng(1).integers(-3_000, 3_000, 8_000, dtype=np.int16)
    data = noise.tobytes()
    bad = np.array([np.nan, np.inf, -np.inf, 1e30] * 2_000, "<f4").tobytes()
    flac = encode("flac", "flac", _tone())
    mp3 = encode("mp3", "libmp3lame", _tone())
    # In the first block of a FLAC file, 36 bits from byte 21 count the samples.
    hours = flac[:21] + bytes([flac[21] | 15]) + b"\xff" * 4 + flac[26:]
    silence = encode("flac", "flac", np.zeros(100 * 8_000), rate=8_000)
    picture = b"\x89PNG\r\n\x1a\n" + struct.pack(
        ">I4sIIBBBBB", 13, b"IHDR", 2**31 - 1, 2**31 - 1, 8, 6, 0, 0, 0
    )
    return {
        "1-hz.wav": riff(b"RIFF", data, rate=1),
        "384-khz.wav": riff(b"RIFF", data, rate=384_000),
        "4-ghz.wav": riff(b"RIFF", data, rate=2**32 - 1),
        "0-hz.wav": riff(b"RIFF", data, rate=0),
        "64-channels.wav": riff(b"RIFF", data, channels=64),
        "65535-channels.wav": riff(b"RIFF", data, channels=65_535),
        "0-channels.wav": riff(b"RIFF", data, channels=0),
        "8-bits.wav": riff(b"RIFF", data, bits=8),
        "24-bits.wav": riff(b"RIFF", data, bits=24),
        "13-bits.wav": riff(b"RIFF", data, bits=13),
        "no-numbers.wav": riff(b"RIFF", bad, bits=32, kind=3),
        "unknown-codec.wav": riff(b"RIFF", data, kind=0x7777),
        "mp3-inside.wav": riff(b"RIFF", mp3, kind=0x55),
        "header-only.wav": riff(b"RIFF", b""),
        "4-gb-said.wav": riff(b"RIFF", data, num_bytes=2**32 - 1),
        "none-said.wav": riff(b"RIFF", data, num_bytes=0),
        "rifx.wav": riff(b"RIFX", data),
        "100-s-of-silence.flac": silence,
        "days-said.flac": hours,
        "header-only.flac": flac[:42],
        "header-only.mp3": mp3[:4],
        "huge-tag.mp3": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + mp3,
        "huge-picture.mp3": _with_picture(picture + b"\0" * 50_000) + mp3,
        "many-frames.mp3": b"\xff\xfb\x90\x00" * 5_000,
        "only-zeros.wav": riff(b"RIFF", b"\0" * 16_000),
        "one-sample.wav": riff(b"RIFF", b"\1\0"),
        "half-a-sample.wav": riff(b"RIFF", b"\1"),
    }


def _with_picture(picture):
    frame = b"\0image/png\0\3\0" + picture
    content = b"APIC" + _synchsafe(len(frame)) + b"\0\0" + frame
    return b"ID3\4\0\0" + _synchsafe(len(content)) + content


def _synchsafe(number):
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def _no_audio():
    random = np.random.default_rng(2)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("song.wav", b"\0" * 5_000_000)
    made = {
        f"noise-{i}{suffix}": random.bytes(3_000)
        for i, suffix in enumerate(["", ".mp3", ".wav", ".flac", ".ogg", ".mp4", ".x"])
    }
    return made | {
        "empty.mp3": b"",
        "one-byte.wav": b"R",
        "zeros.mp3": b"\0" * 50_000,
        "ones.flac": b"\xff" * 50_000,
        "bomb.zip": archive.getvalue(),
        "bomb.gz": gzip.compress(b"\0" * 5_000_000),
        "text.mp3": b"This is no music. " * 500,
        "page.ogg": b"<!doctype html><script>alert(1)</script>",
        "entities.xml": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        "program.wav": b"\x7fELF\2\1\1" + bytes(500),
        "code.pkl": b"cos\nsystem\n(S'echo'\ntR.",
        "midi.mid": b"MThd\0\0\0\6\0\0\0\1\0`MTrk\0\0\0\4\0\xff/\0",
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    }


def _references():
    """Lists of other files, which a decoder might be talked into opening."""
    return {
        "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n/etc/passwd\n",
        "remote.m3u8": b"#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:1/song.ts\n",
        "list.mp3": b"ffconcat version 1.0\nfile '/etc/hostname'\n",
        "list.mpd": b"<MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>",
        "list.sdp": b"v=0\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
        "list.pls": b"[playlist]\nFile1=/etc/passwd\nNumberOfEntries=1\n",
    }
