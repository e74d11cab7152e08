"""Tagging files: one model, many files, some of them broken."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from resemul.audio.encode import encode_mp3
from resemul.checkpoints.card import ModelCard, read_card, write_card
from resemul.checkpoints.model_file import save_model
from resemul.cli import run
from resemul.errors import AudioError, ConfigError
from resemul.tagging.tagger import Tagger

RATE = 16_000
NUM_SAMPLES = 4_000
# The models here are none of the package's.
TAG = ("tag", "--trust")


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
    assert tagger.tag_waveform(waveform)[0] == pytest.approx(0.1, rel=1e-4)


def test_tag_waveform_pads_one_that_is_shorter_than_a_segment(tagger):
    waveform = np.full(NUM_SAMPLES // 2, 0.1, "float32")
    assert tagger.tag_waveform(waveform)[0] == pytest.approx(0.05, rel=1e-4)


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
    assert run([*TAG, str(model_path), str(songs), "--top", "1"]) == 1
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert [line.split(": ")[1].split()[0] for line in lines] == ["loud", "quiet"]
    assert "cover" not in out
    assert "b-broken.mp3 is empty" in err
    assert "1 of 3 files could not be read" in err


def test_tag_command_writes_all_probabilities_as_csv(model_path, songs, capsys):
    assert run([*TAG, str(model_path), str(songs / "a-loud.mp3"), "--csv"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header == "path,loud,quiet"
    path, loud, quiet = row.split(",")
    assert path.endswith("a-loud.mp3")
    assert float(loud) + float(quiet) == pytest.approx(1, abs=2e-4)


def test_tag_command_leaves_out_tags_below_the_threshold(model_path, songs, capsys):
    song = str(songs / "a-loud.mp3")
    assert run([*TAG, str(model_path), song, "--json", "--threshold", "0.5"]) == 0
    assert '"loud"' in (out := capsys.readouterr().out)
    assert '"quiet"' not in out


def fit(model_path, **thresholds):
    card = dataclasses.replace(read_card(model_path), thresholds=thresholds)
    write_card(card, model_path)


def test_thresholds_are_in_the_order_of_the_tags_with_a_half_for_those_without(
    loudness_model,
):
    model, card = loudness_model
    card = dataclasses.replace(card, thresholds={"quiet": 0.125})
    assert Tagger(model, card).thresholds.tolist() == [0.5, 0.125]


def test_thresholds_of_a_model_without_say_how_to_fit_them(tagger):
    with pytest.raises(ConfigError, match="resemul thresholds MODEL --data-dir"):
        _ = tagger.thresholds


# The loud song has loud about 0.8, quiet about 0.2; the quiet one about 0 and 1.
@pytest.mark.parametrize(
    ("thresholds", "loud_song", "quiet_song"),
    [
        ({"loud": 0.5, "quiet": 0.125}, ["loud", "quiet"], ["quiet"]),
        ({"loud": 0.875, "quiet": 0.5}, [], ["quiet"]),
        ({"quiet": 0.5}, ["loud"], ["quiet"]),
    ],
)
def test_tag_command_with_fitted_thresholds_shows_the_tags_that_reach_theirs(
    model_path, songs, capsys, thresholds, loud_song, quiet_song
):
    fit(model_path, **thresholds)
    paths = [str(songs / "a-loud.mp3"), str(songs / "sub/c-quiet.mp3")]
    command = [*TAG, str(model_path), *paths, "--threshold", "fitted"]
    assert run([*command, "--json"]) == 0
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert [list(line["tags"]) for line in lines] == [loud_song, quiet_song]


def many_tags_model(tmp_path):
    """Gives seven tags the probability 1, whatever it hears."""
    waveform = keras.Input((NUM_SAMPLES,), name="waveform")
    tags = keras.layers.Dense(
        7, kernel_initializer="zeros", bias_initializer="ones", name="tags"
    )(waveform)
    names = list("abcdefg")
    card = ModelCard(
        "many", {}, names, RATE, NUM_SAMPLES, thresholds=dict.fromkeys(names, 0.75)
    )
    save_model(keras.Model(waveform, tags), card, tmp_path / "many.keras")
    return tmp_path / "many.keras"


@pytest.mark.parametrize(
    ("options", "num_shown"),
    [
        ([], 5),
        (["--threshold", "0.5"], 5),
        (["--threshold", "fitted"], 7),
        (["--threshold", "fitted", "--top", "2"], 2),
        (["--threshold", "0.5", "--top", "6"], 6),
    ],
)
def test_tag_command_shows_five_tags_unless_told_otherwise(
    tmp_path, songs, capsys, options, num_shown
):
    model, song = many_tags_model(tmp_path), songs / "a-loud.mp3"
    assert run([*TAG, str(model), str(song), "--json", *options]) == 0
    assert len(json.loads(capsys.readouterr().out)["tags"]) == num_shown


def test_tag_command_with_fitted_thresholds_writes_all_probabilities_as_csv(
    model_path, songs, capsys
):
    command = [*TAG, str(model_path), str(songs / "a-loud.mp3"), "--csv"]
    fit(model_path, loud=0.875, quiet=0.875)
    assert run([*command, "--threshold", "fitted"]) == 0
    fitted = capsys.readouterr().out
    assert run(command) == 0
    assert fitted == capsys.readouterr().out


@pytest.mark.parametrize("output", [[], ["--csv"], ["--json"]])
def test_tag_command_says_how_to_fit_the_thresholds_that_a_model_lacks(
    model_path, songs, capsys, output
):
    command = [
        "tag",
        "--trust",
        str(model_path),
        str(songs),
        "--threshold",
        "fitted",
        *output,
    ]
    assert run(command) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "no fitted thresholds; 'resemul thresholds MODEL --data-dir PATH'" in err


def test_tag_command_refuses_a_threshold_that_is_none(capsys):
    with pytest.raises(SystemExit):
        run(["tag", "model.keras", "song.mp3", "--threshold", "best"])
    assert "expected a number or 'fitted', got 'best'" in capsys.readouterr().err


def test_tag_command_says_that_a_folder_holds_no_audio(model_path, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run([*TAG, str(model_path), str(tmp_path / "empty")]) == 1
    assert "holds no audio file; looked for .aac" in capsys.readouterr().err
