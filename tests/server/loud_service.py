"""A model that measures loudness, sounds of a known one, and a service that runs."""

import dataclasses
import io
import socket
import threading
import time
import wave
from contextlib import contextmanager

import numpy as np
import uvicorn

from resemul.checkpoints.card import ModelCard
from resemul.configs.server import ServerConfig
from resemul.server.connections import server_options

RATE, NUM_SAMPLES = 16_000, 4_000


class LoudnessRuntime:
    """Scores a segment: ten times its mean square, and one minus that."""

    name = "fake"

    def __init__(self, seconds_per_batch=0.0, **fields):
        card = {"sample_rate": RATE, "num_samples": NUM_SAMPLES, "sha256": "ab" * 32}
        self.card = ModelCard("loudness", {}, ["loud", "quiet"], **(card | fields))
        self.batch_sizes = []
        self.seconds_per_batch = seconds_per_batch

    def predict(self, segments):
        time.sleep(self.seconds_per_batch)
        self.batch_sizes.append(len(segments))
        loud = 10 * np.mean(np.square(segments, dtype="float64"), axis=1)
        return np.stack([loud, 1 - loud], axis=1).astype("float32")

    def embed(self, segments):
        return np.stack([segments.mean(axis=1), segments.max(axis=1)], axis=1)


def wav(value, seconds=0.5):
    """A wav file of one value all along: its loudness is ten times the square."""
    file = io.BytesIO()
    samples = np.full(round(seconds * RATE), round(value * 32_768), "<i2")
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, RATE, 0, "NONE", ""))
        writer.writeframes(samples.tobytes())
    return file.getvalue()


@contextmanager
def serve(app, config=None):
    """Runs the service in a thread; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = dataclasses.replace(config or ServerConfig(), port=port)
    server = uvicorn.Server(server_options(app, config))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join()


LOUD = {"file": ("loud.wav", wav(0.3), "audio/wav")}
LOUD_FILE = ("file", LOUD["file"])


def post(client, files=None, status=200, **query):
    """The answer to files, whose status is as it should be."""
    response = client.post("/tag", files=files or LOUD, params=query)
    assert response.status_code == status, response.text
    return response


def detail(response):
    """What a problem says."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    return body["detail"]
