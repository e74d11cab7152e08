"""Batches straight from audio files: those that the records give, bit for bit."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from resemul.configs import BuildConfig, DatasetConfig, TagsConfig
from resemul.datasets import load_annotations
from resemul.errors import DatasetError
from resemul.records import (
    AUDIO_INDEX_FILE,
    audio_index,
    iterate_clips,
    load_segments,
    load_training_segments,
    open_audio_set,
    read_record_set,
    write_audio_index,
)
from resemul.records.audio_index import read_audio_index
from resemul.records.pipeline import damage_named

# Those of the fixture `tiny_records`.
CONFIG = BuildConfig(num_audios_per_shard=3, clip_seconds=6.0)


@pytest.fixture
def data_dir(tiny_records):
    index(tiny_records)
    return tiny_records


def index(data_dir, config=CONFIG, **options):
    annotations = load_annotations(DatasetConfig(data_dir=data_dir))
    return write_audio_index(
        annotations, data_dir / AUDIO_INDEX_FILE, config, **options
    )


def assert_same(first, second):
    first, second = list(first), list(second)
    assert len(first) == len(second) > 0
    for mine, theirs in zip(first, second, strict=True):
        for array, other in zip(mine, theirs, strict=True):
            assert array.dtype == other.dtype == np.float32
            assert array.tobytes() == other.tobytes()
            assert array.shape == other.shape


@pytest.mark.parametrize(
    ("steps", "options"),
    [
        (2, {}),
        (7, {"seed": (3, 1)}),
        (5, {"num_read_threads": 2}),
        (4, {"shuffle_buffer": 3, "num_read_threads": 1}),
    ],
)
def test_training_batches_are_those_of_the_records(data_dir, steps, options):
    records = read_record_set(data_dir)
    with open_audio_set(data_dir, num_workers=2) as audio:
        assert_same(
            load_training_segments(audio, 4, steps, **options).as_numpy_iterator(),
            load_training_segments(records, 4, steps, **options).as_numpy_iterator(),
        )


def test_validation_and_test_clips_are_those_of_the_records(data_dir):
    records = read_record_set(data_dir)
    with open_audio_set(data_dir) as audio:
        assert_same(iterate_clips(audio), iterate_clips(records))
        assert_same(
            load_segments(audio, "val", 2).as_numpy_iterator(),
            load_segments(records, "val", 2).as_numpy_iterator(),
        )


def test_an_audio_set_is_described_as_its_records_are(tiny_records):
    empty = next(tiny_records.glob("mp3/0/*.mp3"))
    empty.write_bytes(b"")
    manifest = index(tiny_records)
    assert [clip.path for clip in manifest.skipped()] == [f"0/{empty.name}"]
    assert "empty (0 bytes)" in manifest.skipped()[0].reason
    assert str(tiny_records) not in manifest.skipped()[0].reason
    with open_audio_set(tiny_records) as audio:
        assert audio.num_clips == {"train": 16, "val": 3, "test": 7}
        assert audio.num_segments["test"] == 9
        assert audio.num_skipped == {"train": 1, "val": 0, "test": 0}
        assert audio.tags == read_record_set(tiny_records).tags
        assert audio.clip_ids == read_record_set(tiny_records).clip_ids
        assert audio.val_clip_sizes == (1, 1, 1)


def test_no_more_clips_are_decoded_ahead_than_there_is_room_for(data_dir, monkeypatch):
    with open_audio_set(data_dir) as audio:
        source, held = audio.source, []
        submit = type(source)._submit
        monkeypatch.setattr(
            type(source),
            "_submit",
            lambda self, clip: held.append(clip) or submit(self, clip),
        )
        clips = source._shards["train-0000-of-0005.tfrecord"]
        ids = [(number, 0) for number in range(len(clips))]
        reader = source._decode(clips, ids, max_clips=2)
        next(reader)
        assert len(held) == 2
        reader.close()


def test_clips_are_counted_once(data_dir, monkeypatch):
    monkeypatch.setattr(audio_index, "_count", lambda *_: pytest.fail("counted"))
    assert index(data_dir).num_clips("train") == 17


def test_an_index_of_other_options_is_refused(data_dir):
    with pytest.raises(DatasetError, match=r"clip_seconds 6\.0 -> 3\.0.*--overwrite"):
        index(data_dir, dataclasses.replace(CONFIG, clip_seconds=3.0))
    index(data_dir, dataclasses.replace(CONFIG, clip_seconds=3.0), overwrite=True)


def test_without_an_index_it_says_what_to_do(tiny_dataset):
    with (
        pytest.raises(DatasetError, match="--index-only"),
        open_audio_set(tiny_dataset),
    ):
        pass


def test_an_index_that_is_none_is_told(data_dir):
    (data_dir / AUDIO_INDEX_FILE).write_text(json.dumps({"format": 99}))
    with pytest.raises(DatasetError, match="not an index"), open_audio_set(data_dir):
        pass


def test_without_a_clip_that_can_be_used_there_is_no_index(tiny_dataset):
    for path in tiny_dataset.glob("mp3/*/*.mp3"):
        path.write_bytes(b"")
    with pytest.raises(DatasetError, match="no clip under"):
        index(tiny_dataset)
    assert not (tiny_dataset / AUDIO_INDEX_FILE).exists()


def test_changed_annotations_are_noticed(data_dir):
    path = data_dir / "annotations_final.csv"
    path.write_bytes(path.read_bytes().replace(b'"101"\t"1"', b'"101"\t"0"'))
    with (
        pytest.raises(DatasetError, match="the annotations are not those"),
        open_audio_set(data_dir),
    ):
        pass


@pytest.mark.parametrize("is_known", [True, False])
def test_a_data_set_that_has_moved_is_found(data_dir, tmp_path, is_known):
    annotations = load_annotations(DatasetConfig(data_dir=data_dir))
    dataset = DatasetConfig(data_dir=data_dir) if is_known else None
    index = data_dir / AUDIO_INDEX_FILE
    write_audio_index(annotations, index, CONFIG, dataset=dataset, overwrite=True)
    data_dir.rename(tmp_path / "moved")
    with open_audio_set(tmp_path / "moved") as audio:
        assert len(list(iterate_clips(audio))) == 7


def test_an_index_of_before_it_knew_its_annotations_is_read(tmp_path):
    index = Path(__file__).parent / "data/old_audio_index.json"
    content = read_audio_index(index)
    assert content.manifest.num_segments("train") == 325
    assert content.tracks["42"][0].startswith("8/resemul-demo-042")
    assert content.dataset_config(tmp_path) == DatasetConfig(
        data_dir=tmp_path, tags=TagsConfig(keep_untagged=False)
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tracks", {}),
        ("tracks", []),
        ("audio_dir", 7),
        ("manifest", {"identity": {}}),
        ("dataset", {"dataset": "mtt", "colour": "red"}),
    ],
)
def test_an_index_that_is_wrong_in_a_field_is_told(data_dir, name, value):
    path = data_dir / AUDIO_INDEX_FILE
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, name: value}))
    with pytest.raises(DatasetError, match=r"audio_index\.json is"):
        read_audio_index(path)


def test_counting_goes_on_where_it_was_stopped(tiny_dataset, monkeypatch):
    run_jobs, counted = audio_index.run_jobs, []

    def stop_after_five(jobs, *args, **options):
        for number, done in enumerate(run_jobs(jobs, *args, **options)):
            if number == 5:
                raise KeyboardInterrupt
            counted.append(done.job)
            yield done

    monkeypatch.setattr(audio_index, "run_jobs", stop_after_five)
    with pytest.raises(KeyboardInterrupt):
        index(tiny_dataset)
    monkeypatch.setattr(
        audio_index,
        "run_jobs",
        lambda jobs, *args, **options: (
            counted.extend(jobs) or run_jobs(jobs, *args, **options)
        ),
    )
    manifest = index(tiny_dataset)
    assert len(counted) == len(set(counted)) == 27
    assert manifest.num_segments("train") == 18
    assert not list(tiny_dataset.glob(".*"))


def test_clips_filled_with_silence_are_counted(tiny_dataset):
    config = BuildConfig(num_samples=5 * 22_050, clip_seconds=None, min_segments=0)
    padded = index(tiny_dataset, config).padded()
    # All but the three clips of 6 s last 3 s.
    assert len(padded) == 24
    assert {round(seconds) for _, _, seconds in padded} == {3}


def test_a_clip_that_has_gone_since_is_named(data_dir):
    gone = next(data_dir.glob("mp3/d/*.mp3"))
    gone.unlink()
    with (
        open_audio_set(data_dir) as audio,
        pytest.raises(DatasetError, match=f"{gone.name} does not exist"),
    ):
        list(iterate_clips(audio))


def test_a_clip_that_has_changed_since_is_named(data_dir):
    paths = sorted(data_dir.glob("mp3/[def]/*.mp3"), key=lambda p: p.stat().st_size)
    paths[0].write_bytes(paths[-1].read_bytes())
    with (
        open_audio_set(data_dir) as audio,
        pytest.raises(DatasetError, match="2 segments, 1 when it was counted"),
    ):
        list(iterate_clips(audio))


def test_errors_of_tensorflow_alone_are_not_hidden(data_dir):
    import tensorflow as tf

    with (
        open_audio_set(data_dir) as audio,
        pytest.raises(tf.errors.ResourceExhaustedError),
        damage_named(audio, "train"),
    ):
        raise tf.errors.ResourceExhaustedError(None, None, "no memory")
