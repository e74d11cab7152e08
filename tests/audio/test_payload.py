import io
import struct

import numpy as np
import pytest

from resemul.audio.encode import encode_mp3
from resemul.audio.payload import payload_digest
from resemul.errors import AudioError


@pytest.fixture(scope="module")
def mp3():
    sound = np.sin(np.arange(8_000) / 5).astype("float32")
    return encode_mp3(sound, 16_000, 64_000)


def id3(size: int) -> bytes:
    return b"ID3\4\0\0" + bytes(size >> s & 0x7F for s in (21, 14, 7, 0)) + bytes(size)


def test_tags_do_not_count(mp3):
    plain = payload_digest(io.BytesIO(mp3))
    assert payload_digest(io.BytesIO(id3(5_000) + mp3)) == plain
    assert payload_digest(io.BytesIO(mp3 + b"TAG" + bytes(125))) == plain


def test_audio_counts(mp3):
    other = bytearray(mp3)
    other[len(mp3) // 2] ^= 1
    assert payload_digest(io.BytesIO(other)) != payload_digest(io.BytesIO(mp3))
    assert payload_digest(io.BytesIO(mp3[:-500])) != payload_digest(io.BytesIO(mp3))


@pytest.mark.parametrize("data", [b"", b"no audio at all", struct.pack(">I", 8) * 100])
def test_what_is_no_audio_is_refused(data):
    with pytest.raises(AudioError):
        payload_digest(io.BytesIO(data))
