"""`resemul train`: from options to a trained model."""

import pytest

from resemul.checkpoints.card import read_card_file
from resemul.checkpoints.model_file import load_model
from resemul.cli import run
from resemul.cli.run_options import run_config
from resemul.cli.train import build_parser
from resemul.configs import SampleCNNConfig

TINY = ["--init-features", "2", "--alpha", "1", "--batch-size", "8"]
SHORT = ["--num-lr-decays", "1", "--epochs", "1", "--steps-per-epoch", "1"]


def _train(data_dir, train_dir, *options):
    paths = ["--data-dir", str(data_dir), "--train-dir", str(train_dir)]
    return run(["train", *paths, *TINY, *SHORT, *options])


def test_train_prints_each_stage_with_its_split_and_clips(
    tiny_records, tmp_path, capsys
):
    assert _train(tiny_records, tmp_path / "log", "--block", "rese", "--no-multi") == 0
    stage, best = capsys.readouterr().out.splitlines()
    assert stage.startswith("stage 0: sgd, learning rate 0.01, 1 epochs, val_loss ")
    assert stage.endswith("7 clips)")
    assert best == f"best model: {tmp_path / 'log' / 'best.keras'}"
    model, card = load_model(tmp_path / "log" / "best.keras")
    exported = read_card_file(tmp_path / "log" / "best.onnx.json")
    assert (exported.sha256, exported.thresholds) == (card.sha256, card.thresholds)
    assert card.options["block"] == "rese"
    assert card.options["multi"] is False
    assert card.num_clips == {"train": 17, "val": 3, "test": 7}
    assert model.get_layer("block9_excitation").units == 8


def test_train_says_once_that_an_option_has_no_effect(tiny_records, tmp_path, capsys):
    twice = ["--num-audios-per-shard", "3"] * 2 + ["--num-segments-per-audio", "2"]
    assert _train(tiny_records, tmp_path / "log", *twice) == 0
    lines = [x for x in capsys.readouterr().err.splitlines() if "no effect" in x]
    assert [line.split()[0] for line in lines] == [
        "--num-audios-per-shard",
        "--num-segments-per-audio",
    ]


def test_train_again_with_overwrite_begins_anew(tiny_records, tmp_path, capsys):
    assert _train(tiny_records, tmp_path / "log") == 0
    assert _train(tiny_records, tmp_path / "log", "--seed", "1") == 1
    assert "seed 0 -> 1" in capsys.readouterr().err
    assert _train(tiny_records, tmp_path / "log", "--seed", "1", "--overwrite") == 0


def test_train_without_records_says_how_to_make_them(tmp_path, capsys):
    assert _train(tmp_path, tmp_path / "log") == 1
    assert "does not exist; 'resemul build' writes it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--lr", "0"], "error: --lr must be above 0, got 0\n"),
        (["--batch-size", "0"], "error: --batch-size must be at least 1, got 0\n"),
        (["--initial-stage", "5"], "error: --initial-stage must be 0 to 4"),
        (["--dropout", "1"], "error: --dropout must be at least 0 and below 1, got 1"),
        (["--precision", "float8"], "error: --precision must be one of float32"),
        (["--plateau-patience", "1"], "error: --plateau-patience would have no effect"),
        (
            ["--devices", "2"],
            "--devices would have no effect, as the --strategy is",
        ),
        (["--strategy", "many"], "--strategy must be one of one, mirrored, multi-wor"),
        (
            ["--strategy", "mirrored", "--lr-range", "1e-6/1"],
            "one device: drop --st",
        ),
        (
            ["--strategy", "multi-worker"],
            "by Slurm's srun, or set TF_CONFIG for each",
        ),
    ],
)
def test_train_refuses_values_that_cannot_work(option, message, capsys):
    assert run(["train", *option]) == 1
    assert message in capsys.readouterr().err


def test_train_defaults_are_those_of_the_original():
    args = build_parser().parse_args([])
    config = run_config(args)
    original = {
        "lr": 0.01,
        "lr_decay": 0.2,
        "momentum": 0.9,
        "batch_size": 23,
        "num_lr_decays": 5,
        "patience": 2,
        "initial_stage": 0,
        "num_read_threads": 8,
    }
    assert {name: getattr(config.training, name) for name in original} == original
    model = SampleCNNConfig(**config.model_options)
    assert (model.block, model.multi, model.alpha) == ("se", True, 16)
    assert (model.dropout, model.weight_decay) == (0.5, 0.0)
    assert str(args.data_dir) == "dataset"
    assert str(args.train_dir) == "log"
