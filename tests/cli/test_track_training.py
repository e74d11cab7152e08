"""Records of whole tracks, from the command line: trained on, scored by, tagged."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from resemul import cli
from resemul.checkpoints.card import read_card
from resemul.configs.track_records import FORMATS, TrackRecordsConfig
from resemul.datasets import Collection
from resemul.records.track_shards import write_tracks

RATE = 16_000
TAGS = ["low", "noise", "high"]
NUM_TRACKS = 12


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Tracks of 2 s, half a second more of each second one; in three files."""
    folder = tmp_path_factory.mktemp("tracks")
    rng = np.random.default_rng(0)
    labels = np.zeros((NUM_TRACKS, 3), "uint8")
    for number in range(NUM_TRACKS):
        labels[number] = [number % 2, number % 3 == 0, number % 2 == 0]
        time = np.arange(2 * RATE + number % 2 * RATE // 2) / RATE
        tone = 0.3 * np.sin(2 * np.pi * (300 if number % 2 else 2000) * time)
        tone += 0.1 * labels[number, 1] * rng.normal(size=len(time))
        array = tone.astype("float32")
        np.savez(folder / f"{number}.npz", array=array, sr=RATE)
    collection = Collection(
        dataset="msd",
        source=folder,
        clip_ids=[f"TR{number}" for number in range(NUM_TRACKS)],
        paths=[Path(f"{number}.npz") for number in range(NUM_TRACKS)],
        labels=pd.DataFrame(labels, columns=TAGS),
        audio_dir=folder,
        popularity=("low", "high", "noise"),
    )
    for record_format in FORMATS:
        options = {"format": record_format, "num_bands": 16, "num_files": 3}
        write_tracks(collection, folder / "records", TrackRecordsConfig(**options), 0)
    return folder / "records"


def resemul(*words):
    return cli.run([str(word) for word in words])


def settings(path, **config):
    content = {
        "model": {"n_dense_units": 4, "n_filters": 1},
        "optimizer": {"name": "Adam", "learning_rate": 0.01},
        "tags": {"top": 2, "with": None, "without": None, "merge": None},
        "tfrecords": {"n_mels": 16, "n_tags": 3, "sample_rate": RATE},
        "config": {"batch_size": 4, "split": [1, 1, 1], "window_length": 1.5, **config},
    }
    path.write_text(json.dumps(content))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("model", ["pons_waveform", "pons_log_mel"])
def test_the_originals_settings_train_on_its_records(records, tmp_path, model, capsys):
    config, log = settings(tmp_path / "theirs.json"), tmp_path / "log"
    small = ("--option", "back_end_channels=4")
    if model == "pons_waveform":
        small += ("--option", "channels=2")
    words = ("train", "--config", config, "--model", model, "--records-dir", records)
    assert resemul(*words, "--train-dir", log, "--epochs", 2, *small) == 0
    best = log / "best.keras"
    card = read_card(best)
    assert card.tags == ["low", "high"]
    assert card.num_clips == {"train": 4, "val": 4, "test": 4}
    assert card.reading == {"split": [1.0, 1.0, 1.0], "top": 2}
    assert (card.mix, card.resampler) == ("mean", "swr-long")
    # Scored by the same tags and files without saying so, as in the training.
    capsys.readouterr()
    assert resemul("eval", best, "--records-dir", records, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["num_clips"] == 4
    assert report["roc_auc"] == pytest.approx(card.scores["test_roc_auc"], abs=1e-6)
    # All segments of a clip instead of its middle.
    assert (
        resemul("eval", best, "--records-dir", records, "--segments", "segments") == 0
    )
    assert resemul("thresholds", best, "--records-dir", records) == 0
    # A model that was trained on spectrograms tags audio, too.
    audio = tmp_path / "a.wav"
    write_wav(audio, 0.3 * np.sin(np.arange(3 * RATE) / 8))
    capsys.readouterr()
    assert resemul("tag", audio, "--model", best, "--format", "json") == 0
    [result] = json.loads(capsys.readouterr().out)["results"]
    assert set(result["tags"]) == {"low", "high"}


def write_wav(path, waveform):
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((waveform * 32_767).astype("<i2").tobytes())


def test_spectrograms_alone_train_no_model_of_waveforms(records, tmp_path, capsys):
    for path in records.glob("log-mel*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    words = ("train", "--model", "pons_waveform", "--records-dir", tmp_path)
    words += ("--split-files", "1,1,1", "--option", "num_samples=24000")
    words += ("--train-dir", tmp_path / "log")
    assert resemul(*words) == 1
    assert "pons_waveform takes waveforms and computes no" in capsys.readouterr().err


def test_a_split_without_validation_says_what_to_do(records, tmp_path, capsys):
    words = ("train", "--model", "pons_waveform", "--records-dir", records)
    words += ("--split-files", "2,0,1", "--option", "num_samples=24000")
    assert resemul(*words, "--train-dir", tmp_path / "log") == 1
    assert "holds no val clips" in (error := capsys.readouterr().err)
    assert "--split-files" in error
