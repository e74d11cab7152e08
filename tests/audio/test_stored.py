"""Audio that is stored as arrays."""

import numpy as np
import pytest

from resemul.audio import stored
from resemul.audio.segments import load_for_records
from resemul.audio.stored import load_mean, load_stored_waveform
from resemul.configs import BuildConfig
from resemul.configs.audio import AudioConfig
from resemul.errors import AudioError


@pytest.fixture
def path(tmp_path):
    """Stereo, 2 s at 8 kHz; the channels are 0.2 and 0.4."""
    array = np.repeat([[0.2], [0.4]], 16_000, axis=1).astype("float32")
    np.savez(tmp_path / "1.npz", array=array, sr=8_000, split=[[0, 16_000]])
    return tmp_path / "1.npz"


def test_channels_are_mixed_and_the_rate_is_kept(path):
    waveform, sample_rate = load_mean(path)
    assert sample_rate == 8_000
    assert waveform.dtype == np.float32
    np.testing.assert_allclose(waveform, np.full(16_000, 0.3), atol=1e-6)


def test_stored_audio_is_resampled_and_cut(path):
    audio = AudioConfig(16_000, mix="mean")
    assert len(load_stored_waveform(path, audio)) == pytest.approx(32_000, abs=64)
    assert len(load_stored_waveform(path, audio, max_seconds=0.5)) == 8_000


def test_a_build_reads_stored_audio(path):
    config = BuildConfig(
        sample_rate=8_000, num_samples=1_000, clip_seconds=1.0, mix="mean"
    )
    waveform = load_for_records(path, config)
    np.testing.assert_allclose(waveform, np.full(8_000, 0.3), atol=1e-6)


@pytest.mark.parametrize(
    "arrays",
    [
        {"array": np.ones(5)},
        {"array": np.ones(5), "sr": "fast"},
        {"array": np.full(5, np.nan), "sr": 8_000},
        {"array": np.array([{}], dtype=object), "sr": 8_000},
        {"array": np.array(["text"]), "sr": 8_000},
        {"array": np.ones((2, 2, 2)), "sr": 8_000},
        {"array": np.ones(5), "sr": -1},
    ],
)
def test_what_is_no_audio_is_an_error_that_names_the_file(tmp_path, arrays):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(AudioError, match=r"bad\.npz"):
        load_mean(tmp_path / "bad.npz")


def test_nothing_is_unpickled_and_broken_files_are_named(tmp_path):
    for content in (b"", b"PK\3\4 broken", b"cos\nsystem\n(S'true'\ntR."):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(AudioError, match=r"bad\.npz"):
            load_mean(tmp_path / "bad.npz")


def test_an_array_that_unpacks_to_too_much_is_not_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "big.npz", array=np.zeros(100_000), sr=8_000)
    monkeypatch.setattr(stored, "MAX_BYTES", 10_000)
    with pytest.raises(AudioError, match="more than 10,000"):
        load_mean(tmp_path / "big.npz")
