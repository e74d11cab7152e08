"""Records of whole tracks, read as all records are."""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from resemul.configs.track_records import TrackChoice, TrackRecordsConfig
from resemul.datasets import Collection
from resemul.errors import ConfigError, DatasetError
from resemul.records.opening import open_records, read_record_set
from resemul.records.pipeline import iterate_clips, load_training_segments
from resemul.records.track_shards import write_tracks
from resemul.records.val_clips import iterate_val_clips

RATE = 1_000
TAGS = ["rock", "pop", "jazz"]
# Of twelve tracks; each has its number in thousands, and counts on from there.
LENGTHS = [100] * 9 + [30, 100, 100]


def labels_of(number):
    return [number % 2, (number + 1) % 2, int(number % 3 == 0)]


def write_files(folder, **options):
    for number, length in enumerate(LENGTHS):
        ramp = (number + np.arange(length) / 1000).astype("float32")
        np.savez(folder / f"{number}.npz", array=ramp, sr=RATE)
    collection = Collection(
        dataset="msd",
        source=folder,
        clip_ids=[f"TR{number}" for number in range(len(LENGTHS))],
        paths=[Path(f"{number}.npz") for number in range(len(LENGTHS))],
        labels=pd.DataFrame(
            np.array([labels_of(n) for n in range(len(LENGTHS))], "uint8"),
            columns=TAGS,
        ),
        audio_dir=folder,
        popularity=("pop", "rock", "jazz"),
    )
    options = {"sample_rate": RATE, "num_files": 6, **options}
    write_tracks(collection, folder / "records", TrackRecordsConfig(**options), 0)
    return folder / "records"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("tracks"))


def read(folder, model="sample_cnn", **choice):
    choice = {"split": (4.0, 1.0, 1.0), **choice}
    return read_record_set(folder, folder, model, TrackChoice(**choice))


def tids_of(records):
    """Of training and validation, by the first sample of each track."""
    return {
        split: [
            f"TR{int(audio[0, 0])}"
            for audio, _ in records.read_clips(records.files[split]).as_numpy_iterator()
        ]
        for split in ("train", "val", "test")
    }


def all_tids_of(records):
    return sorted(tid for tids in tids_of(records).values() for tid in tids)


def test_files_are_parted_and_tracks_counted(folder):
    records = read(folder)
    assert records.num_segments == {"train": 8, "val": 2, "test": 2}
    assert records.num_samples == 100
    assert records.tags == ("rock", "pop", "jazz")
    assert records.split_name == "files-4-1-1"
    found = tids_of(records)
    assert all_tids_of(records) == sorted(f"TR{n}" for n in range(12))
    assert list(records.clip_ids) == found["test"]


def test_percent_are_as_published_if_nothing_is_said(folder):
    # floor(4.8), floor(5.4) of 6 files: 4, 1, 1.
    assert read(folder, split=()).num_clips == {"train": 8, "val": 2, "test": 2}


def test_parts_that_are_named_need_no_split(tmp_path):
    folder = write_files(tmp_path, split=(50.0, 25.0, 25.0))
    records = read(folder, split=())
    assert records.num_clips == {"train": 6, "val": 3, "test": 3}


def test_clips_are_whole_tracks_with_their_labels(folder):
    records = read(folder)
    for tid, (audio, labels) in zip(
        records.clip_ids, iterate_clips(records), strict=True
    ):
        number = int(tid.removeprefix("TR"))
        assert audio.shape == (1, LENGTHS[number])
        assert labels.tolist() == labels_of(number)
    assert len(list(iterate_val_clips(records))) == 2


@pytest.mark.parametrize(
    ("choice", "tags"),
    [
        ({"top": 1}, ("pop",)),
        ({"top": 1, "with_tags": ("jazz",)}, ("pop", "jazz")),
        ({"with_tags": ("3", "1")}, ("rock", "jazz")),
        ({"without_tags": ("pop",)}, ("rock", "jazz")),
        ({"top": 3, "without_tags": ("2",)}, ("rock", "jazz")),
    ],
)
def test_tags_are_chosen_and_stay_in_the_order_of_their_numbers(folder, choice, tags):
    assert read(folder, **choice).tags == tags


def test_tracks_without_one_of_the_tags_are_left_out(folder):
    records = read(folder, with_tags=("jazz",))
    assert sum(records.num_clips.values()) == 4
    assert all_tids_of(records) == ["TR0", "TR3", "TR6", "TR9"]


def test_merged_tags_are_had_together(folder):
    records = read(folder, merge="jazz,rock", with_tags=("rock",))
    found = all_tids_of(records)
    # Odd ones have rock; 0 and 6 have jazz.
    assert found == sorted(["TR0", "TR6", *(f"TR{n}" for n in range(1, 12, 2))])
    assert all(labels.tolist() == [1] for _, labels in iterate_val_clips(records))


def test_tracks_are_left_out_by_id_and_by_length(folder, tmp_path):
    (tmp_path / "out.txt").write_text("# why\nTR1\nTR2\n")
    records = read(folder, exclude=tmp_path / "out.txt", min_seconds=0.031)
    found = all_tids_of(records)
    assert found == sorted(f"TR{n}" for n in (0, 3, 4, 5, 6, 7, 8, 10, 11))
    assert sum(records.num_clips.values()) == 9


def test_random_crops_are_pieces_of_tracks(folder):
    records = read(folder)
    batches = load_training_segments(
        records, 4, 50, seed=(1,), num_samples=40, crop="random"
    )
    starts = set()
    for audio, labels in batches.as_numpy_iterator():
        assert audio.shape == (4, 40)
        for row, label in zip(audio, labels, strict=True):
            number = int(row[0])
            assert label.tolist() == labels_of(number)
            if number != 9:
                np.testing.assert_allclose(np.diff(row), 0.001, atol=1e-5)
                starts.add(round((row[0] - number) * 1000))
    # Both ends are drawn.
    assert {min(starts), max(starts)} == {0, 60}


def test_short_tracks_are_filled_with_silence_which_is_said(folder, caplog):
    records = read(folder, with_tags=("jazz",), split=(6.0, 0.0, 0.0))
    [(audio, _)] = load_training_segments(
        records, 4, 1, num_samples=40, crop="centre"
    ).as_numpy_iterator()
    short = next(row for row in audio if int(row[0]) == 9)
    np.testing.assert_allclose(short[:30], 9 + np.arange(30) / 1000, atol=1e-6)
    assert not short[30:].any()
    # The middle of 100 samples.
    whole = next(row for row in audio if int(row[0]) == 3)
    assert whole[0] == pytest.approx(3.030)
    model = a_model(40)
    assert records.part_of(model) is model
    assert "1 of 4 tracks are shorter" in caplog.text


def test_all_whole_segments_of_tracks_are_examples(folder):
    records = read(folder, split=(6.0, 0.0, 0.0))
    # 11 tracks of 2 segments, one of less than one.
    assert records.num_examples(40, "segments") == 23
    assert records.num_examples(40, "random") == 12
    [(audio, _)] = load_training_segments(
        records, 23, 1, num_samples=40, crop="segments"
    ).as_numpy_iterator()
    starts = sorted(round(float(row[0]), 3) for row in audio)
    others = [number for number in range(12) if number != 9]
    expected = [9.0, *others, *(number + 0.04 for number in others)]
    assert starts == sorted(expected)


def test_what_is_not_there_is_named(folder, tmp_path):
    with pytest.raises(ConfigError, match="no tag 'metal', and none of that number"):
        read(folder, with_tags=("metal",))
    with pytest.raises(ConfigError, match="no tag is left"):
        read(folder, without_tags=("rock", "pop", "jazz"))
    with pytest.raises(ConfigError, match="of which there are 6"):
        read(folder, split=(7.0, 1.0))
    with pytest.raises(DatasetError, match="no waveform record is used"):
        read(folder, min_seconds=3.0)
    with pytest.raises(ConfigError, match="two or three numbers"):
        TrackChoice(split=(1.0,))


def test_records_of_the_original_take_names_from_the_database(folder, tmp_path):
    for path in folder.glob("*.tfrecord"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(ConfigError, match=r"has no waveform_manifest.*--tag-db"):
        read(tmp_path)
    with sqlite3.connect(tmp_path / "clean.db") as connection:
        connection.execute("CREATE TABLE tags (tag TEXT)")
        connection.execute("CREATE TABLE tids (tid TEXT)")
        connection.execute("CREATE TABLE tid_tag (tid INT, tag INT)")
        connection.executemany("INSERT INTO tags VALUES (?)", [(t,) for t in TAGS])
        connection.execute("INSERT INTO tids VALUES ('TR0')")
        connection.execute("INSERT INTO tid_tag VALUES (1, 3)")
    records = read(tmp_path, tag_db=tmp_path / "clean.db", top=1)
    assert records.tags == ("jazz",)
    assert records.sample_rate == 16_000


def test_a_manifest_of_other_records_is_refused(folder, tmp_path):
    for path in folder.glob("*.tfrecord"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    manifest = json.loads((folder / "waveform_manifest.json").read_text())
    path = tmp_path / "waveform_manifest.json"
    path.write_text(json.dumps({**manifest, "tags": ["a"], "popularity": ["a"]}))
    with pytest.raises(DatasetError, match="has 3 tags, not 1"):
        read(tmp_path)
    path.write_text(json.dumps({**manifest, "files": []}))
    with pytest.raises(DatasetError, match="not a manifest of tracks"):
        read(tmp_path)


def test_a_damaged_record_is_named(folder, tmp_path):
    for path in folder.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    broken = tmp_path / "waveform_6.tfrecord"
    raw = bytearray(broken.read_bytes())
    raw[300] ^= 255
    broken.write_bytes(raw)
    with pytest.raises(DatasetError, match=r"waveform_6.* is damaged; .*msd records"):
        list(iterate_clips(read(tmp_path)))


def test_the_folder_of_the_records_may_be_that_of_the_data(folder):
    with open_records(folder) as records:
        assert records.folder == folder


def test_nothing_is_chosen_of_other_records(tmp_path, monkeypatch):
    from resemul.records import opening

    monkeypatch.setattr(
        opening, "read_record_set", lambda *rest: type("R", (), {"folder": "x"})
    )
    with (
        pytest.raises(ConfigError, match="holds no whole tracks"),
        open_records(tmp_path, choice=TrackChoice(top=3), is_chosen=True),
    ):
        pass


def a_model(num_samples):
    import keras

    audio = keras.Input((num_samples,))
    return keras.Model(audio, keras.layers.Dense(3, name="tags")(audio))


def pons_log_mel(**options):
    from resemul.models import build_model

    options = {"num_samples": 9_000, "channels": 1, "num_bands": 8, **options}
    options |= {"back_end_channels": 2, "dense_units": 2}
    return build_model("pons_log_mel", 3, **options)


@pytest.fixture(scope="module")
def spectrograms(tmp_path_factory):
    """Of 2 s of noise, at 16 kHz: 63 frames of 8 bands."""
    folder = tmp_path_factory.mktemp("mel")
    for number in range(3):
        noise = np.random.default_rng(number).normal(0, 0.1, 32_000)
        np.savez(folder / f"{number}.npz", array=noise.astype("float32"), sr=16_000)
    collection = Collection(
        dataset="msd",
        source=folder,
        clip_ids=list("abc"),
        paths=[Path(f"{number}.npz") for number in range(3)],
        labels=pd.DataFrame(np.eye(3, dtype="uint8"), columns=TAGS),
        audio_dir=folder,
    )
    options = {"format": "log-mel-spectrogram", "num_bands": 8, "num_files": 3}
    write_tracks(collection, folder, TrackRecordsConfig(**options), 0)
    return folder


def test_spectrograms_train_what_follows_a_models_own(spectrograms):
    records = read(spectrograms, "pons_log_mel", split=(1.0, 1.0, 1.0))
    model = pons_log_mel()
    part = records.part_of(model)
    assert part.input_shape == (None, 8, 17)
    for mine, theirs in zip(part.weights, model.weights, strict=True):
        assert mine is theirs
    waveform = np.random.default_rng(0).normal(0, 0.1, (2, 9_000)).astype("float32")
    mel = model.get_layer("log_mel")(waveform)
    np.testing.assert_allclose(part(mel), model(waveform), atol=1e-6)
    [(audio, _)] = load_training_segments(
        records, 1, 1, num_samples=17, crop="random"
    ).as_numpy_iterator()
    assert audio.shape == (1, 8, 17)


def test_spectrograms_that_do_not_fit_are_refused(spectrograms):
    records = read(spectrograms, "pons_log_mel", split=(1.0, 1.0, 1.0))
    with pytest.raises(DatasetError, match="computes one with num_bands 9, not 8"):
        records.part_of(pons_log_mel(num_bands=9))
    with pytest.raises(DatasetError, match="takes waveforms and computes no spectro"):
        records.part_of(a_model(9_000))


def test_clips_of_spectrograms_are_cut_along_time(spectrograms):
    from resemul.audio.segments import segment_clips

    records = read(spectrograms, "pons_log_mel", split=(1.0, 1.0, 1.0))
    [(whole, _)] = iterate_clips(records)
    assert whole.shape == (1, 8, 63)
    [(pieces, _)] = segment_clips(iterate_clips(records), 20)
    assert pieces.shape == (3, 8, 20)
    np.testing.assert_array_equal(pieces[1], whole[0, :, 20:40])
    [(filled, _)] = segment_clips(iterate_clips(records), 70)
    assert filled.shape == (1, 8, 70)
    np.testing.assert_array_equal(filled[0, :, 63:], whole.min())
