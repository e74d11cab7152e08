"""The short way of frames that need no filter gives what the filters give."""

import numpy as np
import pytest

from resemul.audio import frames
from resemul.audio.converter import Converter
from resemul.audio.stream import stream_blocks
from resemul.configs.audio import AudioConfig

RATE = 22_050


def encode(path, channels):
    import av

    with av.open(str(path), "w") as container:
        layout = "stereo" if len(channels) == 2 else "mono"
        stream = container.add_stream("mp3", rate=RATE, layout=layout)
        frame = av.AudioFrame.from_ndarray(channels, "fltp", layout)
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


@pytest.mark.parametrize("num_channels", [1, 2])
def test_the_short_way_gives_the_same_samples(tmp_path, monkeypatch, num_channels):
    noise = np.random.default_rng(0).normal(0, 0.2, (num_channels, 3 * RATE))
    path = tmp_path / "a.mp3"
    encode(path, noise.astype("float32"))
    audio = AudioConfig(RATE, mix="mean")
    short = np.concatenate(list(stream_blocks(path, audio)))
    monkeypatch.setattr(frames, "make_converter", Converter)
    filtered = np.concatenate(list(stream_blocks(path, audio)))
    assert len(short) >= 3 * RATE
    np.testing.assert_array_equal(short, filtered)
