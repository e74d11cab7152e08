"""Real data, where a checkout has it, and models that are built once."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

REAL_DATA = Path(__file__).parents[2].parent / "shared" / "data"
CLIP = REAL_DATA / "audio" / "joram-moments_of_clarity-08-solipsism-59-88.mp3"


@pytest.fixture(scope="session")
def real_clip():
    """Function of a rate in Hz: a clip of MTT, 29.1 s, float32 `(n,)`."""
    if not CLIP.is_file():
        pytest.skip("the real clip is not here")
    from resemul.audio import load_waveform

    @cache
    def load(sample_rate: int) -> np.ndarray:
        return load_waveform(CLIP, sample_rate=sample_rate, max_seconds=None)

    return load


@pytest.fixture(scope="session")
def fcn_weights() -> Path:
    """The published weights of FCN-5 for MTT."""
    path = REAL_DATA / "weights" / "fcn-mtat.pth"
    if not path.is_file():
        pytest.skip("the published weights are not here")
    return path
