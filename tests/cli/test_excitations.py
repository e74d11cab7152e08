import dataclasses

import numpy as np
import pytest

from resemul import cli
from resemul.checkpoints.card import ModelCard
from resemul.checkpoints.model_file import save_model
from resemul.configs import SampleCNNConfig
from resemul.excitations import load_excitations, mean_by_tag
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

    def run(model, out, *options):
        arguments = [str(model), "--data-dir", str(tiny_records), "--out", str(out)]
        arguments += map(str, options)
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
    about = {"model": "model.keras", "split_name": "mtt-tagged", "num_clips": 7}
    assert table.attrs == about


def test_excitations_of_audio_files_need_no_labels(
    save, extract, tmp_path, tiny_records
):
    """Clips of 3 s and of 6 s: segments of 2.7 s, the last of which ends the file."""
    songs = [
        tiny_records / "mp3" / name
        for name in ("0/tone-00-0-29.mp3", "1/tone-04-0-29.mp3")
    ]
    out = tmp_path / "song.parquet"
    status, output, _ = extract(save(), out, "--audio", *songs)
    assert (status, output) == (0, f"{out}: 45 rows, 5 segments x 9 blocks\n")
    table = load_excitations(out)
    assert list(table.columns) == [
        "ex",
        "depth",
        "path",
        "start_seconds",
        "end_seconds",
    ]
    first = table[table["depth"] == 0]
    assert first["path"].to_list() == [str(songs[0])] * 2 + [str(songs[1])] * 3
    length = 59_049 / 22_050
    assert first["start_seconds"].to_list()[2:4] == pytest.approx([0, length])
    assert (first["end_seconds"] - first["start_seconds"]).to_numpy() == pytest.approx(
        length
    )
    assert table.attrs == {"model": "model.keras", "num_files": 2}
    # Each file is a line in the figures.
    assert mean_by_tag(table)["tag"].unique().tolist() == list(map(str, songs))


def test_audio_file_that_is_not_there_is_told_before_the_model_is_read(
    extract, tmp_path
):
    song = tmp_path / "gone.mp3"
    result = extract(tmp_path / "gone.keras", tmp_path / "x.pkl", "--audio", song)
    assert result[0] == 1
    assert result[2] == f"resemul excitations: error: {song} is no file\n"


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
