"""Commands on audio files: the results of the same commands on records."""

import json

import numpy as np

from resemul.cli import run_command

TRAIN = [
    *("--init-features", "4", "--alpha", "1", "--batch-size", "8", "--seed", "1"),
    *("--num-lr-decays", "1", "--epochs", "1", "--shuffle-buffer", "50"),
]


def train(data_dir, train_dir, *options):
    where = ["--data-dir", str(data_dir), "--train-dir", str(train_dir)]
    assert run_command("train", [*where, *TRAIN, *options]) == 0
    return train_dir / "best.keras"


def evaluate(model, data_dir, capsys, *options):
    capsys.readouterr()
    where = [str(model), "--data-dir", str(data_dir), "--json"]
    assert run_command("eval", [*where, *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_train_and_eval_from_audio_equal_those_on_records(
    tiny_dataset, tmp_path, capsys
):
    from resemul.checkpoints.model_file import load_model

    audio = train(tiny_dataset, tmp_path / "audio", "--from-audio")
    assert not (tiny_dataset / "tfrecord").exists()
    scores = evaluate(audio, tiny_dataset, capsys, "--from-audio", "--num-workers", "1")
    assert run_command("build", ["--data-dir", str(tiny_dataset)]) == 0
    records = train(tiny_dataset, tmp_path / "records")
    for mine, theirs in zip(
        load_model(audio)[0].get_weights(),
        load_model(records)[0].get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, theirs)
    assert evaluate(audio, tiny_dataset, capsys) == scores


def test_index_only_counts_and_writes_no_records(tiny_dataset, capsys):
    options = ["--data-dir", str(tiny_dataset), "--index-only", "--num-workers", "1"]
    assert run_command("build", options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("audio_index.json")
    assert lines[1].split() == ["train", "17", "clips", "18", "segments"]
    assert not (tiny_dataset / "tfrecord").exists()
