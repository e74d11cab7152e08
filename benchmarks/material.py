"""What the benchmarks work on: made once, kept in the temporary folder."""

import tempfile
from pathlib import Path

import numpy as np

FOLDER = Path(tempfile.gettempdir()) / "resemul-benchmarks"
NUM_SHARDS = 8
SEGMENTS_PER_SHARD = 100


def mp3_files(num_files: int) -> list[Path]:
    """Synthetic clips as MTT's are: 29 s, mono, 16 kHz, 32 kbit/s."""
    return _mp3_files("mp3", num_files, 29.1, 16_000, 32_000)


def preview_files(num_files: int) -> list[Path]:
    """Synthetic previews, as 7digital's are: 30 s, 22,050 Hz, 64 kbit/s; mono."""
    return _mp3_files("previews", num_files, 30.0, 22_050, 64_000)


def _mp3_files(
    name: str, num_files: int, seconds: float, sample_rate: int, bit_rate: int
) -> list[Path]:
    from resemul.audio.encode import encode_mp3

    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"clip-{number:03d}.mp3" for number in range(num_files)]
    for number, path in enumerate(paths):
        if not path.exists():
            random = np.random.default_rng(number)
            time = np.arange(int(seconds * sample_rate)) / sample_rate
            tone = 0.3 * np.sin(2 * np.pi * random.uniform(100, 2_000) * time)
            noise = random.normal(0, 0.05, len(time))
            part = path.with_suffix(".part")
            waveform = (tone + noise).astype("float32")
            part.write_bytes(encode_mp3(waveform, sample_rate, bit_rate))
            part.replace(path)
    return paths


def shards(encoding: str) -> list[Path]:
    """Training shards of noise: 800 segments of 59,049 samples with 50 labels."""
    import tensorflow as tf

    from resemul.records.schema import encode_segment

    folder = FOLDER / encoding
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"train-{number:04d}.tfrecord" for number in range(NUM_SHARDS)]
    labels = np.zeros(50, "uint8")
    for number, path in enumerate(paths):
        if path.exists():
            continue
        random = np.random.default_rng(number)
        part = path.with_suffix(".part")
        with tf.io.TFRecordWriter(str(part)) as writer:
            for _ in range(SEGMENTS_PER_SHARD):
                segment = random.normal(0, 0.2, 59_049).astype("float32")
                writer.write(encode_segment(segment, labels, encoding))
        part.replace(path)
    return paths
