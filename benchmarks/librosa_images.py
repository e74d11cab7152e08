"""The front end of musicnn by librosa, as its published tool has it."""

from pathlib import Path

import numpy as np

SAMPLE_RATE = 16_000
NUM_FRAMES = 187


def images_of(path: Path) -> np.ndarray:
    """The whole patches of a file: float32 `(patches, 187, 96)`."""
    import librosa

    waveform, _ = librosa.load(path, sr=SAMPLE_RATE)
    power = librosa.feature.melspectrogram(
        y=waveform, sr=SAMPLE_RATE, n_fft=512, hop_length=256, n_mels=96
    ).T
    # Training read powers that were stored so; the largest would become infinite.
    power = np.minimum(power, 65_504).astype("float16").astype("float32")
    image = np.log10(10_000 * power + 1)
    count = len(image) // NUM_FRAMES
    return image[: count * NUM_FRAMES].reshape(count, NUM_FRAMES, -1)
