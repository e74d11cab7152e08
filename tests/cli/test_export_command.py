import re

import pytest

from resemul import cli


@pytest.fixture
def model_file(tmp_path):
    from resemul.checkpoints.card import ModelCard
    from resemul.checkpoints.model_file import save_model
    from resemul.models import build_model

    options = {"block": "se", "init_features": 2, "alpha": 1}
    model = build_model("sample_cnn", 2, **options)
    card = ModelCard("sample_cnn", options, ["a", "b"], 22_050, 59_049)
    save_model(model, card, tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_export_prints_the_largest_difference(model_file, capsys):
    assert cli.run(["export", str(model_file), "--format", "onnx"]) == 0
    target = model_file.with_suffix(".onnx")
    assert re.fullmatch(
        rf"{target}: probabilities differ by at most \d\.\de[-+]\d\d "
        r"\(2 segments of noise\)\n",
        capsys.readouterr().out,
    )
    assert target.is_file()


def test_export_refuses_audio_that_is_too_short(model_file, tmp_path, capsys):
    import numpy as np

    from resemul.audio.encode import encode_mp3

    audio = tmp_path / "short.mp3"
    audio.write_bytes(encode_mp3(np.zeros(16_000, "float32"), 16_000, 32_000))
    argv = ["export", str(model_file), "--format", "onnx", "--audio", str(audio)]
    assert cli.run(argv) == 1
    assert "this model needs 2.7 s" in capsys.readouterr().err


def test_export_takes_the_name_to_write_and_its_suffix_says_the_format(
    model_file, tmp_path, capsys
):
    for argv in (["out.onnx"], ["b.onnx", "--format", "onnx"], ["--out", "c.onnx"]):
        words = [str(tmp_path / w) if w.endswith("onnx") else w for w in argv]
        words = ["onnx" if word.endswith("/onnx") else word for word in words]
        assert cli.run(["export", str(model_file), *words]) == 0
    names = sorted(path.name for path in tmp_path.glob("*.onnx"))
    assert names == ["b.onnx", "c.onnx", "out.onnx"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "say what for: --format onnx, tflite, savedmodel, or name OUT"),
        (["out.bin"], "say which with --format"),
        (["out.onnx", "--format", "tflite"], "a name that ends in .tflite"),
        (["gone/out.onnx"], "in a folder that exists"),
    ],
)
def test_export_tells_what_it_cannot_write_before_the_model_is_read(
    argv, message, tmp_path, capsys
):
    assert cli.run(["export", str(tmp_path / "gone.keras"), *argv]) == 1
    assert message in capsys.readouterr().err
