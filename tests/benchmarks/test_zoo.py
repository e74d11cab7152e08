"""What the table of models shows, and where it is kept."""

import pytest

table = pytest.importorskip("benchmarks.table")
zoo = pytest.importorskip("benchmarks.zoo")

RESULT = zoo.Result("fcn5", 1_250_000, 16_000, 29.0, 0.912345, 0.8, 10.0, 25.04)


def test_rates_are_examples_and_seconds_of_audio_per_second():
    header, rule, row = zoo.render([RESULT], "float32").splitlines()[2:]
    assert rule.startswith("| --- | ---: |")
    assert header.count("x real time") == 2
    assert row == (
        "| `fcn5` | 1,250,000 | 16,000 | 29.00 | 10.0 | 290 | 25.0 | 726 | 0.912 | "
        "0.800 |"
    )


def test_short_table_has_what_one_chooses_a_model_by():
    row = zoo.render_short([RESULT]).splitlines()[-1]
    assert row == "| `fcn5` | 1.2 M | 29.0 s | 10.0 | 25.0 | 0.912 |"


def test_text_is_kept_between_its_markers_alone(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("above\n<!-- zoo -->\nold\n<!-- zoo ends -->\nbelow\n")
    for _ in range(2):
        table.keep(path, "zoo", "new")
        assert path.read_text() == (
            "above\n<!-- zoo -->\n\nnew\n\n<!-- zoo ends -->\nbelow\n"
        )


def test_text_without_its_markers_is_refused(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("nothing here\n")
    with pytest.raises(ValueError, match="zoo"):
        table.keep(path, "zoo", "new")
    assert path.read_text() == "nothing here\n"
