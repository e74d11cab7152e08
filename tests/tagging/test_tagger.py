"""One model, one file: its segments, its status, and every kind of source."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from loudness import NUM_SAMPLES, RATE, LoudnessRuntime, constant, wav_of

from resemul.errors import AudioError, ConfigError
from resemul.tagging.tagger import Tagger


def test_scores_are_means_over_segments_and_nothing_is_dropped(tagger, two_halves):
    result = tagger(two_halves, RATE)
    # The last one is half 0.4, half 0.9.
    np.testing.assert_allclose(result.timeline.scores[:, 0], [0.1, 0.4, 0.65], 1e-5)
    assert result.scores[0] == pytest.approx(1.15 / 3, rel=1e-5)
    assert (result.status, result.seconds) == ("tagged", 0.625)
    assert result.timeline.starts.tolist() == [0, 0.25, 0.375]
    assert result.timeline.ends.tolist() == [0.25, 0.5, 0.625]
    assert result.timeline.times[0] == 0.125


def test_a_dropped_tail_leaves_whole_segments(runtime, two_halves):
    result = Tagger(runtime, tail="drop")(two_halves, RATE)
    assert result.scores[0] == pytest.approx(0.25, rel=1e-5)


def test_the_hop_is_in_seconds(runtime, two_halves):
    result = Tagger(runtime, hop=0.125)(two_halves, RATE)
    assert result.timeline.starts.tolist() == [0, 0.125, 0.25, 0.375]


@pytest.mark.parametrize("options", [{"hop": 0.0}, {"hop": -1.0}, {"tail": "keep"}])
def test_an_option_without_meaning_is_refused(runtime, options):
    with pytest.raises(ConfigError):
        Tagger(runtime, **options)


@pytest.mark.parametrize(("short", "loud"), [("zeros", 0.05), ("repeat", 0.1)])
def test_a_short_file_is_filled_up_and_said_to_be_short(short, loud):
    tagger = Tagger(LoudnessRuntime(short=short))
    result = tagger(constant(0.1, NUM_SAMPLES // 2), RATE)
    assert result.status == "short"
    assert result.scores[0] == pytest.approx(loud, rel=1e-5)
    assert result.seconds == 0.125


def test_silence_is_said_to_be_silence_and_not_tagged(tagger):
    result = tagger(constant(0.00009, 2 * NUM_SAMPLES), RATE)
    assert (result.status, result.labels, result.to_dict()["tags"]) == (
        "silent",
        [],
        {},
    )
    assert result.seconds == 0.5


def test_a_model_hears_files_as_its_card_says():
    stereo = np.stack([constant(0.1, NUM_SAMPLES), constant(0.3, NUM_SAMPLES)], axis=1)
    loud = {
        mix: Tagger(LoudnessRuntime(mix=mix))(wav_of(stereo)).scores[0]
        for mix in ("mean", "ffmpeg")
    }
    # 10 * 0.2^2, and twice that
    assert loud["mean"] == pytest.approx(0.4, rel=1e-4)
    assert loud["ffmpeg"] == pytest.approx(0.8, rel=1e-4)


def test_every_kind_of_source_gives_the_same(tagger, songs, two_halves):
    path = songs / "two.wav"
    path.write_bytes(content := wav_of(two_halves))
    expected = tagger(two_halves, RATE).scores
    with path.open("rb") as file:
        for source in (path, str(path), content, io.BytesIO(content), file):
            np.testing.assert_allclose(tagger(source).scores, expected, rtol=1e-6)


def test_arrays_are_mixed_and_resampled_as_files_are():
    tagger = Tagger(LoudnessRuntime(mix="mean", resampler="swr-long"))
    rng = np.random.default_rng(0)
    stereo = rng.uniform(-0.5, 0.5, (30_000, 2)).astype("float32")
    expected = tagger(wav_of(stereo, 44_100)).scores
    for array in (stereo, stereo.T):
        np.testing.assert_allclose(tagger(array, 44_100).scores, expected, atol=1e-6)


def test_arrays_of_integers_are_of_full_scale(tagger):
    loud = [
        tagger(np.full(NUM_SAMPLES, value, dtype), RATE).scores[0]
        for value, dtype in ((2**14, "int16"), (128 + 64, "uint8"), (2**30, "int32"))
    ]
    assert loud == pytest.approx([2.5, 2.5, 2.5], rel=1e-5)


def test_an_array_needs_its_rate(tagger):
    with pytest.raises(ConfigError, match=r"tagger\(array, 44_100\)"):
        tagger(constant(0.1, NUM_SAMPLES))
    with pytest.raises(AudioError, match="must be 1000 to 768000 Hz"):
        tagger(constant(0.1, NUM_SAMPLES), 1)


@pytest.mark.parametrize(
    "array", [np.empty(0), np.zeros((2, 2, 2)), np.full(9, np.nan)]
)
def test_an_array_that_is_no_sound_is_refused(tagger, array):
    with pytest.raises(AudioError):
        tagger(array, RATE)


def test_one_file_that_cannot_be_read_is_an_error_and_one_of_a_list_a_result(
    tagger, songs
):
    broken, good = songs / "b-broken.mp3", songs / "a-loud.wav"
    with pytest.raises(AudioError, match=r"b-broken\.mp3 is empty"):
        tagger(broken)
    results = tagger([broken, str(good)])
    assert [r.status for r in results] == ["failed", "tagged"]
    assert results[0].path == str(broken)
    assert "is empty" in results[0].error
    assert results[1].scores[0] == pytest.approx(0.9, rel=1e-5)


def test_eight_threads_get_the_same_numbers(tagger):
    waveforms = [constant(0.01 * (1 + i % 4), 9_000 + 100 * i) for i in range(32)]
    expected = [tagger(waveform, RATE).scores for waveform in waveforms]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda w: tagger(w, RATE).scores, waveforms))
    np.testing.assert_array_equal(found, expected)


def test_embed_gives_a_row_for_each_segment(tagger, two_halves):
    embeddings = tagger.embed(two_halves, RATE)
    np.testing.assert_allclose(embeddings[:, 1], [0.1, 0.2, 0.3], rtol=1e-6)


def test_long_files_are_predicted_piece_by_piece(tagger, runtime):
    # 24 s are 96 segments.
    tagger(constant(0.1, 200 * NUM_SAMPLES), RATE)
    assert runtime.batch_sizes == [96, 96, 8]


def test_thresholds_are_in_the_order_of_the_tags_with_a_half_for_those_without():
    tagger = Tagger(LoudnessRuntime(thresholds={"quiet": 0.125}))
    assert tagger.thresholds.tolist() == [0.5, 0.125]


def test_thresholds_of_a_model_without_say_how_to_fit_them(tagger):
    with pytest.raises(ConfigError, match="resemul thresholds MODEL --data-dir"):
        _ = tagger.thresholds
