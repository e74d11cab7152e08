import csv
import dataclasses
import json

import numpy as np
import pytest

from resemul import cli
from resemul.checkpoints.card import ModelCard
from resemul.checkpoints.model_file import save_model
from resemul.configs import SampleCNNConfig
from resemul.evaluation.metrics import macro_scores
from resemul.evaluation.predictions import load_predictions
from resemul.models import build_model
from resemul.records import read_record_set
from resemul.records.manifest import checksum

# In the records of conftest.py.
NUM_TEST_CLIPS = 7


@pytest.fixture(scope="module")
def model(tiny_model_options):
    """An untrained model; what it says depends on the waveform."""
    import keras

    keras.utils.set_random_seed(1)
    return build_model("sample_cnn", 3, **tiny_model_options)


@pytest.fixture
def save(tmp_path, model, tiny_model_options):
    """Saves the model with a card in which some fields are changed."""

    def save_with(**changes):
        options = dataclasses.asdict(SampleCNNConfig(**tiny_model_options))
        options["sample_rate"] = changes.get("sample_rate", 22_050)
        card = ModelCard(
            model="sample_cnn",
            options=options,
            tags=["high", "low", "loud"],
            sample_rate=22_050,
            num_samples=59_049,
        )
        path = tmp_path / "model.keras"
        save_model(model, dataclasses.replace(card, **changes), path)
        return path

    return save_with


@pytest.fixture
def evaluate(tiny_records, save, capsys, tmp_path, monkeypatch):
    """Runs `resemul eval` on `tiny_records`; returns status, output and errors."""
    monkeypatch.setenv("RESEMUL_HOME", str(tmp_path / "cache"))
    tags = list(read_record_set(tiny_records).tags)

    def run(*options, **card):
        path = save(**{"tags": tags, **card})
        arguments = ["eval", str(path), "--data-dir", str(tiny_records), *options]
        status = cli.run(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    run.data_dir = tiny_records
    return run


def change_manifest(data_dir, change):
    """Changes the manifest as if the build had written it so, without hashes."""
    path = data_dir / "tfrecord/manifest.json"
    content = json.loads(path.read_text())
    change(content)
    for shard in content["shards"]:
        shard.update(sha256="", ends_sha256="")
    content["checksum"] = checksum(content)
    path.write_text(json.dumps(content))


def pretend_a_clip_was_skipped(content):
    [shard, *_] = [s for s in content["shards"] if s["split"] == "test"]
    skipped = {"clip_id": "1", "path": "d/1.mp3", "split": "test", "reason": "empty"}
    shard["skipped"].append(skipped)


def test_eval_prints_split_and_scores(evaluate, caplog):
    caplog.set_level("INFO")
    status, out, _ = evaluate()
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "split mtt-tagged: 7 test clips scored, 0 skipped by the build"
    assert lines[1].startswith("ROC AUC 0.")
    assert lines[2].startswith("PR AUC  0.")
    assert len(lines) == 3
    assert "eval: 7/7 clips (100%)" in caplog.text


def test_eval_as_json_gives_the_scores_of_scikit_learn(evaluate, model):
    import tensorflow as tf
    from sklearn.metrics import average_precision_score, roc_auc_score

    status, out, _ = evaluate("--json", "--batch-size", "2")
    assert status == 0
    result = json.loads(out)
    labels, probabilities = [], []
    for path in sorted((evaluate.data_dir / "tfrecord").glob("test-*")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            clip = tf.train.SequenceExample.FromString(record)
            raw = clip.context.feature["raw_labels"].bytes_list.value[0]
            labels.append(np.frombuffer(raw, "u1"))
            segments = clip.feature_lists.feature_list["raw_segments"].feature
            waveforms = [np.frombuffer(s.bytes_list.value[0], "<f4") for s in segments]
            outputs = np.asarray(model(np.array(waveforms)))
            probabilities.append(outputs.mean(axis=0))
    assert result["roc_auc"] == pytest.approx(roc_auc_score(labels, probabilities))
    expected = average_precision_score(labels, probabilities)
    assert result["pr_auc"] == pytest.approx(expected)
    assert result["num_clips"] == NUM_TEST_CLIPS
    assert result["split_name"] == "mtt-tagged"
    assert result["unscored_tags"] == []
    assert result["intervals"] == {}


def test_eval_writes_the_scores_of_each_tag(evaluate, tmp_path):
    table = tmp_path / "tags.csv"
    status, out, _ = evaluate("--csv", str(table), "--per-tag")
    assert status == 0
    rows = list(csv.DictReader(table.open(newline="")))
    assert list(rows[0]) == ["tag", "num_positive", "roc_auc", "pr_auc"]
    assert {row["tag"] for row in rows} == {"low", "high", "loud"}
    by_tag = {row["tag"]: int(row["num_positive"]) for row in rows}
    assert by_tag["low"] + by_tag["high"] == NUM_TEST_CLIPS
    assert f"\nlow   {by_tag['low']:8d}  " in out
    assert list(tmp_path.glob(".tags.csv*")) == []


def test_eval_adds_intervals_that_depend_on_the_seed(evaluate):
    _, out, _ = evaluate("--bootstrap", "50", "--json", "--seed", "1")
    _, again, _ = evaluate("--bootstrap", "50", "--json", "--seed", "1")
    _, other, _ = evaluate("--bootstrap", "50", "--json", "--seed", "2")
    assert out == again
    low, high = json.loads(out)["intervals"]["roc_auc"]
    assert 0 <= low <= json.loads(out)["roc_auc"] <= high <= 1
    assert json.loads(other)["intervals"] != json.loads(out)["intervals"]


def test_eval_names_tags_that_cannot_be_scored(evaluate):
    """Every test clip is given the first tag and none the second."""
    import tensorflow as tf

    from resemul.records.schema import encode_clip

    folder = evaluate.data_dir / "tfrecord"
    labels = [np.array([1, 0, i % 2], "u1") for i in range(4)]
    for path in sorted(folder.glob("test-*")):
        with tf.io.TFRecordWriter(str(path)) as writer:
            for row in labels:
                writer.write(encode_clip(np.zeros((1, 59_049), "f4"), row))

    def resize(content):
        for shard in content["shards"]:
            shard["num_bytes"] = (folder / shard["file"]).stat().st_size
            if shard["split"] == "test":
                shard["clips"] = [[f"{shard['file']} {i}", 1] for i in range(4)]

    change_manifest(evaluate.data_dir, resize)
    tags = read_record_set(evaluate.data_dir).tags
    status, out, _ = evaluate("--per-tag")
    assert status == 0
    assert f"every test clip has them: {tags[0]}, {tags[1]}" in out
    # The model sees silence in all clips: chance for the one tag with a score.
    assert "ROC AUC 0.5000" in out
    _, out, _ = evaluate("--json")
    assert [row["roc_auc"] for row in json.loads(out)["per_tag"]] == [None, None, 0.5]


def test_strict_accepts_a_split_that_is_whole(evaluate):
    assert evaluate("--strict")[0] == 0


def test_strict_refuses_a_split_with_skipped_clips(evaluate):
    change_manifest(evaluate.data_dir, pretend_a_clip_was_skipped)
    status, out, err = evaluate("--strict")
    assert status == 1
    assert out == ""
    assert "7 clips can be scored, the test split has 8: the build skipped 1" in err
    assert "1 skipped by the build" in evaluate()[1]


def test_strict_without_a_manifest_counts_the_annotated_clips(evaluate):
    (evaluate.data_dir / "tfrecord/manifest.json").unlink()
    status, out, _ = evaluate("--strict")
    assert status == 0
    assert out.startswith("split unknown: 7 test clips scored, 0 skipped")
    # A clip of the most frequent tag, so that the order of the tags stays the same.
    annotations = evaluate.data_dir / "annotations_final.csv"
    with annotations.open("a", newline="") as file:
        file.write('"999"\t"0"\t"1"\t"0"\t"f/gone.mp3"\r\n')
    status, _, err = evaluate("--strict")
    assert status == 1
    assert "7 clips can be scored, the test split has 8" in err


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ({"sample_rate": 16_000}, "sample_rate 22050 instead of 16000"),
        (
            {"num_samples": 59_050},
            "its card says 59050 at 22050 Hz",
        ),
        ({"tags": ["low", "high", "rock"]}, "3 tags instead of 3, without rock"),
        ({"tags": ["high", "loud", "low"]}, "the same tags in another order"),
    ],
)
def test_eval_refuses_a_model_of_other_data(evaluate, card, message):
    status, _, err = evaluate(**card)
    assert status == 1
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--batch-size", "0"], "--batch-size must be at least 1, got 0"),
        (["--bootstrap", "-1"], "--bootstrap must be at least 0, got -1"),
        (["--csv", "/dev/null/tags.csv"], "/dev/null/tags.csv cannot be written"),
        (["--csv", "/"], "/ is a folder"),
        (["--predictions", "/"], "/ is a folder"),
        (["--metric", "no_such_module:f"], "there is no module 'no_such_module'"),
    ],
)
def test_eval_refuses_bad_options_before_it_works(evaluate, option, message):
    status, out, err = evaluate(*option)
    assert status == 1
    assert out == ""
    assert message in err
    assert "clips" not in err


def test_eval_writes_predictions_that_can_be_compared(evaluate, tmp_path, capsys):
    path = tmp_path / "a.npz"
    status, out, _ = evaluate("--predictions", str(path), "--json")
    assert status == 0
    saved = load_predictions(path)
    records = read_record_set(evaluate.data_dir)
    assert saved.predictions.clip_ids == records.clip_ids
    assert saved.tags == records.tags
    assert saved.about["split_name"] == "mtt-tagged"
    scores = macro_scores(saved.predictions.labels, saved.predictions.probabilities)
    assert scores["roc_auc"] == json.loads(out)["roc_auc"]
    assert cli.run(["compare", str(path), str(path), "--bootstrap", "5"]) == 0
    assert "no difference can be told" in capsys.readouterr().out


def test_eval_takes_a_metric_of_ones_own(evaluate, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_module.py").write_text(
        "def share(labels, probabilities):\n    return labels.mean(axis=0)\n"
    )
    table = tmp_path / "tags.csv"
    options = ["--metric", "my_module:share", "--csv", str(table)]
    status, out, _ = evaluate(*options, "--bootstrap", "4")
    assert status == 0
    assert [line[:7] for line in out.splitlines()[1:4]] == [
        "ROC AUC",
        "PR AUC ",
        "share  ",
    ]
    rows = list(csv.DictReader(table.open(newline="")))
    for row in rows:
        expected = int(row["num_positive"]) / NUM_TEST_CLIPS
        assert float(row["share"]) == pytest.approx(expected)
    result = json.loads(evaluate(*options, "--json", "--bootstrap", "4")[1])
    assert set(result["intervals"]) == {"roc_auc", "pr_auc", "share"}


def test_eval_goes_on_after_a_stop(evaluate, tmp_path, monkeypatch, caplog):
    from resemul.evaluation import partial

    _, expected, _ = evaluate("--json")
    append, done = partial._append, []

    def stop_at_the_fourth(file, row):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(row)
        return append(file, row)

    monkeypatch.setattr(partial, "_append", stop_at_the_fourth)
    assert evaluate("--json", "--batch-size", "1")[0] == 130
    monkeypatch.setattr(partial, "_append", lambda *a: done.append(1) or append(*a))
    caplog.set_level("INFO")
    status, out, _ = evaluate("--json", "--batch-size", "1")
    assert status == 0
    assert "3 clips were predicted before a stop" in caplog.text
    assert len(done) == NUM_TEST_CLIPS
    assert json.loads(out)["roc_auc"] == json.loads(expected)["roc_auc"]
    assert list((tmp_path / "cache").rglob("*.part")) == []


def test_eval_on_a_full_disk_prints_what_it_found(evaluate, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pandas.DataFrame.to_csv", full)
    table = tmp_path / "tags.csv"
    status, out, err = evaluate("--csv", str(table))
    assert status == 1
    assert "ROC AUC 0." in out
    assert err.endswith(f"{table} cannot be written: No space left on device\n")
    assert list(tmp_path.glob("*tags.csv*")) == []


def test_eval_refuses_outputs_that_are_no_numbers(evaluate, model):
    weights = model.get_weights()
    try:
        model.get_layer("tags").bias.assign([np.inf, 0, 0])
        model.get_layer("tags").kernel.assign(
            np.full(model.get_layer("tags").kernel.shape, -np.inf)
        )
        status, out, err = evaluate()
    finally:
        model.set_weights(weights)
    assert (status, out) == (1, "")
    assert "are not finite numbers for 7 of 7 clips" in err


def test_eval_leaves_no_table_when_it_fails(evaluate, tmp_path):
    assert evaluate("--csv", str(tmp_path / "tags.csv"), tags=list("abc"))[0] == 1
    assert [p.name for p in tmp_path.iterdir() if "csv" in p.name] == []


def test_eval_says_what_to_do_without_records(tmp_path, save, capsys):
    status = cli.run(["eval", str(save()), "--data-dir", str(tmp_path)])
    assert status == 1
    assert "'resemul build' writes it" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["gone.keras", "old.hdf5"])
def test_eval_of_a_file_that_is_no_model_is_one_line(tiny_records, capsys, name):
    path = tiny_records / name
    if name == "old.hdf5":
        path.write_bytes(b"\x89HDF\r\n")
    assert cli.run(["eval", str(path), "--data-dir", str(tiny_records)]) == 1
    err = capsys.readouterr().err
    assert err.startswith("resemul eval: error: ")
    assert name in err
    assert err.count("\n") == 1
