"""Blocks and segments of files: the same samples as ever, nothing lost, bounded."""

import io
import tracemalloc

import numpy as np
import pytest
from audio_files import encode, write_float_wav, write_wav

from resemul.audio import load_waveform, stream_blocks, stream_segments
from resemul.audio.stream import is_silent, segments_of
from resemul.configs import AudioConfig
from resemul.errors import AudioError

AUDIO = AudioConfig(16_000)


def decode_plainly(content, rate):
    """What PyAV gives for a sound file, in the fewest lines."""
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    with av.open(io.BytesIO(content)) as container:
        frames = [f for f in container.decode(audio=0) for f in resampler.resample(f)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


@pytest.mark.parametrize(
    ("codec", "container"), [("libmp3lame", "mp3"), ("aac", "adts")]
)
@pytest.mark.parametrize("num_channels", [1, 2])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_samples_are_those_of_pyav_bit_for_bit(codec, container, num_channels, rate):
    content = encode(num_channels, rate, 2.0, codec, container)
    expected = decode_plainly(content, 22_050)
    found = load_waveform(content, 22_050, None)
    np.testing.assert_array_equal(found.view("u4"), expected.view("u4"))


def test_stereo_integers_are_mixed_bit_for_bit():
    samples = np.random.default_rng(0).integers(-9_999, 9_999, (32_000, 2))
    content = write_wav(samples, 44_100)
    expected = decode_plainly(content, 22_050)
    np.testing.assert_array_equal(load_waveform(content, 22_050, None), expected)


@pytest.mark.parametrize("block_seconds", [0.0001, 0.3, 60.0])
def test_blocks_are_of_one_length_and_make_up_the_file(block_seconds):
    content = encode()
    blocks = list(stream_blocks(content, AUDIO, block_seconds=block_seconds))
    size = int(block_seconds * 16_000)
    assert {len(block) for block in blocks[:-1]} <= {size}
    assert len(blocks[-1]) <= size
    expected = load_waveform(content, 16_000, None)
    np.testing.assert_array_equal(np.concatenate(blocks), expected)


def test_blocks_begin_and_end_where_they_should():
    content = write_wav(np.arange(16_000))
    blocks = list(stream_blocks(content, AUDIO, start_seconds=0.25, max_seconds=0.5))
    samples = np.concatenate(blocks) * 2**15
    np.testing.assert_array_equal(samples, np.arange(4_000, 12_000))
    assert list(stream_blocks(content, AUDIO, start_seconds=5.0)) == []


def test_a_long_file_streams_in_little_memory():
    # Ten minutes: 9.6 million samples, 38 MB as floats.
    content = write_wav(np.zeros(9_600_000))
    tracemalloc.start()
    try:
        num_samples = sum(map(len, stream_blocks(content, AUDIO)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert num_samples == 9_600_000
    assert peak - len(content) < 5e6


def test_mean_of_the_channels_is_3_db_less_than_ffmpegs_mix():
    content = write_wav(np.full((8_000, 2), 1_000))
    assert load_waveform(content, 16_000, mix="mean")[0] == 1_000 / 2**15
    assert load_waveform(content, 16_000)[0] == pytest.approx(
        1_000 / 2**15 * 2**0.5, rel=1e-5
    )


def test_mean_is_taken_of_any_number_of_channels():
    samples = np.random.default_rng(0).integers(-9_999, 9_999, (8_000, 8))
    waveform = load_waveform(write_wav(samples), 16_000, mix="mean")
    np.testing.assert_allclose(waveform, samples.mean(axis=1) / 2**15, atol=1e-7)


def test_channels_without_known_places_are_averaged():
    samples = np.random.default_rng(0).integers(-9_999, 9_999, (8_000, 9))
    waveform = load_waveform(write_wav(samples), 16_000, mix="ffmpeg")
    np.testing.assert_allclose(waveform, samples.mean(axis=1) / 2**15, atol=1e-7)


def power_between(waveform, low, high):
    """Mean power of a waveform at 16 kHz between two frequencies in Hz."""
    spectrum = np.abs(np.fft.rfft(waveform)) ** 2
    hz = np.fft.rfftfreq(len(waveform), 1 / 16_000)
    return spectrum[(hz >= low) & (hz < high)].mean()


def test_the_long_filter_is_the_steeper_one():
    noise = np.random.default_rng(0).normal(0, 3_000, 88_200)
    content = write_wav(noise, 44_100)
    shares = {}
    for resampler in ("swr", "swr-long"):
        waveform = load_waveform(content, 16_000, resampler=resampler)
        passed = power_between(waveform, 1_000, 6_000)
        shares[resampler] = [
            power_between(waveform, *band) / passed
            for band in ((7_300, 7_400), (7_800, 7_900))
        ]
    # All of it below 0.9475 of 8 kHz (7,580 Hz), nothing above.
    assert shares["swr-long"][0] == pytest.approx(1, abs=0.3)
    assert shares["swr-long"][1] < 1e-3
    assert shares["swr"][1] > 0.01


def test_resampling_to_the_rate_of_the_file_changes_nothing():
    content = write_wav(np.arange(8_000))
    np.testing.assert_array_equal(
        load_waveform(content, 16_000, mix="mean", resampler="swr-long"),
        load_waveform(content, 16_000),
    )


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO])
def test_bytes_and_open_files_give_the_samples_of_the_file(tmp_path, kind):
    (tmp_path / "a.wav").write_bytes(content := write_wav(np.arange(8_000)))
    expected = load_waveform(tmp_path / "a.wav")
    np.testing.assert_array_equal(load_waveform(kind(content)), expected)


def test_an_open_file_is_read_from_its_start_and_left_open(tmp_path):
    (tmp_path / "a.wav").write_bytes(write_wav(np.arange(8_000)))
    with (tmp_path / "a.wav").open("rb") as file:
        file.read(100)
        first, second = load_waveform(file), load_waveform(file)
        np.testing.assert_array_equal(first, second)


# --- files that are damaged or strange


def test_a_file_that_changes_its_format_is_read_to_the_end():
    joined = encode(2, 44_100) + encode(1, 44_100) + encode(1, 22_050)
    waveform = load_waveform(joined, 16_000, None)
    assert len(waveform) / 16_000 == pytest.approx(9, abs=0.4)
    # A tone everywhere, in the mono parts alone on its channel.
    levels = [np.abs(waveform[s * 16_000 :][:8_000]).max() for s in (1, 4, 7)]
    assert min(levels) > 0.3


def test_a_damaged_packet_costs_only_itself():
    content = encode(2, 44_100, 6.0, "aac", "mp4")
    rng = np.random.default_rng(2)
    seconds = []
    for _ in range(12):
        damaged = bytearray(content)
        start = content.index(b"mdat") + 4
        for place in rng.integers(start, start + 60_000, 20):
            damaged[place] ^= 1 << int(rng.integers(8))
        seconds.append(len(load_waveform(bytes(damaged), 16_000, None)) / 16_000)
    assert min(seconds) > 5


def test_a_header_that_claims_one_hertz_is_refused_by_name(tmp_path):
    path = tmp_path / "slow.wav"
    path.write_bytes(write_wav(np.zeros(40_000), rate=1))
    with pytest.raises(AudioError, match=r"slow\.wav claims a sample rate of 1 Hz"):
        load_waveform(path, 22_050, None)


def test_samples_far_beyond_full_scale_are_refused():
    with pytest.raises(AudioError, match="far beyond full scale"):
        load_waveform(write_float_wav(np.full(16_000, 1e38)))
    with pytest.raises(AudioError, match="not finite numbers"):
        load_waveform(write_float_wav(np.full(16_000, np.nan)))


def test_floats_somewhat_beyond_full_scale_are_kept():
    assert load_waveform(write_float_wav(np.full(9_000, 3.0)), 16_000)[0] == 3.0


def test_messages_hold_no_number_of_ffmpeg(tmp_path):
    (tmp_path / "a.mp3").write_bytes(b"no audio, but text\n" * 100)
    with pytest.raises(AudioError) as error:
        load_waveform(tmp_path / "a.mp3")
    assert "Errno" not in str(error.value)
    assert "avcodec" not in str(error.value)
    assert str(error.value).endswith("it is damaged, or of no format that FFmpeg knows")


def test_too_little_memory_is_an_error_of_the_file(monkeypatch):
    def decode(*_):
        raise MemoryError

    monkeypatch.setattr("resemul.audio.stream.decode_pieces", decode)
    with pytest.raises(AudioError, match="there is not enough memory"):
        load_waveform(write_wav(np.zeros(10)))


def test_a_playlist_opens_no_other_file(tmp_path):
    (tmp_path / "secret.mp3").write_bytes(encode())
    for content in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{tmp_path}/secret.mp3\n",
        "ffconcat version 1.0\nfile secret.mp3\n",
    ):
        (tmp_path / "song.m3u8").write_text(content + "#EXT-X-ENDLIST\n")
        with pytest.raises(AudioError, match="cannot be read as audio"):
            load_waveform(tmp_path / "song.m3u8")


# --- segments


def places(blocks, num_samples, **options):
    """Where the segments of numbered samples begin and end, and whether they do."""
    fields = {
        name: options.pop(name) for name in ("padding", "short") if name in options
    }
    audio = AudioConfig(16_000, **fields)
    found = list(segments_of(blocks, audio, num_samples, **options))
    for segment in found:
        assert segment.samples.shape == (num_samples,)
    return [(s.start_sample, s.end_sample, s.samples.tolist()) for s in found]


def blocks_of(num_samples, *ends):
    """1, 2, 3, ... in blocks that end at `ends`."""
    return np.split(np.arange(1, num_samples + 1, dtype="float32"), ends)


@pytest.mark.parametrize("ends", [(), (1, 2, 5), range(9)])
def test_the_last_segment_is_anchored_to_the_end(ends):
    assert places(blocks_of(9, *ends), 4) == [
        (0, 4, [1, 2, 3, 4]),
        (4, 8, [5, 6, 7, 8]),
        (5, 9, [6, 7, 8, 9]),
    ]


def test_whole_segments_need_no_anchor():
    assert [p[:2] for p in places(blocks_of(8, 3), 4)] == [(0, 4), (4, 8)]


def test_a_dropped_tail_leaves_whole_segments():
    assert [p[:2] for p in places(blocks_of(9), 4, tail="drop")] == [(0, 4), (4, 8)]


@pytest.mark.parametrize("ends", [(), range(0, 9, 2)])
def test_a_hop_may_be_shorter_or_longer_than_a_segment(ends):
    starts = [p[0] for p in places(blocks_of(9, *ends), 4, hop=2)]
    assert starts == [0, 2, 4, 5]
    starts = [p[0] for p in places(blocks_of(9, *ends), 2, hop=6)]
    assert starts == [0, 6, 7]


def test_padding_lies_around_the_whole_file():
    assert places(blocks_of(7, 3), 5, padding=1, hop=3) == [
        (0, 3, [0, 1, 2, 3, 4]),
        (3, 6, [3, 4, 5, 6, 7]),
        (4, 7, [4, 5, 6, 7, 0]),
    ]


def test_a_short_file_is_filled_and_marked():
    audio = AudioConfig(16_000, padding=1)
    [segment] = segments_of(blocks_of(3, 2), audio, 8)
    assert segment.is_short
    assert (segment.start_sample, segment.end_sample) == (0, 3)
    assert segment.samples.tolist() == [0, 1, 2, 3, 0, 0, 0, 0]
    repeated = places(blocks_of(3, 2), 8, padding=1, short="repeat")
    assert repeated[0][2] == [0, 1, 2, 3, 1, 2, 3, 0]


def test_segments_of_a_file_are_those_of_its_waveform():
    content = encode(seconds=2.0)
    waveform = load_waveform(content, 16_000, None)
    segments = list(stream_segments(content, AUDIO, 5_000))
    np.testing.assert_array_equal(segments[1].samples, waveform[5_000:10_000])
    np.testing.assert_array_equal(segments[-1].samples, waveform[-5_000:])
    assert segments[-1].end_sample == len(waveform)
    assert not any(segment.is_short for segment in segments)


def test_silence_is_what_stays_below_80_db():
    assert is_silent(np.full(10, 0.99e-4))
    assert not is_silent(np.array([0, -1.01e-4]))
    assert is_silent(np.empty(0))


def test_names_inside_a_file_may_be_of_any_encoding():
    content = encode(1, 44_100, 1.0, "flac", "flac", title="Xfe")
    samples = load_waveform(content.replace(b"Xfe", b"\xe9fe"), 16_000)
    np.testing.assert_array_equal(samples, load_waveform(content, 16_000))
