import subprocess
import sys

import pytest

from resemul import cli
from resemul.weights.registry import PRETRAINED


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RESEMUL_HOME", str(tmp_path))
    return tmp_path


def test_list_shows_every_model_and_the_terms(home, capsys):
    (home / "pretrained").mkdir()
    (home / "pretrained/fcn-msd.keras").touch()
    assert cli.run(["pretrained", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:11]] == list(PRETRAINED)
    assert lines[1].split() == ["se-multi", "sample_cnn", "mtt", "0.9111", "no"]
    assert lines[4].split() == ["fcn-msd", "fcn5", "msd", "0.8741", "yes"]
    assert "non-commercial" in lines[-1]


def test_list_needs_no_keras():
    code = (
        "import sys; from resemul import cli; cli.run(['pretrained', 'list']); "
        "sys.exit('keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_download_tells_a_misspelt_name_before_it_fetches(home, capsys):
    assert cli.run(["pretrained", "download", "fcn-msd", "fcn-mtt"]) == 1
    assert "no published weights 'fcn-mtt'; there are se-multi" in (
        capsys.readouterr().err
    )


def test_download_offline_says_what_to_do(home, capsys, monkeypatch):
    monkeypatch.setenv("RESEMUL_OFFLINE", "1")
    assert cli.run(["pretrained", "download", "fcn-msd"]) == 1
    assert "RESEMUL_OFFLINE is set" in capsys.readouterr().err


def test_models_of_the_list_can_be_built():
    from resemul.models import MODELS

    assert {entry.model for entry in PRETRAINED.values()} <= set(MODELS)
