import json

import pytest

from resemul.cli import run
from resemul.models import MODELS


def test_models_lists_every_model_with_size_input_and_paper(capsys):
    assert run(["models"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["model", "parameters", "Hz"]
    assert [line.split()[0] for line in lines] == list(MODELS)
    fcn5 = next(line for line in lines if line.startswith("fcn5 "))
    assert fcn5.split(maxsplit=7)[1:] == [
        "447,732",
        "16,000",
        "464,000",
        "29.00",
        "0.9002",
        "adam_then_sgd",
        "Choi et al., ISMIR 2016",
    ]
    unpublished = next(line for line in lines if line.startswith("won_sample_cnn "))
    assert unpublished.split()[5] == "-"


def test_models_as_json_counts_for_the_tags_given(capsys):
    assert run(["models", "--json", "--num-tags", "1"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["fcn5"]["parameters"] == 447_732 - 49 * 65
    assert rows["fcn5"]["seconds"] == 29.0
    assert rows["sample_cnn"]["recipe"] == "staged_sgd"
    assert rows["won_sample_cnn"]["roc_auc"] is None
    assert rows["fcn5"]["url"] == "https://arxiv.org/abs/1606.00298"


def test_models_without_tags_is_refused(capsys):
    assert run(["models", "--num-tags", "0"]) == 1
    assert "num_tags must be at least 1" in capsys.readouterr().err


def test_models_refuses_arguments_it_does_not_know():
    with pytest.raises(SystemExit):
        run(["models", "fcn5"])
