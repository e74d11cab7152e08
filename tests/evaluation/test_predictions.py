import pickle
import zipfile

import numpy as np
import pytest

from resemul.errors import ConfigError, DatasetError
from resemul.evaluation.predictions import (
    SavedPredictions,
    load_predictions,
    save_predictions,
)
from resemul.prediction.labelled import LabelledPredictions

LABELS = np.array([[1, 0], [0, 1], [1, 1]], "float32")
PROBABILITIES = np.array([[0.5, 0.25], [0.75, 1], [0, 0.125]], "float32")


@pytest.fixture
def saved():
    predictions = LabelledPredictions(LABELS, PROBABILITIES, ("7", "ä", "b c"))
    return SavedPredictions(predictions, ("low", "high"), {"model": "a.keras"})


def test_predictions_come_back_as_they_were_saved(saved, tmp_path):
    save_predictions(saved, tmp_path / "p.npz")
    found = load_predictions(tmp_path / "p.npz")
    assert found.predictions.clip_ids == ("7", "ä", "b c")
    assert found.tags == ("low", "high")
    assert found.about == {"model": "a.keras"}
    np.testing.assert_array_equal(found.predictions.labels, LABELS)
    np.testing.assert_array_equal(found.predictions.probabilities, PROBABILITIES)
    assert [p.name for p in tmp_path.iterdir()] == ["p.npz"]


def test_clips_without_names_get_numbers(saved, tmp_path):
    unnamed = SavedPredictions(LabelledPredictions(LABELS, PROBABILITIES), saved.tags)
    save_predictions(unnamed, tmp_path / "p.npz")
    found = load_predictions(tmp_path / "p.npz")
    assert found.predictions.clip_ids == ("0", "1", "2")


def test_a_file_can_be_read_without_this_package(saved, tmp_path):
    save_predictions(saved, tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz", allow_pickle=False) as content:
        assert set(content) == {"ids", "labels", "probabilities", "tags", "about"}
        assert content["labels"].dtype == np.uint8


def test_a_file_that_holds_a_pickle_is_not_opened(saved, tmp_path):
    path = tmp_path / "p.npz"
    arrays = {"labels": LABELS, "probabilities": PROBABILITIES, "tags": ["a", "b"]}
    np.savez(path, ids=np.array([{}, {}, {}], object), **arrays)
    with pytest.raises(DatasetError, match="no file of predictions"):
        load_predictions(path)
    path.write_bytes(pickle.dumps({}))
    with pytest.raises(DatasetError, match="no file of predictions"):
        load_predictions(path)


def test_a_file_that_would_unpack_to_any_size_is_refused(saved, tmp_path, monkeypatch):
    monkeypatch.setattr("resemul.evaluation.predictions._MAX_BYTES", 10_000)
    path = tmp_path / "p.npz"
    save_predictions(saved, path)
    load_predictions(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more.npy", bytes(10_000))
    with pytest.raises(DatasetError, match="unpacks to"):
        load_predictions(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": LABELS[:2]}, r"labels are float32 \(2, 2\), but there are 3 ids"),
        ({"labels": LABELS * 3}, "labels have to be 0 or 1"),
        ({"probabilities": PROBABILITIES * np.nan}, "not all probabilities are"),
        ({"probabilities": LABELS.astype(str)}, "probabilities are <U"),
        ({"tags": None}, "has no tags"),
    ],
)
def test_other_contents_are_refused(tmp_path, changes, message):
    arrays = {
        "ids": np.array(["a", "b", "c"]),
        "labels": LABELS,
        "probabilities": PROBABILITIES,
        "tags": np.array(["low", "high"]),
    }
    arrays = {k: v for k, v in {**arrays, **changes}.items() if v is not None}
    np.savez(tmp_path / "p.npz", **arrays)
    with pytest.raises(DatasetError, match=message):
        load_predictions(tmp_path / "p.npz")


@pytest.mark.parametrize("num_bytes", [0, 3, 100, 400])
def test_damaged_files_are_told(saved, tmp_path, num_bytes):
    path = tmp_path / "p.npz"
    save_predictions(saved, path)
    path.write_bytes(path.read_bytes()[:num_bytes])
    with pytest.raises(DatasetError, match="no file of predictions"):
        load_predictions(path)


def test_a_missing_file_says_what_writes_it(tmp_path):
    with pytest.raises(DatasetError, match="'resemul eval MODEL --predictions"):
        load_predictions(tmp_path / "p.npz")


def test_predictions_that_cannot_be_written_are_told(saved, tmp_path):
    (tmp_path / "p.npz").mkdir()
    with pytest.raises(ConfigError, match=r"p.npz cannot be written"):
        save_predictions(saved, tmp_path / "p.npz")
