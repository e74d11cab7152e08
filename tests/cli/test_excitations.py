import dataclasses

import numpy as np
import pytest

from resemul import cli
from resemul.checkpoints.card import ModelCard
from resemul.checkpoints.model_file import save_model
from resemul.configs import SampleCNNConfig
from resemul.excitations import load_excitations
from resemul.models import build_model
from resemul.records import load_clips, read_record_set

NUM_TEST_CLIPS = 7


@pytest.fixture
def save(tmp_path, tiny_records, tiny_model_options):
    """Saves an untrained model that fits `tiny_records`, but for what is changed."""

    def save_with(block="se", **card_changes):
        rate = card_changes.get("sample_rate", 22_050)
        options = {**tiny_model_options, "block": block, "sample_rate": rate}
        card = ModelCard(
            model="sample_cnn",
            options=dataclasses.asdict(SampleCNNConfig(**options)),
            tags=list(read_record_set(tiny_records).tags),
            sample_rate=22_050,
            num_samples=59_049,
        )
        path = tmp_path / "model.keras"
        model = build_model("sample_cnn", 3, **options)
        save_model(model, dataclasses.replace(card, **card_changes), path)
        return path

    return save_with


@pytest.fixture
def extract(tiny_records, capsys):
    """Runs the command; returns status, output and errors."""

    def run(model, out):
        arguments = [str(model), "--data-dir", str(tiny_records), "--out", str(out)]
        status = cli.run(["excitations", *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.mark.parametrize("name", ["ex.pkl", "ex.parquet"])
def test_excitations_of_every_test_clip_are_written(
    save, extract, tmp_path, tiny_records, name
):
    out = tmp_path / "new" / name
    assert extract(save(), out)[:2] == (0, f"{out}: 63 rows, 7 clips x 9 blocks\n")
    table = load_excitations(out)
    records = read_record_set(tiny_records)
    labels = [labels for _, labels in load_clips(records).as_numpy_iterator()]
    assert len(labels) == NUM_TEST_CLIPS
    at_depth_8 = table[table["depth"] == 8]
    found = at_depth_8[list(records.tags)].to_numpy()
    np.testing.assert_array_equal(found, np.stack(labels))
    assert {ex.shape for ex in at_depth_8["ex"]} == {(16,)}


def test_unwritable_output_is_told_before_the_model_is_read(extract, tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "ex.pkl"
    status, _, errors = extract(tmp_path / "missing.keras", out)
    assert status == 1
    assert errors == (
        f"resemul excitations: error: {out} cannot be written: {out.parent} is no "
        "folder\n"
    )


def test_model_without_excitations_is_told_in_one_line(save, extract, tmp_path):
    status, _, errors = extract(save(block="res"), tmp_path / "ex.pkl")
    assert status == 1
    assert errors == (
        "resemul excitations: error: only models with blocks 'se' or 'rese' have "
        "excitations; this sample_cnn has blocks 'res'\n"
    )
    assert not (tmp_path / "ex.pkl").exists()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sample_rate": 16_000}, "sample_rate 22050 instead of 16000"),
        (
            {"num_samples": 60_000},
            "its card says 60000 at 22050 Hz",
        ),
        ({"tags": ["high", "low", "soft"]}, "without soft and with loud"),
    ],
)
def test_records_of_another_kind_are_refused(
    save, extract, tmp_path, changes, expected
):
    status, _, errors = extract(save(**changes), tmp_path / "ex.pkl")
    assert status == 1
    assert expected in errors


def test_defaults_are_those_of_the_original():
    from resemul.cli.excitations import build_parser

    args = build_parser().parse_args(["model.keras"])
    assert (str(args.data_dir), str(args.out)) == ("dataset", "excitations.pkl")
