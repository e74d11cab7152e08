"""Records of whole tracks, in the layout of the Million Song Dataset system."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from resemul.audio.encode import encode_mp3
from resemul.configs.track_records import TrackReadConfig, TrackRecordsConfig
from resemul.datasets import Collection
from resemul.errors import AudioError, ConfigError, DatasetError
from resemul.records import track_shards
from resemul.records.track_features import load_features, log_mel
from resemul.records.track_shards import plan_files, sorted_files, write_tracks

RATE = 1_000
TAGS = ["rock", "pop", "jazz"]


def collection(folder, num_tracks, untagged=()):
    labels = np.array([[i % 2, (i + 1) % 2, i % 3 == 0] for i in range(num_tracks)])
    labels[list(untagged)] = 0
    return Collection(
        dataset="msd",
        source=folder,
        clip_ids=[f"TR{i}" for i in range(num_tracks)],
        paths=[Path(f"{i}.npz") for i in range(num_tracks)],
        labels=pd.DataFrame(labels.astype("uint8"), columns=TAGS),
        audio_dir=folder,
    )


@pytest.fixture
def tracks(tmp_path):
    """Ten tracks of 2 s, of a height of their own; 3 is broken, 4 has no tag."""
    for i in range(10):
        array = np.full((2, 2 * RATE), (i + 1) / 20, "float32")
        np.savez(tmp_path / f"{i}.npz", array=array, sr=RATE, split=[[0, 1]])
    (tmp_path / "3.npz").write_bytes(b"PK broken")
    return collection(tmp_path, 10, untagged=[4])


def config(**options):
    return TrackRecordsConfig(**{"sample_rate": RATE, "num_files": 3, **options})


def examples(*paths):
    import tensorflow as tf

    for raw in tf.data.TFRecordDataset([str(path) for path in paths]):
        yield tf.train.Example.FromString(raw.numpy())


def test_the_order_is_drawn_as_pandas_does(tmp_path):
    tids = [f"TR{i}" for i in range(10)]
    expected = pd.Series(tids).sample(frac=1, random_state=1).tolist()
    jobs = plan_files(collection(tmp_path, 10), config())
    assert [tid for job in jobs for tid, _, _ in job.tracks] == expected
    assert [len(job.tracks) for job in jobs] == [3, 3, 4]
    assert [job.file for job in jobs] == [f"waveform_{k}.tfrecord" for k in (1, 2, 3)]
    mels = plan_files(collection(tmp_path, 10), config(format="log-mel-spectrogram"))
    assert [job.tracks for job in mels] == [job.tracks for job in jobs]


def test_some_files_or_parts_of_a_split(tmp_path):
    tracks = collection(tmp_path, 10)
    whole = plan_files(tracks, config())
    assert plan_files(tracks, config(first=2, last=3)) == whole[1:]
    jobs = plan_files(tracks, config(split=(80, 10, 10)))
    assert [(job.file, len(job.tracks)) for job in jobs] == [
        ("waveform_train_80-10-10.tfrecord", 8),
        ("waveform_validation_80-10-10.tfrecord", 1),
        ("waveform_test_80-10-10.tfrecord", 1),
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"format": "mfcc"},
        {"num_files": 0},
        {"first": 0, "last": 2},
        {"first": 2, "last": 4},
        {"split": (1,)},
        {"split": (80, 20), "first": 1},
    ],
)
def test_options_that_cannot_work_are_refused(options):
    with pytest.raises(ConfigError):
        config(**options)


def test_tracks_are_written_with_id_and_hot_tags(tracks, tmp_path):
    folder = tmp_path / "out"
    manifest = write_tracks(tracks, folder, config(), num_workers=0)
    found = {}
    for example in examples(*sorted_files(folder, "waveform")):
        feature = example.features.feature
        [tid] = feature["tid"].bytes_list.value
        found[tid.decode()] = (
            np.array(feature["audio"].float_list.value),
            list(feature["tags"].int64_list.value),
        )
    assert len(found) == 8
    audio, labels = found["TR6"]
    np.testing.assert_allclose(audio, np.full(2000, 0.35), atol=1e-6)
    assert labels == [0, 1, 1]
    skipped = dict(s for file in manifest["files"].values() for s in file["skipped"])
    assert skipped["TR4"] == "it has no tag"
    assert "3.npz holds no stored audio" in skipped["TR3"]
    assert manifest["tags"] == TAGS
    assert sum(file["tracks"] for file in manifest["files"].values()) == 8


def test_any_number_of_workers_writes_the_same_bytes(tracks, tmp_path):
    write_tracks(tracks, tmp_path / "a", config(num_files=2), num_workers=0)
    write_tracks(tracks, tmp_path / "b", config(num_files=2), num_workers=2)
    for path in sorted_files(tmp_path / "a", "waveform"):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_several_runs_share_the_files(tracks, tmp_path):
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    write_tracks(tracks, whole, config(), num_workers=0)
    write_tracks(tracks, shared, config(first=2, last=3), num_workers=0)
    manifest = write_tracks(tracks, shared, config(first=1, last=1), num_workers=0)
    assert list(manifest["files"]) == [f"waveform_{k}.tfrecord" for k in (1, 2, 3)]
    for path in sorted_files(whole, "waveform"):
        assert path.read_bytes() == (shared / path.name).read_bytes()


def test_a_stopped_run_goes_on(tracks, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    write_tracks(tracks, folder, config(), num_workers=0)
    before = {path: path.read_bytes() for path in sorted_files(folder, "waveform")}
    (folder / "waveform_2.tfrecord").unlink()
    written = []
    write = track_shards.write_file
    monkeypatch.setattr(
        track_shards,
        "write_file",
        lambda job, **rest: written.append(job.file) or write(job, **rest),
    )
    write_tracks(tracks, folder, config(), num_workers=0)
    assert written == ["waveform_2.tfrecord"]
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(DatasetError, match="of other tracks, or with other options"):
        write_tracks(tracks, folder, config(seed=2), num_workers=0)


def end_at_track_5(job, **rest):
    from resemul.runtime.worker_process import begin

    if "TR5" in {tid for tid, _, _ in job.tracks} - set(job.bad_tracks):
        begin("TR5")
        os._exit(3)
    write_file(job, **rest)


write_file = track_shards.write_file


def test_a_track_that_ends_its_process_is_left_out(tracks, tmp_path, monkeypatch):
    monkeypatch.setattr(track_shards, "write_file", end_at_track_5)
    manifest = write_tracks(tracks, tmp_path / "x", config(num_files=1), num_workers=1)
    [file] = manifest["files"].values()
    assert file["tracks"] == 7
    assert "died" in dict(file["skipped"])["TR5"]


def test_files_are_sorted_by_number(tmp_path):
    names = ["waveform_10", "waveform_2", "waveform_1", "waveform_test_8-1-1"]
    names += ["waveform_train_8-1-1", "waveform_test+_8-1-1", "log-mel-spectrogram_3"]
    for name in names:
        (tmp_path / f"{name}.tfrecord").touch()
    assert [path.stem for path in sorted_files(tmp_path, "waveform")] == [
        *("waveform_1", "waveform_2", "waveform_10", "waveform_train_8-1-1"),
        *("waveform_test+_8-1-1", "waveform_test_8-1-1"),
    ]


def test_a_log_mel_spectrogram_has_decibels_below_its_loudest():
    time = np.arange(465_984) / 16_000
    tone = (0.5 * np.sin(2 * np.pi * 1000 * time)).astype("float32")
    mel = log_mel(tone, 16_000, 96)
    assert mel.shape == (96, 911)
    assert mel.dtype == np.float32
    assert mel.max() - mel.min() == pytest.approx(80.0, abs=1e-4)
    # 1 kHz is 15 mels of Slaney's scale, of 45.2 up to 8 kHz: band 31 of 96.
    assert mel[:, 400].argmax() == 31
    # A frame in the middle, by the formula.
    frame = tone[512 * 400 - 1024 :][:2048] * (
        0.5 - 0.5 * np.cos(np.pi * np.arange(2048) / 1024)
    )
    power = np.abs(np.fft.rfft(frame)) ** 2
    from resemul.models.mel import mel_filter_bank

    expected = 10 * np.log10(power @ mel_filter_bank(16_000, 2048, 96))
    loud = expected > mel.max() - 79
    np.testing.assert_allclose(mel[loud, 400], expected[loud], atol=2e-2)


def test_silence_and_short_tracks_have_spectrograms():
    assert log_mel(np.zeros(3000, "float32"), 16_000, 8).shape == (8, 6)
    assert np.isfinite(log_mel(np.ones(10, "float32"), 16_000, 8)).all()


def test_audio_files_are_mixed_by_their_mean(tmp_path):
    tone = 0.5 * np.sin(np.arange(16_000) / 8).astype("float32")
    path = tmp_path / "a.mp3"
    path.write_bytes(encode_mp3(tone, 16_000, 64_000))
    waveform = load_features(path, TrackRecordsConfig(sample_rate=16_000))
    assert np.abs(waveform).max() == pytest.approx(0.5, abs=0.05)
    with pytest.raises(AudioError, match="does not exist"):
        load_features(tmp_path / "no.mp3", TrackRecordsConfig())


def read(folder, split=None, **options):
    from resemul.records.track_datasets import generate_datasets_from_dir

    options = {"sample_rate": RATE, "num_tags": 3, "batch_size": 2, **options}
    return generate_datasets_from_dir(folder, TrackReadConfig(**options), split)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Four files of two tracks: a ramp each, 16 of 2 s; nothing is left out."""
    folder = tmp_path_factory.mktemp("tracks")
    tracks = collection(folder, 8)
    for i in range(8):
        ramp = np.linspace(0, 0.9, 2 * RATE, dtype="float32")
        np.savez(folder / f"{i}.npz", array=ramp * (i + 1) / 10, sr=RATE)
    write_tracks(tracks, folder / "out", config(num_files=4), num_workers=0)
    return folder / "out"


def batches(data):
    return [tuple(part.numpy() for part in batch) for batch in data]


def test_batches_are_segments_from_the_middle_scaled_by_themselves(records):
    [data] = read(records, seconds=1)
    audio, labels = batches(data)[0]
    assert audio.shape == (2, RATE)
    assert labels.shape == (2, 3)
    np.testing.assert_allclose(audio.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(audio.std(axis=1), 1, atol=1e-2)
    assert len(batches(data)) == 4


def test_a_last_batch_that_is_not_full_is_dropped(records):
    [data] = read(records, seconds=1, batch_size=3)
    assert len(batches(data)) == 2


def test_waveforms_can_be_scaled_over_the_batch_as_published(records):
    [data] = read(records, seconds=1, scaling="batch")
    audio, _ = batches(data)[0]
    np.testing.assert_allclose(audio.mean(axis=0), 0, atol=1e-5)
    [data] = read(records, seconds=1, scaling="batch", batch_size=1)
    assert all(not audio.any() for audio, _ in batches(data))


def test_parts_are_percent_or_numbers_of_files(records):
    parts = read(records, (50, 25, 25), seconds=1, batch_size=1)
    assert [len(batches(part)) for part in parts] == [4, 2, 2]
    parts = read(records, (1, 0, 2), seconds=1, batch_size=1)
    assert parts[1] is None
    assert [len(batches(parts[0])), len(batches(parts[2]))] == [2, 4]
    with pytest.raises(ConfigError, match="of which there are 4"):
        read(records, (3, 2), seconds=1)


def test_tags_are_chosen_by_number_or_name_and_ordered_by_number(records):
    [by_name] = read(records, seconds=1, batch_size=1, with_tags=("jazz", "rock"))
    [by_number] = read(records, seconds=1, batch_size=1, with_tags=(3, 1, 3))
    # Of 0 to 7, odd ones have rock, 0, 3 and 6 jazz: 0, 1, 3, 5, 6, 7.
    for data in (by_name, by_number):
        labels = np.concatenate([labels for _, labels in batches(data)])
        assert sorted(map(tuple, labels.tolist())) == [
            *((0, 1), (0, 1), (1, 0), (1, 0), (1, 0), (1, 1))
        ]
    with pytest.raises(ConfigError, match="no tag 'metal'"):
        read(records, with_tags=("metal",))
    with pytest.raises(ConfigError, match="numbers 1 to 3, got 4"):
        read(records, with_tags=(4,))


def test_merged_tags_are_had_together(records):
    chosen = {"with_tags": (1, 3), "merge_tags": ((1, 2),)}
    [data] = read(records, seconds=1, batch_size=1, **chosen)
    labels = np.concatenate([labels for _, labels in batches(data)])
    # All tracks have rock or pop, so all have rock now.
    assert labels[:, 0].tolist() == [1] * 8
    assert labels[:, 1].sum() == 3
    with pytest.raises(ConfigError, match="with_tags is needed"):
        read(records, merge_tags=((1, 2),))


def test_tracks_are_chosen_by_id_and_come_as_a_dict(records):
    options = {"with_tids": ("TR2", "TR5"), "as_tuple": False, "batch_size": 1}
    [data] = read(records, seconds=1, shuffle=False, **options)
    tids = {batch["tid"].numpy()[0].decode() for batch in data}
    assert tids == {"TR2", "TR5"}


def test_random_segments_differ_between_epochs_but_not_between_runs(records):
    [data] = read(records, seconds=1.998, random=True, batch_size=8, repeat=20)
    found = batches(data)
    assert len({audio[:, 0].tobytes() for audio, _ in found}) > 3
    [again] = read(records, seconds=1.998, random=True, batch_size=8, repeat=20)
    for one, other in zip(found, batches(again), strict=True):
        np.testing.assert_array_equal(one[0], other[0])


def test_random_segments_reach_both_ends(records):
    # Of 1 sample that is left there are two places, the last one included.
    options = {"seconds": 1.999, "batch_size": 1, "shuffle": False}
    [data] = read(records, random=True, repeat=10, **options)
    assert len({audio.tobytes() for audio, _ in batches(data)}) == 2 * 8


def test_only_the_first_part_is_random(records):
    _, data = read(records, (2, 2), seconds=1, random=True, repeat=2, batch_size=4)
    first, second = batches(data)
    np.testing.assert_array_equal(first[0], second[0])


def test_short_tracks_are_filled_or_left_out(records):
    [data] = read(records, seconds=2, random=True)  # as long as a track
    assert batches(data)[0][0].shape == (2, 2 * RATE)
    [data] = read(records, seconds=3)
    assert batches(data)[0][0].shape == (2, 3 * RATE)
    [data] = read(records, seconds=3, short="skip")
    assert batches(data) == []


def test_spectrograms_are_read_as_bands_and_frames(tmp_path):
    tracks = collection(tmp_path, 2)
    for i in range(2):
        noise = np.random.default_rng(i).normal(0, 0.1, 938 * 512 - 512)
        np.savez(tmp_path / f"{i}.npz", array=noise.astype("float32"), sr=16_000)
    options = {"format": "log-mel-spectrogram", "num_bands": 8, "num_files": 1}
    folder = tmp_path / "out"
    write_tracks(tracks, folder, TrackRecordsConfig(**options), num_workers=0)
    options = {"format": "log-mel-spectrogram", "sample_rate": 16_000, "num_bands": 8}
    [data] = read(folder, shuffle=False, **options)
    audio, _ = batches(data)[0]
    assert audio.shape == (2, 8, 468)
    # The middle of 938 frames begins at 235.
    example = next(examples(folder / "log-mel-spectrogram_1.tfrecord"))
    mel = np.array(example.features.feature["audio"].float_list.value).reshape(8, -1)
    assert mel.shape == (8, 938)
    piece = mel[:, 235:703]
    scaled = (piece - piece.mean()) / np.sqrt(piece.var() + 1e-6)
    np.testing.assert_allclose(audio[0], scaled, atol=1e-3)
    with pytest.raises(DatasetError, match="have num_bands 8, not 96"):
        read(folder, **{**options, "num_bands": 96})


def test_records_of_the_original_need_no_manifest(records, tmp_path):
    for path in sorted_files(records, "waveform"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    [data] = read(tmp_path, seconds=1)
    assert len(batches(data)) == 4
    with pytest.raises(ConfigError, match="give its number"):
        read(tmp_path, with_tags=("rock",))
    (tmp_path / "waveform_manifest.json").write_text(json.dumps({"tags": TAGS}))
    with pytest.raises(DatasetError, match="have sample_rate None"):
        read(tmp_path)
    with pytest.raises(DatasetError, match=r"holds no waveform_\*"):
        read(tmp_path / "empty")
