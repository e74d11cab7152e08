"""A runtime that measures loudness, and files of a known one: checkable by hand."""

import os
import signal
import struct
import time
from dataclasses import dataclass

import numpy as np

from resemul.checkpoints.card import ModelCard
from resemul.tagging.listening import Listening

RATE = 16_000
NUM_SAMPLES = 4_000


class LoudnessRuntime:
    """Scores a segment: ten times its mean square, and one minus that."""

    name = "fake"

    def __init__(self, tags=("loud", "quiet"), model="loudness", **fields):
        card = {"sample_rate": RATE, "num_samples": NUM_SAMPLES, "sha256": "ab" * 32}
        self.card = ModelCard(model, {}, list(tags), **(card | fields))
        self.batch_sizes = []

    def predict(self, segments):
        self.batch_sizes.append(len(segments))
        loud = 10 * np.mean(np.square(segments, dtype="float64"), axis=1)
        more = [np.full(len(loud), 0.25)] * (len(self.card.tags) - 2)
        return np.stack([loud, 1 - loud, *more], axis=1).astype("float32")

    def embed(self, segments):
        return np.stack([segments.mean(axis=1), segments.max(axis=1)], axis=1)


def constant(value, num_samples):
    """A waveform that is the same all along; its mean square is `value` squared."""
    return np.full(num_samples, value, "float32")


def wav_of(samples, rate=RATE):
    """A wav file of 32-bit floats: float32 `(n,)`, or `(n, channels)`."""
    samples = np.asarray(samples, "<f4")
    num_channels = 1 if samples.ndim == 1 else samples.shape[1]
    data = samples.tobytes()
    layout = (3, num_channels, rate, 4 * num_channels * rate, 4 * num_channels, 32)
    chunks = b"fmt " + struct.pack("<IHHIIHH", 16, *layout)
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@dataclass(frozen=True)
class HangingListening(Listening):
    """Never comes to the end of its first segment."""

    @property
    def piece_size(self):
        time.sleep(60)


@dataclass(frozen=True)
class DeadlyListening(Listening):
    """Ends its process, as a decoder that writes where it should not."""

    @property
    def piece_size(self):
        os.kill(os.getpid(), signal.SIGKILL)
