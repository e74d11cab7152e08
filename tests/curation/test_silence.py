import numpy as np
import pandas as pd
import pytest

from resemul.configs.curation import PADDINGS, SilenceFilter
from resemul.curation.silence import (
    SILENCE_COLUMNS,
    add_silence,
    describe_intervals,
    filter_silence,
    find_intervals,
    frame_powers,
    has_silence_columns,
)
from resemul.errors import ConfigError, DatasetError


def sound(*parts):
    """A waveform of (samples, amplitude)."""
    return np.concatenate([np.full(n, a, "float32") for n, a in parts])


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("cuts", [[], [7, 2000], [1024, 1025, 1536]])
def test_frames_are_centred_and_do_not_depend_on_the_blocks(padding, cuts):
    waveform = np.random.default_rng(0).normal(size=5121).astype("float32")
    power, num_samples = frame_powers(np.split(waveform, cuts), padding)
    mode = "constant" if padding == "zeros" else "reflect"
    padded = np.pad(waveform.astype("float64"), 1024, mode=mode)
    expected = [np.mean(padded[i * 512 :][:2048] ** 2) for i in range(11)]
    assert num_samples == 5121
    np.testing.assert_allclose(power, expected, rtol=1e-6)


def test_intervals_are_whole_hops_up_to_the_end():
    waveform = sound((5120, 0.0), (4096, 0.5), (10240, 0.0), (3000, 0.5))
    intervals, num_samples = find_intervals([waveform])
    assert num_samples == 22_456
    # A frame is heard if it reaches into the sound: up to 1023 samples around it.
    assert intervals.tolist() == [[4608, 10240], [18944, 22456]]


def test_a_part_60_db_below_the_loudest_frame_is_silent():
    loud, almost, below = (4096, 1.0), (8192, 1.1e-3), (8192, 0.9e-3)
    assert len(find_intervals([sound(loud, almost, loud)])[0]) == 1
    assert len(find_intervals([sound(loud, below, loud)])[0]) == 2


def test_a_file_of_zeros_is_silent_all_over():
    intervals, num_samples = find_intervals([np.zeros(44_100, "float32")])
    assert intervals.shape == (0, 2)
    assert num_samples == 44_100
    described = describe_intervals(intervals / 44_100)
    assert described["effective_clip_length"] == 0
    assert described["silence_percentage"] == 100
    assert find_intervals([])[0].shape == (0, 2)


def test_a_quiet_file_is_not_silent():
    intervals, _ = find_intervals([np.full(44_100, 1e-4, "float32")])
    assert intervals.tolist() == [[0, 44_100]]


@pytest.mark.parametrize("num_samples", [1, 600, 1024, 1025])
@pytest.mark.parametrize("padding", PADDINGS)
def test_files_shorter_than_a_frame_are_heard(num_samples, padding):
    intervals, found = find_intervals([np.ones(num_samples, "float32")], padding)
    assert found == num_samples
    assert intervals.tolist() == [[0, num_samples]]


def test_an_unknown_padding_is_refused():
    with pytest.raises(ConfigError, match="zeros"):
        find_intervals([], "edge")


def test_the_nine_columns():
    seconds = np.array([[1.0, 2.0], [2.5, 5.0], [9.0, 11.0]])
    described = describe_intervals(seconds)
    assert tuple(described) == SILENCE_COLUMNS
    assert described == {
        "effective_clip_length": 10.0,
        "audio_start": 1.0,
        "audio_end": 11.0,
        "mid_silence_length": 4.5,
        "non_silence_length": 5.5,
        "max_silence_length": 4.0,
        "silence_detail": [(2.0, 2.5), (5.0, 9.0)],
        "silence_detail_length": [0.5, 4.0],
        "silence_percentage": 45.0,
    }
    assert "np." not in repr(described)  # numbers that any program can read


def test_a_track_without_a_gap():
    described = describe_intervals(np.array([[0.0, 4.0]]))
    assert described["max_silence_length"] == 0.0
    assert described["silence_detail"] == []
    assert described["silence_percentage"] == 0.0


def fetched():
    return pd.DataFrame(
        {
            "track_7digitalid": [1, 2],
            "file_path": ["a", "b"],
            "file_size": [9, 8],
            "channels": [1, 2],
            "clip_length": [3.0, 4.0],
        },
        index=[5, 9],
    )


INTERVALS = [np.array([[0.0, 1.0]]), np.empty((0, 2))]


def test_columns_stand_where_the_original_puts_them():
    table = add_silence(fetched(), INTERVALS, ["a.npz", "b.npz"])
    assert table.columns.tolist() == [
        *("track_7digitalid", "file_size", "channels", "mp3_path", "npz_path"),
        *("clip_length", *SILENCE_COLUMNS),
    ]
    assert table["mp3_path"].tolist() == ["a", "b"]
    assert table.index.tolist() == [5, 9]
    matched = fetched().assign(track_id="TR", year=0)
    matched = matched[
        ["track_id", "track_7digitalid", "year", "file_path", "file_size"]
    ]
    table = add_silence(matched, INTERVALS)
    assert table.columns.tolist()[:5] == [
        *("track_id", "track_7digitalid", "year", "mp3_path", "file_size")
    ]
    assert has_silence_columns(table)


def test_columns_that_are_there_in_part_are_made_anew():
    table = add_silence(fetched(), INTERVALS).drop(columns="audio_end")
    assert not has_silence_columns(table)
    again = add_silence(table, INTERVALS)
    assert again.columns.tolist() == add_silence(fetched(), INTERVALS).columns.tolist()


def test_filters_keep_what_is_at_the_limit_but_for_the_size():
    table = pd.DataFrame(
        {
            "file_size": [0, 5, 6, 6, 6],
            "effective_clip_length": [9.0, 9.0, 9.0, 8.9, 9.0],
            "mid_silence_length": [0.0, 0.0, 3.0, 3.0, 3.1],
            "max_silence_length": [0.0, 0.0, 1.0, 1.0, 1.1],
        }
    )

    def left(**wanted):
        return filter_silence(table, SilenceFilter(**wanted)).index.tolist()

    assert left() == [1, 2, 3, 4]
    assert left(min_size=5) == [2, 3, 4]
    assert left(trim_length=9) == [1, 2, 4]
    assert left(tot_silence=3) == [1, 2, 3]
    assert left(max_silence=1) == [1, 2, 3]
    assert left(min_size=5, trim_length=9, tot_silence=3, max_silence=1) == [2]


def test_filters_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match="--filter-trim-length must be 0 or more"):
        SilenceFilter(trim_length=-1)
    table = pd.DataFrame({"effective_clip_length": [1.0]})
    assert len(filter_silence(table, SilenceFilter())) == 1
    with pytest.raises(DatasetError, match="no column file_size"):
        filter_silence(table, SilenceFilter(min_size=1))
    assert SilenceFilter().is_off
    assert not SilenceFilter(max_silence=1).is_off
