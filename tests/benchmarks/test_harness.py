"""How the benchmarks measure and what they print; no test asserts a time."""

import math
import os
import time

import pytest

harness = pytest.importorskip("benchmarks.harness")
table = pytest.importorskip("benchmarks.table")


def setup_job(path, name):
    def job():
        with path.open("a") as file:
            file.write(name)
        return 0.5

    return job


def setup_part():
    return lambda: (0.25, 0.5)


def setup_missing():
    raise ImportError("no module", name="torch")


def setup_broken():
    raise ValueError("cannot\n  work")


def setup_that_dies():
    if os.fork():
        os.abort()
    # A child goes on for a while with what it has inherited: the pipe, too.
    time.sleep(60)
    os._exit(0)


def test_variants_take_turns_and_the_first_run_is_not_counted(tmp_path):
    path = tmp_path / "log"
    variants = [harness.Variant(name, setup_job, (path, name)) for name in "ab"]
    first, second = harness.measure(variants, rounds=2)
    assert path.read_text() == "ababab"
    assert first.seconds == second.seconds == [0.5, 0.5]
    assert first.peak_bytes > 1_000_000


def test_what_cannot_run_is_told_and_stops_nothing(tmp_path):
    variants = [
        harness.Variant("died", setup_that_dies),
        harness.Variant("missing", setup_missing),
        harness.Variant("broken", setup_broken),
        harness.Variant("fine", setup_job, (tmp_path / "log", "x")),
    ]
    died, missing, broken, fine = harness.measure(variants, rounds=1)
    assert died.problem == "failed: its process died"
    assert missing.problem == "not installed (torch)"
    assert broken.problem == "failed: ValueError: cannot work"
    assert fine.seconds == [0.5]


def test_a_job_may_time_a_part_of_itself():
    [part] = harness.measure([harness.Variant("part", setup_part)], rounds=1)
    assert (part.seconds, part.cpu_seconds) == ([0.25], [0.5])


def test_processor_time_of_workers_counts_while_they_run():
    from resemul.runtime.processes import Workers

    with Workers(1) as workers:
        workers.submit(sum, [1]).result()
        watch = harness.Stopwatch()
        workers.submit(sum, range(10**7)).result()
        assert watch.read()[1] > 0.05


def test_table_shows_ratios_to_the_reference_and_the_share_of_the_peak():
    measurements = [
        harness.Measurement("peer", [2.0, 1.0, 4.0], [2.0], 10**9, is_reference=True),
        harness.Measurement("ours, bfloat16", [0.5], [1.0], 5 * 10**8),
        harness.Measurement("other", problem="not installed (x)"),
    ]
    stage = table.Stage("Step", "segments", amount=10, flop=100)
    peaks = {"float32": 100.0, "bfloat16": 400.0}
    text = table.render(stage, measurements, peaks)
    assert "| peer | 2 s | 1 s to 4 s | 5.0 | 1 | 2 s | 50% | 1.00 GB |" in text
    assert "| ours, bfloat16 | 0.5 s | 0.5 s to 0.5 s | 20.0 | 4.00x |" in text
    assert "| 50% | 0.50 GB |" in text
    assert "| other | not installed (x) |" in text


def test_table_without_a_reference_has_no_ratios():
    missing = harness.Measurement("peer", problem="not installed", is_reference=True)
    ours = harness.Measurement("ours", [1.0], [1.0])
    assert math.isnan(missing.median)
    text = table.render(table.Stage("Step", "runs", 1), [missing, ours], {})
    assert "| ours | 1 s | 1 s to 1 s | 1.0 |  | 1 s |" in text


def test_flop_of_the_network_is_what_its_layers_sum_up_to():
    from benchmarks.machine import forward_flop
    from resemul.models import build_model

    model = build_model("sample_cnn", 2, init_features=4, alpha=1)
    total = sum(
        2 * math.prod(layer.kernel.shape) * layer.output.shape[1]
        for layer in model.layers
        if layer.name.endswith("_conv")
    )
    assert forward_flop(init_features=4) == total


def test_results_of_an_instruction_set_replace_its_own_alone():
    text = "Head\n\n<!-- results: native -->\n\nold\n"
    replace_section = pytest.importorskip("benchmarks.__main__").replace_section
    text = replace_section(text, "avx2", "first of avx2")
    text = replace_section(text, "native", "new")
    text = replace_section(text, "avx2", "second of avx2")
    assert text == (
        "Head\n\n<!-- results: native -->\n\nnew\n\n<!-- results: avx2 -->\n\n"
        "second of avx2\n"
    )
