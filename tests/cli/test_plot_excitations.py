import dataclasses

import numpy as np
import pandas as pd
import pytest

from resemul import cli
from resemul.checkpoints.card import ModelCard
from resemul.checkpoints.model_file import save_model
from resemul.configs import SampleCNNConfig
from resemul.excitations import save_excitations
from resemul.models import build_model
from resemul.records import read_record_set

FIGURES = [
    "excitations_tags.png",
    "excitations_block1.png",
    "excitations_block5.png",
    "excitations_block9.png",
    "spread.png",
]


@pytest.fixture
def table():
    """Two clips, one per tag; they differ by 0.4, at depth 0 only."""
    rows = [
        (np.full(4, 0.3 + 0.4 * clip * (depth == 0), "float32"), depth, 1 - clip, clip)
        for clip in (0, 1)
        for depth in range(9)
    ]
    return pd.DataFrame(rows, columns=["ex", "depth", "metal", "harp"])


@pytest.fixture
def plot(tmp_path, table, capsys):
    """Runs the command on `table`; returns status, output and errors."""

    def run(*options):
        path = tmp_path / "ex.parquet"
        save_excitations(table, path)
        out_dir = ["--out-dir", str(tmp_path / "figures")]
        status = cli.run(["plot-excitations", str(path), *out_dir, *options])
        captured = capsys.readouterr()
        return status, captured.out.splitlines(), captured.err

    return run


def is_png(path):
    return path.read_bytes().startswith(b"\x89PNG")


def test_all_figures_are_drawn_and_named(plot, tmp_path):
    status, output, _ = plot()
    figures = [tmp_path / "figures" / name for name in FIGURES]
    assert status == 0
    assert output[:-1] == [str(path) for path in figures]
    assert all(is_png(path) for path in figures)
    assert sorted((tmp_path / "figures").iterdir()) == sorted(figures)


def test_spread_of_every_depth_is_printed(plot):
    assert plot()[1][-1] == (
        "standard deviation over tags, by block: 0.2000" + " 0.0000" * 8
    )


def test_unknown_tag_is_told(plot):
    status, _, errors = plot("--tags", "metal, lute")
    assert status == 1
    assert errors == (
        "resemul plot-excitations: error: no clip has the tag 'lute'; there are metal, "
        "harp\n"
    )


@pytest.mark.parametrize(
    ("text", "known", "expected"),
    [
        (None, ["dance", "harp", "metal"], ["metal", "dance"]),
        (None, ["harp", "lute", "oboe", "viol"], ["harp", "lute", "oboe"]),
        ("no vocals, harp", ["harp"], ["no vocals", "harp"]),
    ],
)
def test_compared_tags(text, known, expected):
    from resemul.cli.plot_excitations import _choose_tags

    assert _choose_tags(text, pd.DataFrame({"tag": known * 2})) == expected


def test_table_without_tagged_clips_is_told(plot, table):
    table[["metal", "harp"]] = 0
    status, _, errors = plot()
    assert status == 1
    assert "has no clip with a tag" in errors


def test_folder_that_cannot_be_made_is_told(plot, tmp_path):
    (tmp_path / "figures").touch()
    status, _, errors = plot()
    assert status == 1
    assert f"{tmp_path / 'figures'} cannot be made a folder: File exists" in errors


def test_model_adds_the_loudness_figure(
    plot, tmp_path, tiny_records, tiny_model_options
):
    card = ModelCard(
        model="sample_cnn",
        options=dataclasses.asdict(SampleCNNConfig(**tiny_model_options)),
        tags=list(read_record_set(tiny_records).tags),
        sample_rate=22_050,
        num_samples=59_049,
    )
    model = tmp_path / "model.keras"
    save_model(build_model("sample_cnn", 3, **tiny_model_options), card, model)
    status, output, _ = plot("--model", str(model), "--data-dir", str(tiny_records))
    assert status == 0
    # The 7 test clips of conftest.py have 9 segments.
    assert output[-2].startswith("Block 1, 9 segments: ")
    assert output[-1] == str(tmp_path / "figures" / "loudness.png")
    assert is_png(tmp_path / "figures" / "loudness.png")
