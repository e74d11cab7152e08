"""mp3 files that we write, held against what the decoder reads back."""

import numpy as np

from resemul.audio import load_waveform
from resemul.audio.encode import encode_mp3


def tone(num_samples: int) -> np.ndarray:
    time = np.arange(num_samples) / 16_000
    return (0.5 * np.sin(2 * np.pi * 440 * time)).astype("float32")


def test_encode_mp3_gives_a_file_that_decodes_to_the_same_sound(tmp_path):
    path = tmp_path / "tone.mp3"
    path.write_bytes(encode_mp3(tone(16_000), 16_000, 32_000))
    decoded = load_waveform(path, sample_rate=16_000)
    assert 16_000 <= len(decoded) < 18_000
    difference = decoded[1_000:15_000] - tone(16_000)[1_000:15_000]
    assert np.abs(difference).max() < 0.05


def test_encode_mp3_gives_the_same_bytes_again():
    assert encode_mp3(tone(8_000), 16_000, 32_000) == encode_mp3(
        tone(8_000), 16_000, 32_000
    )


def test_encode_mp3_keeps_to_the_bit_rate():
    seconds = 10
    size = len(encode_mp3(tone(seconds * 16_000), 16_000, 32_000))
    assert 0.95 < size * 8 / seconds / 32_000 < 1.1


def test_encode_mp3_clips_what_is_too_loud():
    loud = 4 * tone(4_000)
    assert encode_mp3(loud, 16_000, 32_000) == encode_mp3(
        np.clip(loud, -1, 1), 16_000, 32_000
    )
