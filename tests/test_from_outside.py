"""A model, a data set, a metric and a writer of somebody's own, from end to end."""

import wave
from contextlib import contextmanager

import numpy as np
import pytest

from resemul import cli

MODULE = """
from pathlib import Path

import keras
import pandas as pd

from resemul.datasets import Collection


def my_model(num_tags, num_samples=8_000, sample_rate=16_000, width=4):
    waveform = keras.Input((num_samples,), name="waveform")
    x = keras.layers.Reshape((num_samples, 1))(waveform)
    x = keras.layers.Conv1D(width, 400, strides=160, activation="relu")(x)
    x = keras.layers.GlobalMaxPooling1D()(x)
    return keras.Model(waveform, keras.layers.Dense(num_tags, activation="sigmoid")(x))


def my_data(config):
    paths = sorted(Path("sounds").glob("*.wav"))
    return Collection(
        dataset="mine",
        source=Path("sounds"),
        clip_ids=[path.stem for path in paths],
        paths=[Path(path.name) for path in paths],
        labels=pd.DataFrame(
            {tag: [int(tag in p.stem) for p in paths] for tag in ("low", "high")}
        ),
        audio_dir=Path("sounds"),
    )


def my_metric(labels, probabilities):
    return ((probabilities >= 0.5) == (labels > 0)).mean(axis=0)
"""
MODEL, DATA, METRIC = (
    f"outside_of_tests:my_{what}" for what in ("model", "data", "metric")
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a module and sixteen sounds, the current one of this module."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "outside_of_tests.py").write_text(MODULE)
    (folder / "sounds").mkdir()
    time = np.arange(16_000) / 16_000
    for number in range(16):
        tag, pitch = ("low", 220) if number % 2 else ("high", 1760)
        sound = 13_000 * np.sin(2 * np.pi * (pitch + 5 * number) * time)
        with wave.open(f"{folder}/sounds/{number:02}-{tag}.wav", "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(sound.astype("<i2").tobytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        assert run("build", "--dataset", DATA, "--model", MODEL) == 0
        options = "--epochs 2 --epochs-per-stage 2 --batch-size 8 --lr 0.05"
        recipe = ["--recipe", "sgd_plateau", *options.split()]
        assert run("train", "--model", MODEL, "--metric", METRIC, *recipe) == 0
        yield folder


def run(command, *options):
    data = [] if command in ("tag", "export") else ["--data-dir", "data"]
    return cli.run([command, *options, *data])


@pytest.mark.slow
def test_own_model_data_set_and_metric_go_through_every_command(folder, capsys):
    model = "log/best.keras"
    assert run("eval", model, "--trust", "--metric", METRIC) == 0
    assert "my metric" in capsys.readouterr().out
    assert run("thresholds", model, "--trust") == 0
    assert run("export", model, "mine.onnx", "--trust") == 0
    assert run("tag", "sounds/00-high.wav", "--model", model, "--trust") == 0
    assert "high" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("command", ["eval", "thresholds"])
def test_nothing_of_it_is_imported_without_trust(folder, command, capsys):
    assert run(command, "log/best.keras") == 1
    assert "say so with --trust" in capsys.readouterr().err


@pytest.mark.slow
def test_own_format_is_an_entry_of_the_table(folder, capsys, monkeypatch):
    from resemul.tagging.writers import WRITERS, Format

    class Lines:
        def __init__(self, stream):
            self.stream = stream

        def write(self, result):
            self.stream.write(f"{result.path}\t{result.top(1)[0]['label']}\n")

    @contextmanager
    def write_lines(path, options, stream):
        yield Lines(stream)

    monkeypatch.setitem(WRITERS, "lines", Format(write_lines, "the strongest tag"))
    options = ("--model", "log/best.keras", "--trust", "--format", "lines")
    assert run("tag", "sounds/00-high.wav", *options) == 0
    assert capsys.readouterr().out == "sounds/00-high.wav\thigh\n"
