import csv
import json

import numpy as np
import pytest

from resemul import cli
from resemul.evaluation.predictions import SavedPredictions, save_predictions
from resemul.prediction.labelled import LabelledPredictions

IDS = tuple("abcdefgh")
LABELS = np.array([[1, 0], [0, 1]] * 4, "float32")


@pytest.fixture
def files(tmp_path):
    """Predictions of a model that is always wrong, and of one that is always right."""
    paths = [tmp_path / "wrong.npz", tmp_path / "right.npz"]
    for path, probabilities in zip(paths, (1 - LABELS, LABELS), strict=True):
        predictions = LabelledPredictions(LABELS, probabilities, IDS)
        about = {"model": f"{path.stem}.keras", "split_name": "mtt-tagged"}
        saved = SavedPredictions(predictions, ("low", "high"), about)
        save_predictions(saved, path)
    return [str(path) for path in paths]


def test_compare_prints_a_line_per_metric(files, capsys):
    assert cli.run(["compare", *files, "--bootstrap", "20"]) == 0
    head, roc_auc, pr_auc = capsys.readouterr().out.splitlines()
    assert head == "split mtt-tagged: 8 clips, 20 resamplings"
    assert roc_auc == (
        "ROC AUC  A 0.0000  B 1.0000  B - A +1.0000  (95% interval +1.0000 to +1.0000) "
        " B is better"
    )
    assert pr_auc.startswith("PR AUC ")


def test_compare_as_json_and_csv_has_every_tag(files, tmp_path, capsys):
    table = tmp_path / "tags.csv"
    options = ["--bootstrap", "20", "--json", "--csv", str(table)]
    assert cli.run(["compare", *files, *options]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["a"]["model"] == "wrong.keras"
    assert result["num_clips"] == 8
    assert result["roc_auc"]["difference"] == 1
    rows = list(csv.DictReader(table.open(newline="")))
    assert [row["tag"] for row in rows] == ["low", "high"] * 2
    assert [row["metric"] for row in rows] == ["roc_auc"] * 2 + ["pr_auc"] * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bootstrap", "0"], "--bootstrap must be at least 1, got 0"),
        (["--csv", "/"], "/ is a folder"),
        (["--metric", "f1"], "there is no metric 'f1'"),
    ],
)
def test_compare_refuses_bad_options(files, capsys, options, message):
    assert cli.run(["compare", *files, *options]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_compare_refuses_predictions_of_other_clips(files, tmp_path, capsys):
    other = tmp_path / "other.npz"
    predictions = LabelledPredictions(LABELS[:2], LABELS[:2], ("a", "z"))
    save_predictions(SavedPredictions(predictions, ("low", "high")), other)
    assert cli.run(["compare", files[0], str(other)]) == 1
    assert "A has 8 clips, B 2, and they are not the same" in capsys.readouterr().err


def test_compare_of_a_missing_file_says_what_writes_it(files, capsys):
    assert cli.run(["compare", files[0], "gone.npz"]) == 1
    assert "'resemul eval MODEL --predictions gone.npz'" in capsys.readouterr().err
