"""Songs whose loudness is known, and a tagger that measures it."""

import sys
from types import ModuleType

import numpy as np
import pytest
from loudness import NUM_SAMPLES, LoudnessRuntime, constant, wav_of

from resemul.tagging.tagger import Tagger


@pytest.fixture
def runtime():
    return LoudnessRuntime()


@pytest.fixture
def tagger(runtime):
    """A `Tagger` of `runtime`."""
    return Tagger(runtime)


@pytest.fixture
def songs(tmp_path):
    """A folder with songs of loudness 0.9 and 0.1, a broken one, and a text file."""
    folder = tmp_path / "songs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a-loud.wav").write_bytes(wav_of(constant(0.3, 3 * NUM_SAMPLES)))
    (folder / "b-broken.mp3").write_bytes(b"")
    (folder / "sub" / "c-quiet.wav").write_bytes(wav_of(constant(0.1, NUM_SAMPLES)))
    (folder / "cover.txt").write_text("not audio")
    return folder


@pytest.fixture
def two_halves():
    """Two segments of loudness 0.1 and 0.4, then half a one of 0.9: a waveform."""
    return np.concatenate(
        [
            constant(0.1, NUM_SAMPLES),
            constant(0.2, NUM_SAMPLES),
            constant(0.3, NUM_SAMPLES // 2),
        ]
    )


@pytest.fixture
def open_fakes(monkeypatch):
    """Models of any name are `LoudnessRuntime`s; the dictionary has those opened."""
    opened = {}
    module = ModuleType("resemul.prediction.runtime")

    def open_runtime(name, runtime="auto", *, trust=False):
        opened[name] = LoudnessRuntime(model=name)
        return opened[name]

    module.open_runtime = open_runtime
    monkeypatch.setitem(sys.modules, "resemul.prediction.runtime", module)
    return opened
