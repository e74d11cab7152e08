import json
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
    assert [line.split()[0] for line in lines[1:16]] == list(PRETRAINED)
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in lines[1:16]}
    assert rows["msd-musicnn"] == (
        "musicnn msd 50 29.3 MB 0.8802 28,435 of msd (jongpillee) ISC no"
    )
    assert rows["fcn-msd"] == "fcn5 msd 50 - 0.8741 28,435 of msd (jongpillee) MIT yes"
    assert rows["se-multi"].startswith("sample_cnn mtt 50 - 0.9111 4,332 of mtt-tagged")
    assert "non-commercial" in lines[-1]


def test_list_shows_the_tags_on_request(home, capsys):
    assert cli.run(["pretrained", "list", "--tags"]) == 0
    out = capsys.readouterr().out
    assert "rock, pop, alternative, indie" in out
    assert "guitar, classical, slow" in out


def test_list_as_json(home, capsys):
    assert cli.run(["pretrained", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["mtt-musicnn"]["num_clips"] == 5_329
    assert rows["mtt-musicnn"]["tags"][:2] == ["guitar", "classical"]
    assert rows["mtt-musicnn"]["is_here"] is False


def test_list_needs_no_keras():
    code = (
        "import sys; from resemul import cli; cli.run(['pretrained', 'list']); "
        "sys.exit('keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_download_tells_a_misspelt_name_before_it_fetches(home, capsys):
    assert cli.run(["pretrained", "download", "fcn-msd", "fcn-mtt"]) == 1
    assert "no published weights 'fcn-mtt'; there are msd-musicnn" in (
        capsys.readouterr().err
    )


def test_download_offline_says_what_to_do(home, capsys, monkeypatch):
    monkeypatch.setenv("RESEMUL_OFFLINE", "1")
    assert cli.run(["pretrained", "download", "fcn-msd"]) == 1
    assert "RESEMUL_OFFLINE is set" in capsys.readouterr().err


def test_download_tells_a_missing_file_before_it_starts(home, capsys):
    argv = ["pretrained", "download", "fcn-msd", "--from", str(home / "no.pth")]
    assert cli.run(argv) == 1
    assert "--from: there is no file" in capsys.readouterr().err


def test_models_of_the_list_can_be_built():
    from resemul.models import MODELS

    assert {entry.model for entry in PRETRAINED.values()} <= set(MODELS)
