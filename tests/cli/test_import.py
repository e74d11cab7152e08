from pathlib import Path

import pytest

from resemul import cli

SOURCE = Path(__file__).parents[1] / "weights/data/sample_cnn.pth"


@pytest.fixture
def tags_file(tmp_path):
    path = tmp_path / "tags.txt"
    path.write_text("# from the paper\nquiet\nloud\n\nslow\n", "utf-8")
    return path


def test_import_writes_a_model_and_its_card(tmp_path, tags_file, capsys):
    from resemul.checkpoints.model_file import load_model

    path = tmp_path / "model.keras"
    assert cli.run(["import", str(SOURCE), str(path), "--tags", str(tags_file)]) == 0
    assert capsys.readouterr().out == (
        f"{path}: won_sample_cnn, 245 parameters, 3 tags (order given), 16000 Hz\n"
    )
    model, card = load_model(path)
    assert model.output_shape == (None, 3)
    assert card.tags == ["quiet", "loud", "slow"]
    assert card.source["file"] == "sample_cnn.pth"
    assert card.source["licence"] == "not known"
    # It was trained on the mean of the channels, 3 dB less than FFmpeg's mix.
    assert (card.mix, card.resampler, card.padding) == ("mean", "swr", 0)


def test_import_without_tags_fails_in_one_line(tmp_path, capsys):
    path = tmp_path / "model.keras"
    assert cli.run(["import", str(SOURCE), str(path)]) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"resemul import: error: {SOURCE} has 3 outputs")
    assert message.count("\n") == 1
    assert not path.exists()


def test_import_refuses_another_model(tmp_path, tags_file, capsys):
    argv = ["import", str(SOURCE), f"{tmp_path}/model.keras", "--model", "fcn5"]
    assert cli.run([*argv, "--tags", str(tags_file)]) == 1
    assert "holds the weights of won_sample_cnn, not of fcn5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "message"),
    [("model.h5", "must end in .keras"), ("no/model.keras", "there is no folder")],
)
def test_import_checks_where_to_write_first(target, message, tmp_path, capsys):
    assert cli.run(["import", "missing.pth", str(tmp_path / target)]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "must hold tags"), ("a\nb\na\n", "none of them twice")],
)
def test_import_refuses_bad_lists_of_tags(text, message, tags_file, tmp_path, capsys):
    tags_file.write_text(text)
    argv = ["import", str(SOURCE), f"{tmp_path}/m.keras", "--tags", str(tags_file)]
    assert cli.run(argv) == 1
    assert message in capsys.readouterr().err


def test_import_lists_the_presets_for_a_misspelt_one(tmp_path, capsys):
    argv = ["import", str(SOURCE), f"{tmp_path}/m.keras", "--tags", "mtd"]
    assert cli.run(argv) == 1
    assert "one of mtt, mtt-reversed, msd, jamendo, or a" in capsys.readouterr().err
