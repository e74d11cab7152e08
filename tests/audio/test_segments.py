"""Windows of waveforms whose samples are their places."""

import numpy as np
import pytest

from resemul.audio.segments import choose_segments, segment_clips


def starts_of(scheme, num_left, num_samples=3, **options):
    """Where the windows begin; checks that their samples follow each other."""
    waveform = np.arange(num_samples + num_left, dtype="float32")
    windows = choose_segments(waveform, num_samples, scheme, **options)
    assert windows.dtype == np.float32
    np.testing.assert_array_equal(
        windows - windows[:, :1], [range(num_samples)] * len(windows)
    )
    return windows[:, 0].tolist()


def test_segments_lie_side_by_side_and_drop_the_rest():
    assert starts_of("segments", num_left=5) == [0, 3]
    assert starts_of("segments", num_left=6) == [0, 3, 6]


def test_chunks_begin_at_equal_distances():
    # 11 // 4 is 2: the last ends 5 samples before the end.
    assert starts_of("chunks", num_left=11, num_chunks=4) == [0, 2, 4, 6]
    assert starts_of("chunks", num_left=11, num_chunks=1) == [0]


def test_chunks_that_would_all_be_the_same_are_one():
    assert starts_of("chunks", num_left=3, num_chunks=4) == [0]
    # Of 29 s in a clip of MTT, 29.124 s at 16 kHz: 124 samples apart, 0.03 %.
    assert starts_of("chunks", num_left=1_984, num_samples=464_000) == [0]


@pytest.mark.parametrize(
    ("clip_samples", "hop"),
    # The first is a clip of MTT, 29.124 s, in which the publication's 16 chunks are
    # 25,433 samples apart; the second a record of 29 s.
    [(465_984, 25_433), (465_920, 25_429)],
)
def test_chunks_of_a_clip_are_those_of_the_publication(clip_samples, hop):
    starts = starts_of("chunks", clip_samples - 59_049, num_samples=59_049)
    assert starts == [hop * number for number in range(16)]


def test_centre_leaves_as_much_on_either_side():
    assert starts_of("centre", num_left=4) == [2]
    assert starts_of("centre", num_left=5) == [2]


def test_random_lies_anywhere_within_the_waveform():
    starts = [starts_of("random", num_left=3, seed=seed) for seed in range(60)]
    assert {start for [start] in starts} == {0, 1, 2, 3}
    assert starts_of("random", num_left=3, seed=7) == starts[7]


@pytest.mark.parametrize("scheme", ["segments", "chunks", "centre", "random"])
def test_waveform_of_one_window_is_that_window(scheme):
    assert starts_of(scheme, num_left=0) == [0]


def test_waveform_shorter_than_a_window_is_refused():
    with pytest.raises(ValueError, match="2 samples hold no segment of 3"):
        choose_segments(np.arange(2), 3)


def test_unknown_scheme_is_refused():
    with pytest.raises(ValueError, match="there is no scheme 'end'"):
        choose_segments(np.arange(4), 3, "end")


def clip_of(num_segments, first=0):
    """Segments of 4 samples that are numbered through, and labels."""
    segments = np.arange(first, first + 4 * num_segments).reshape(num_segments, 4)
    return segments, np.array([first])


def test_segment_clips_leaves_segments_of_the_models_length_alone():
    clip = clip_of(2)
    [(windows, labels)] = segment_clips([clip], 4)
    assert windows is clip[0]
    assert labels is clip[1]


def test_segment_clips_cuts_across_segments():
    [(windows, _)] = segment_clips([clip_of(2)], 3)
    assert windows.tolist() == [[0, 1, 2], [3, 4, 5]]
    [(windows, _)] = segment_clips([clip_of(3)], 4, "chunks", num_chunks=4)
    assert windows[:, 0].tolist() == [0, 2, 4, 6]
    [(windows, _)] = segment_clips([clip_of(3)], 6, "centre")
    assert windows.tolist() == [[3, 4, 5, 6, 7, 8]]


def test_segment_clips_seeds_a_random_window_by_the_place_of_the_clip():
    clips = [clip_of(9, first=100 * number) for number in range(5)]
    windows = [windows for windows, _ in segment_clips(clips, 4, "random")]
    expected = [
        choose_segments(segments.ravel(), 4, "random", seed=number)
        for number, (segments, _) in enumerate(clips)
    ]
    np.testing.assert_array_equal(windows, expected)
    assert len({int(window[0, 0]) % 100 for window in windows}) > 1
