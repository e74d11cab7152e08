"""Tagging files: one model, many files, some of them broken."""

import keras
import numpy as np
import pytest

from resemul.audio.encode import encode_mp3
from resemul.checkpoints import ModelCard, save_model
from resemul.cli import run
from resemul.errors import AudioError
from resemul.tagging import Tagger

RATE = 16_000
NUM_SAMPLES = 4_000


@pytest.fixture
def loudness_model():
    """Tags a segment: mean square times 10, and one minus it. Hand-checkable."""
    waveform = keras.Input((NUM_SAMPLES,), name="waveform")
    squares = keras.layers.Multiply(name="square")([waveform, waveform])
    loud = keras.layers.Dense(
        2, kernel_initializer="ones", activation="linear", name="tags"
    )(squares)
    model = keras.Model(waveform, loud)
    kernel = np.stack([np.full(NUM_SAMPLES, 10), np.full(NUM_SAMPLES, -10)], axis=1)
    model.get_layer("tags").set_weights([kernel / NUM_SAMPLES, np.array([0, 1])])
    return model, ModelCard("loudness", {}, ["loud", "quiet"], RATE, NUM_SAMPLES)


@pytest.fixture
def tagger(loudness_model):
    """A `Tagger` of `loudness_model`."""
    return Tagger(*loudness_model)


@pytest.fixture
def model_path(loudness_model, tmp_path):
    """`loudness_model` on disk."""
    save_model(*loudness_model, tmp_path / "loudness.keras")
    return tmp_path / "loudness.keras"


@pytest.fixture
def songs(tmp_path):
    """A folder with a loud and a quiet song, a text file and a broken mp3."""
    folder = tmp_path / "songs"
    (folder / "sub").mkdir(parents=True)
    for name, volume in (("a-loud.mp3", 0.4), ("sub/c-quiet.mp3", 0.01)):
        tone = volume * np.sin(np.arange(RATE) / 8).astype("float32")
        (folder / name).write_bytes(encode_mp3(tone, RATE, 64_000))
    (folder / "b-broken.mp3").write_bytes(b"")
    (folder / "cover.txt").write_text("not audio")
    return folder


def test_tag_waveform_averages_over_segments(tagger):
    waveform = np.concatenate([np.full(NUM_SAMPLES, 0.1), np.full(NUM_SAMPLES, 0.2)])
    # (10 * 0.01 + 10 * 0.04) / 2
    np.testing.assert_allclose(
        tagger.tag_waveform(waveform.astype("float32")), [0.25, 0.75], rtol=1e-5
    )


def test_tag_waveform_does_not_use_what_is_left_after_the_last_segment(tagger):
    waveform = np.full(NUM_SAMPLES + 100, 0.1, "float32")
    waveform[NUM_SAMPLES:] = 1
    assert tagger.tag_waveform(waveform)[0] == pytest.approx(0.1, rel=1e-5)


def test_tag_waveform_pads_one_that_is_shorter_than_a_segment(tagger):
    waveform = np.full(NUM_SAMPLES // 2, 0.1, "float32")
    assert tagger.tag_waveform(waveform)[0] == pytest.approx(0.05, rel=1e-5)


def test_tag_file_decodes_and_tags(tagger, songs):
    # 10 * 0.4^2 / 2
    assert tagger.tag_file(songs / "a-loud.mp3")[0] == pytest.approx(0.8, abs=0.1)


def test_tag_file_names_a_file_that_cannot_be_read(tagger, songs):
    with pytest.raises(AudioError, match=r"b-broken\.mp3 is empty"):
        tagger.tag_file(songs / "b-broken.mp3")


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_tag_files_keeps_the_order_and_goes_on_after_a_broken_file(
    tagger, songs, batch_size
):
    names = ["b-broken.mp3", "a-loud.mp3", "b-broken.mp3", "sub/c-quiet.mp3", "gone"]
    results = list(tagger.tag_files([songs / n for n in names], batch_size))
    assert [r.path.name for r in results] == [n.split("/")[-1] for n in names]
    assert [bool(r.error) for r in results] == [True, False, True, False, True]
    for index in (1, 3):
        expected = tagger.tag_file(songs / names[index])
        np.testing.assert_allclose(results[index].probabilities, expected, atol=1e-6)


def test_tag_command_walks_folders_and_reports_what_it_cannot_read(
    model_path, songs, capsys
):
    assert run(["tag", str(model_path), str(songs), "--top", "1"]) == 1
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert [line.split(": ")[1].split()[0] for line in lines] == ["loud", "quiet"]
    assert "cover" not in out
    assert "b-broken.mp3 is empty" in err
    assert "1 of 3 files could not be read" in err


def test_tag_command_writes_all_probabilities_as_csv(model_path, songs, capsys):
    assert run(["tag", str(model_path), str(songs / "a-loud.mp3"), "--csv"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header == "path,loud,quiet"
    path, loud, quiet = row.split(",")
    assert path.endswith("a-loud.mp3")
    assert float(loud) + float(quiet) == pytest.approx(1, abs=2e-4)


def test_tag_command_leaves_out_tags_below_the_threshold(model_path, songs, capsys):
    song = str(songs / "a-loud.mp3")
    assert run(["tag", str(model_path), song, "--json", "--threshold", "0.5"]) == 0
    assert '"loud"' in (out := capsys.readouterr().out)
    assert '"quiet"' not in out


def test_tag_command_says_that_a_folder_holds_no_audio(model_path, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run(["tag", str(model_path), str(tmp_path / "empty")]) == 1
    assert "holds no audio file; looked for .aac" in capsys.readouterr().err
