"""Models by runtime: same outputs, and a table that a reader can check."""

import pytest

runtimes = pytest.importorskip("benchmarks.runtimes")


def test_runtimes_agree_and_take_turns():
    timing = runtimes.measure_model(
        "musicnn", 2, channels=2, mid_channels=3, dense_units=4
    )
    assert timing.problem == ""
    assert timing.seconds == 3.008
    assert timing.difference < 1e-4
    assert {name: len(times) for name, times in timing.milliseconds.items()} == {
        "onnx": 2,
        "keras": 2,
    }


def test_table_has_medians_by_runtime():
    times = {"onnx": [10.0, 12.0, 50.0], "keras": [30.0, 18.0, 5.0]}
    timings = [
        runtimes.Timing("fcn5", 29.0, times, 2e-6),
        runtimes.Timing("other", problem="cannot be exported"),
    ]
    first, second = runtimes.render(timings).splitlines()[-2:]
    assert first == "| `fcn5` | 29.00 | 12.0 | 18.0 | 1.50x | 2e-06 |"
    assert second == "| `other` | cannot be exported |  |  |  |  |"
