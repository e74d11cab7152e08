"""Which models are used, and what is said of a wrong name."""

import pytest

from resemul.errors import WeightsError
from resemul.tagging import opening
from resemul.tagging.opening import looks_like_model_file, names_of_models

SAID = {"RESEMUL_MODEL": "fcn-mtat, fcn-msd"}


def test_models_that_are_given_come_before_those_of_the_environment():
    assert names_of_models(["fcn-jamendo"], SAID) == ["fcn-jamendo"]
    assert names_of_models([], SAID) == ["fcn-mtat", "fcn-msd"]


def test_without_either_it_is_the_pair(monkeypatch):
    monkeypatch.setattr(opening, "published_name", lambda name: name)
    assert names_of_models([], {}) == ["msd-musicnn", "mtt-musicnn"]


def test_a_wrong_name_suggests_the_nearest():
    with pytest.raises(WeightsError, match="did you mean fcn-mtat"):
        names_of_models(["fcn-mttat"], {})


def test_a_file_is_a_model_whatever_its_name(tmp_path):
    (tmp_path / "x.keras").write_bytes(b"")
    assert names_of_models([str(tmp_path / "x.keras")], {}) == [
        str(tmp_path / "x.keras")
    ]
    assert looks_like_model_file("log/best.keras")
    assert not looks_like_model_file("song.mp3")
