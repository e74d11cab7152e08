import dataclasses
import json

import pytest

from resemul import cli
from resemul.checkpoints.card import ModelCard, read_card
from resemul.checkpoints.model_file import load_model, save_model
from resemul.configs import SampleCNNConfig
from resemul.evaluation.thresholds import fit_thresholds
from resemul.models import build_model
from resemul.records import read_record_set
from resemul.records.manifest import checksum


@pytest.fixture(scope="module")
def model(tiny_model_options):
    """An untrained model; what it says depends on the waveform."""
    import keras

    keras.utils.set_random_seed(1)
    return build_model("sample_cnn", 3, **tiny_model_options)


@pytest.fixture
def fit(tiny_records, tmp_path, model, tiny_model_options, capsys):
    """Saves the model, runs `resemul thresholds`; returns status, output, errors."""
    path = tmp_path / "model.keras"
    card = ModelCard(
        model="sample_cnn",
        options=dataclasses.asdict(SampleCNNConfig(**tiny_model_options)),
        tags=list(read_record_set(tiny_records).tags),
        sample_rate=22_050,
        num_samples=59_049,
        scores={"val_loss": 0.5},
    )

    def run(*options, **card_changes):
        rate = card_changes.get("sample_rate", 22_050)
        card.options["sample_rate"] = rate
        run.saved = save_model(model, dataclasses.replace(card, **card_changes), path)
        status = cli.run(
            ["thresholds", str(path), "--data-dir", str(tiny_records), *options]
        )
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    run.path, run.data_dir = path, tiny_records
    return run


def change_validation_labels(data_dir, labels):
    """Gives all validation clips these labels, and silence to listen to."""
    import numpy as np
    import tensorflow as tf

    from resemul.records.schema import encode_segment

    [path] = (data_dir / "tfrecord").glob("val-*")
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(3):
            segment = np.zeros(59_049, "float32")
            writer.write(encode_segment(segment, np.array(labels, "uint8")))
    manifest = data_dir / "tfrecord" / "manifest.json"
    content = json.loads(manifest.read_text())
    for shard in content["shards"]:
        shard.update(sha256="", ends_sha256="")
    manifest.write_text(json.dumps({**content, "checksum": checksum(content)}))


def test_thresholds_are_written_into_the_card_and_nothing_else_changes(fit):
    status, out, _ = fit("--batch-size", "2")
    assert status == 0
    loaded, card = load_model(fit.path)
    expected = fit_thresholds(loaded, read_record_set(fit.data_dir)).by_tag
    assert len(expected) >= 2
    assert card.thresholds == pytest.approx(expected)
    assert card.scores == {"val_loss": 0.5}
    assert dataclasses.replace(card, thresholds={}) == fit.saved
    assert out.endswith(f"model.json: {len(expected)} thresholds\n")
    assert sorted(p.name for p in fit.path.parent.iterdir() if p.is_file()) == [
        "model.json",
        "model.keras",
    ]


def test_thresholds_prints_a_line_for_each_tag(fit):
    change_validation_labels(fit.data_dir, [1, 0, 1])
    status, out, _ = fit()
    assert status == 0
    first, second, third = read_record_set(fit.data_dir).tags
    header, columns, *rows, mean, missing, _ = out.splitlines()
    assert header == "split mtt-tagged: 3 validation clips"
    assert columns.split() == ["tag", "positive", "threshold", "F1"]
    by_tag = read_card(fit.path).thresholds
    assert [row.split() for row in rows] == [
        [first, "3", f"{by_tag[first]:.4f}", "1.0000"],
        [second, "0"],
        [third, "3", f"{by_tag[third]:.4f}", "1.0000"],
    ]
    assert mean == "mean F1 1.0000 over 2 tags"
    assert missing == f"no threshold, as no validation clip has them: {second}"


def test_thresholds_are_the_same_from_audio(fit):
    _, out, _ = fit()
    status, from_audio, _ = fit("--from-audio", "--num-workers", "1")
    assert status == 0
    assert from_audio == out


def test_thresholds_without_a_manifest_says_that_it_counts_segments(fit):
    (fit.data_dir / "tfrecord/manifest.json").unlink()
    status, out, _ = fit()
    assert status == 0
    assert out.startswith("split unknown: 3 validation segments (no manifest")


def test_thresholds_replaces_those_of_an_earlier_run(fit):
    assert fit(thresholds={"low": 12.5})[0] == 0
    assert read_card(fit.path).thresholds["low"] < 1


def test_thresholds_of_clips_without_tags_are_an_error(fit):
    change_validation_labels(fit.data_dir, [0, 0, 0])
    status, out, err = fit(thresholds={"low": 0.5})
    assert (status, out) == (1, "")
    assert "has any of the tags, so no threshold can be fitted" in err
    assert read_card(fit.path).thresholds == {"low": 0.5}


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ({"sample_rate": 16_000}, "sample_rate 22050 instead of 16000"),
        ({"tags": ["low", "high", "rock"]}, "3 tags instead of 3, without rock"),
    ],
)
def test_thresholds_refuses_a_model_of_other_data(fit, card, message):
    status, _, err = fit(**card)
    assert status == 1
    assert message in err
    assert json.loads(fit.path.with_suffix(".json").read_text())["thresholds"] == {}


def test_thresholds_of_a_file_without_a_card_says_to_import_it(fit, capsys):
    command = ["thresholds", "old/fcn.pth", "--data-dir", str(fit.data_dir)]
    assert cli.run(command) == 1
    err = capsys.readouterr().err
    assert "'resemul import old/fcn.pth fcn.keras' makes one of it" in err
    assert err.count("\n") == 1


def test_thresholds_refuses_a_batch_of_nothing(fit):
    status, _, err = fit("--batch-size", "0")
    assert status == 1
    assert "--batch-size must be at least 1, got 0" in err
