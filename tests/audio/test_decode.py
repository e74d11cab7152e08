"""Decoding of generated files, and PyAV held against what madmom and ffmpeg give."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from audio_files import encode

from resemul.audio import DECODERS, load_waveform, split_segments
from resemul.errors import AudioError, ConfigError

# Set where madmom and ffmpeg are installed on purpose: then nothing is skipped.
REQUIRE_MADMOM = "RESEMUL_REQUIRE_MADMOM"

# Of a tone in an encoded file: LAME scales by 0.95.
LEVEL = 0.95 * 0.4
# FFmpeg adds two channels so that noise, not a common tone, keeps its power.
MIX = 0.5**0.5

RATES = (16_000, 22_050, 44_100, 48_000)
REAL_CLIP = (
    Path(__file__).parents[2].parent
    / "shared/data/audio/joram-moments_of_clarity-08-solipsism-59-88.mp3"
)


def strength(waveform, hz, rate):
    """Amplitude of one frequency, away from the ends."""
    inside = waveform[rate // 4 : -rate // 4]
    time = np.arange(len(inside)) / rate
    return 2 * abs(np.mean(inside * np.exp(-2j * np.pi * hz * time)))


def require_madmom():
    from resemul.audio.madmom_compat import import_madmom

    try:
        import_madmom()
    except AudioError as error:
        if os.environ.get(REQUIRE_MADMOM) == "1":
            raise
        pytest.skip(str(error))


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="a.mp3"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write_file


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("num_channels", [1, 2])
def test_load_waveform_gives_mono_float32_at_the_rate_asked_for(
    write, num_channels, rate
):
    waveform = load_waveform(write(encode(num_channels, rate)), sample_rate=22_050)
    assert waveform.dtype == np.float32
    assert waveform.ndim == 1
    # LAME adds up to three frames of 1,152 samples.
    assert 3 * 22_050 <= len(waveform) < 3 * 22_050 + 3 * 1_152 * 22_050 / rate
    expected = LEVEL if num_channels == 1 else LEVEL * MIX
    assert strength(waveform, 440, 22_050) == pytest.approx(expected, abs=0.01)


def test_load_waveform_mixes_both_channels(write):
    waveform = load_waveform(write(encode(2)), sample_rate=22_050)
    assert strength(waveform, 1_000, 22_050) == pytest.approx(LEVEL * MIX, abs=0.01)


def test_load_waveform_stops_after_the_seconds_asked_for(write):
    path = write(encode())
    whole = load_waveform(path, 16_000, None)
    beginning = load_waveform(path, 16_000, 1.5)
    assert len(beginning) == 24_000
    np.testing.assert_array_equal(beginning, whole[:24_000])


def test_load_waveform_of_a_file_shorter_than_asked_for_is_all_there_is(write):
    waveform = load_waveform(write(encode(seconds=1.0)), 16_000, 29.0)
    assert 16_000 <= len(waveform) < 19_000


def test_load_waveform_of_a_file_cut_short_gives_what_is_there(write):
    content = encode()
    waveform = load_waveform(write(content[: len(content) // 2]), 16_000)
    assert 16_000 < len(waveform) < 26_000


def test_load_waveform_passes_over_noise_in_the_middle(write):
    content = bytearray(encode())
    middle = len(content) // 2
    content[middle : middle + 300] = bytes(300)
    waveform = load_waveform(write(bytes(content)), 16_000)
    assert len(waveform) > 40_000


def test_load_waveform_reads_other_formats(write):
    import wave

    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(np.full(16_000, 1 << 14, "<i2").tobytes())
    waveform = load_waveform(write(file.getvalue(), "a.wav"), 16_000)
    np.testing.assert_array_equal(waveform, np.full(16_000, 0.5, "float32"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty (0 bytes)"),
        (b"no audio, but text\n" * 100, "cannot be read as audio"),
        (bytes(4_000), "a.mp3"),
        (encode()[:100], "a.mp3"),
    ],
    ids=["empty", "text", "zeros", "first 100 bytes"],
)
def test_load_waveform_names_a_file_that_is_no_audio(write, content, message):
    path = write(content)
    with pytest.raises(AudioError) as error:
        load_waveform(path)
    assert str(path) in str(error.value)
    assert message in str(error.value)


def test_load_waveform_of_a_folder_says_so(tmp_path):
    with pytest.raises(AudioError, match="is a folder"):
        load_waveform(tmp_path)


def test_load_waveform_of_nothing_says_so(tmp_path):
    with pytest.raises(AudioError, match=r"gone\.mp3 does not exist"):
        load_waveform(tmp_path / "gone.mp3")


def test_load_waveform_of_a_video_without_sound_says_so(write):
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        pixels = np.zeros((16, 16, 3), "uint8")
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode(None))
    with pytest.raises(AudioError, match="holds no audio"):
        load_waveform(write(file.getvalue(), "a.mkv"))


def test_load_waveform_refuses_an_unknown_decoder(write):
    with pytest.raises(ConfigError, match="one of pyav, madmom, got 'sox'"):
        load_waveform(write(encode()), decoder="sox")


def test_load_waveform_refuses_samples_that_are_not_finite(write, monkeypatch):
    def decode(source, audio, max_seconds):
        return np.array([0, np.nan], "float32")

    monkeypatch.setitem(DECODERS, "pyav", decode)
    with pytest.raises(AudioError, match="not finite"):
        load_waveform(write(b"x"))


def test_madmom_decoder_without_ffmpeg_says_what_to_install(write, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AudioError, match="install ffmpeg"):
        load_waveform(write(encode()), decoder="madmom")


def test_split_segments_drops_a_short_tail():
    segments = split_segments(np.arange(7), 3)
    assert segments.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_split_segments_of_a_short_waveform_is_empty():
    assert split_segments(np.arange(2), 3).shape == (0, 3)


def damaged(kind):
    content = encode(2, 44_100)
    if kind == "cut":
        return content[: len(content) // 2]
    if kind == "cut in a frame":
        return content[: len(content) // 2 + 77]
    if kind == "noise inside":
        return content[:9_000] + bytes(500) + content[9_500:]
    return content[:200]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("num_channels", [1, 2])
@pytest.mark.parametrize("max_seconds", [1.7, 29.0])
def test_pyav_gives_the_samples_of_madmom(write, num_channels, rate, max_seconds):
    require_madmom()
    path = write(encode(num_channels, rate))
    assert_same_samples(path, max_seconds)


def test_pyav_gives_the_samples_of_madmom_for_a_file_of_a_second(write):
    require_madmom()
    assert_same_samples(write(encode(seconds=1.0)), 29.0)


@pytest.mark.parametrize("kind", ["cut", "cut in a frame", "noise inside"])
def test_pyav_gives_the_samples_of_madmom_for_a_damaged_file(write, kind):
    require_madmom()
    assert_same_samples(write(damaged(kind)), 29.0)


@pytest.mark.parametrize("content", [b"", b"text " * 1_000, damaged("stub")])
def test_madmom_refuses_what_pyav_refuses(write, content):
    require_madmom()
    path = write(content)
    for decoder in DECODERS:
        with pytest.raises(AudioError):
            load_waveform(path, decoder=decoder)


def test_pyav_gives_the_samples_of_madmom_for_a_clip_of_mtt():
    if not REAL_CLIP.is_file():
        pytest.skip("no clip of MTT here")
    require_madmom()
    assert_same_samples(REAL_CLIP, 29.0)
    assert len(load_waveform(REAL_CLIP)) == 639_450


def assert_same_samples(path, max_seconds):
    ours, theirs = (
        load_waveform(path, 22_050, max_seconds, decoder)
        for decoder in ("pyav", "madmom")
    )
    # As bits: 0.0 and -0.0 are not the same bytes in a record.
    assert ours.dtype == theirs.dtype == np.float32
    np.testing.assert_array_equal(ours.view("u4"), theirs.view("u4"))
