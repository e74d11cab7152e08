"""The last line of a run."""

from resemul.tagging.results import TagResult
from resemul.tagging.summary import Summary


def result(status, seconds=0.0):
    return TagResult("a", "m", status, seconds=seconds)


def test_a_run_is_summed_up_in_one_line():
    times = iter([0.0, 60.0, 60.0])
    summary = Summary(clock=lambda: next(times))
    summary.add([result("tagged", 3_600)], is_known=False)
    summary.add([result("tagged", 1_800), result("failed")], is_known=False)
    summary.add([result("silent", 9_999)], is_known=True)
    assert summary.num_failed == 1
    assert summary.describe(share_heard=0.25) == (
        "1 tagged, 1 silent, 1 failed (1 of them by an earlier run); 2 files/min, "
        "1.5 hours of audio/min; 25% of each file was heard"
    )
