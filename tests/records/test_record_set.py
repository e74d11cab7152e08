"""What a folder of shards says about itself, with a manifest and without."""

import dataclasses
import json
import shutil

import pytest
import tensorflow as tf

from resemul.errors import DatasetError
from resemul.records import open_records, opening, read_record_set
from resemul.records.manifest_checks import read_manifest
from resemul.records.record_set import describe_manifest


@pytest.fixture
def folder(tiny_records):
    return tiny_records / "tfrecord"


@pytest.fixture
def bare_folder(folder):
    """As the original left it: shards and nothing else."""
    (folder / "manifest.json").unlink()
    return folder


def first(folder, pattern):
    return min(folder.glob(pattern))


def test_read_with_a_manifest(tiny_records, folder):
    records = read_record_set(tiny_records)
    assert records.dataset == "mtt"
    assert records.split_name == "mtt-tagged"
    assert sorted(records.tags) == ["high", "loud", "low"]
    assert (records.sample_rate, records.num_samples) == (22_050, 59_049)
    assert records.num_clips == {"train": 17, "val": 3, "test": 7}
    assert records.num_segments == {"train": 18, "val": 3, "test": 9}
    assert records.num_skipped == {"train": 0, "val": 0, "test": 0}
    assert {s: len(files) for s, files in records.files.items()} == {
        "train": 5,
        "val": 1,
        "test": 2,
    }
    assert all(path.parent == folder for path in records.files["train"])
    assert len(set(records.clip_ids)) == 7
    assert records.val_clip_sizes == (1, 1, 1)


def test_segments_of_validation_clips_are_counted_shard_by_shard(folder):
    manifest = read_manifest(folder)
    [shard] = [shard for shard in manifest.shards if shard.split == "val"]
    shards = [
        dataclasses.replace(shard, clips=[("7", 2), ("8", 1)]),
        dataclasses.replace(shard, clips=[("5", 3)]),
    ]
    described = describe_manifest(folder, dataclasses.replace(manifest, shards=shards))
    assert described["val_clip_sizes"] == (2, 1, 3)


def test_read_without_a_manifest_counts_the_records(tiny_records, bare_folder):
    records = read_record_set(tiny_records)
    assert records.split_name == "unknown"
    assert records.num_clips == {"test": 7}
    assert records.num_segments == {"train": 18, "val": 3, "test": 9}
    assert records.num_samples == 59_049
    assert records.clip_ids == ()
    assert records.val_clip_sizes == ()
    assert records.num_skipped == {}


def test_read_without_a_manifest_agrees_with_one(tiny_records, folder):
    with_manifest = read_record_set(tiny_records)
    (folder / "manifest.json").unlink()
    without = read_record_set(tiny_records)
    assert without.files == with_manifest.files
    assert without.tags == with_manifest.tags


def test_read_without_a_manifest_needs_the_annotations(tiny_records, bare_folder):
    (tiny_records / "annotations_final.csv").unlink()
    with pytest.raises(DatasetError, match=r"no manifest, so the tags come from"):
        read_record_set(tiny_records)


def test_read_without_a_manifest_refuses_other_annotations(tiny_records, bare_folder):
    path = tiny_records / "annotations_final.csv"
    path.write_text("clip_id\trock\tmp3_path\n1\t1\t0/a.mp3\n")
    with pytest.raises(DatasetError, match=r"of 3 labels, the annotations 1 tags"):
        read_record_set(tiny_records)


@pytest.mark.parametrize("pattern", ["train-*", "val-*", "test-*"])
def test_read_finds_a_shard_that_was_cut_off(tiny_records, bare_folder, pattern):
    path = first(bare_folder, pattern)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DatasetError, match=f"{path.name} is cut off"):
        read_record_set(tiny_records)


@pytest.mark.parametrize("pattern", ["train-*", "val-*", "test-*"])
def test_read_finds_a_shard_of_another_size(tiny_records, folder, pattern):
    path = first(folder, pattern)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DatasetError, match=f"{path.name} is missing or not of the"):
        read_record_set(tiny_records)


def test_read_finds_a_shard_that_is_missing(tiny_records, folder):
    first(folder, "val-*").unlink()
    with pytest.raises(DatasetError, match=r"val-0000-of-0001\.tfrecord is missing"):
        read_record_set(tiny_records)


def test_read_without_a_manifest_finds_a_missing_shard(tiny_records, bare_folder):
    path = bare_folder / "train-0002-of-0005.tfrecord"
    path.unlink()
    with pytest.raises(DatasetError, match=f"not those of one build, see {path.name}"):
        read_record_set(tiny_records)


def test_read_without_a_manifest_finds_a_shard_too_many(tiny_records, bare_folder):
    source = bare_folder / "train-0002-of-0005.tfrecord"
    shutil.copy(source, bare_folder / "train-0002-of-0009.tfrecord")
    with pytest.raises(DatasetError, match=r"see train-0002-of-0009\.tfrecord"):
        read_record_set(tiny_records)


def test_read_without_a_manifest_needs_every_split(tiny_records, bare_folder):
    first(bare_folder, "val-*").unlink()
    with pytest.raises(DatasetError, match="holds no val shards"):
        read_record_set(tiny_records)


def test_read_without_a_manifest_passes_over_an_empty_shard(tiny_records, bare_folder):
    first(bare_folder, "train-*").write_bytes(b"")
    records = read_record_set(tiny_records)
    assert 0 < records.num_segments["train"] < 18


def test_read_without_a_manifest_refuses_empty_shards(tiny_records, bare_folder):
    for path in bare_folder.glob("*.tfrecord"):
        path.write_bytes(b"")
    with pytest.raises(DatasetError, match="no records"):
        read_record_set(tiny_records)


def test_read_without_a_manifest_refuses_records_of_something_else(
    tiny_records, bare_folder
):
    path = first(bare_folder, "train-*")
    for content in (b"", b"not a protobuf"):
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(content)
        with pytest.raises(DatasetError, match=f"{path.name} holds other records"):
            read_record_set(tiny_records)


def test_read_without_a_folder_names_the_remedy(tmp_path):
    with pytest.raises(DatasetError, match=r"tfrecord does not exist; 'resemul build'"):
        read_record_set(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not valid JSON"),
        ("{}", "is not a manifest of resemul"),
        ("[]", "is not a manifest of resemul"),
        ('{"format": 99}', "has format 99, this version reads 1"),
    ],
)
def test_read_refuses_a_broken_manifest(tiny_records, folder, content, message):
    (folder / "manifest.json").write_text(content)
    with pytest.raises(DatasetError, match=message):
        read_record_set(tiny_records)


def test_manifest_has_counts_at_its_top(folder):
    content = json.loads((folder / "manifest.json").read_text())
    assert list(content)[:5] == [
        "format",
        "counts",
        "num_skipped",
        "num_short",
        "num_padded",
    ]
    assert content["counts"]["test"] == {"clips": 7, "segments": 9, "shards": 2}
    assert content["num_skipped"] == 0
    # All but the three clips of two segments.
    assert content["num_short"] == 24
    assert set(content["versions"]) >= {"resemul", "av", "tensorflow"}


def test_shards_of_one_size_that_were_swapped_are_found(tiny_records, folder):
    one, two = sorted(folder.glob("train-*"))[:2]
    assert one.stat().st_size == two.stat().st_size
    one.rename(folder / "aside")
    two.rename(one)
    (folder / "aside").rename(two)
    with pytest.raises(DatasetError, match=f"{one.name} is not the shard that the"):
        read_record_set(tiny_records)


def test_a_shard_that_begins_with_zeros_is_found(tiny_records, folder):
    path = first(folder, "test-*")
    content = path.read_bytes()
    path.unlink()  # it may be a link to the file of all tests
    path.write_bytes(bytes(4096) + content[4096:])
    with pytest.raises(DatasetError, match=f"{path.name} is not the shard that the"):
        read_record_set(tiny_records)


def test_silence_in_records_is_told_when_they_are_opened(tiny_records, caplog):
    with open_records(tiny_records):
        pass
    assert caplog.messages == []
    with open_records(tiny_records) as records:
        opening._tell_padding(
            dataclasses.replace(records, num_padded={"train": 3, "val": 1})
        )
    assert caplog.messages == [
        "4 of 27 clips are shorter than a segment of 2.68 s and filled with silence"
    ]


def test_records_may_lie_anywhere(tiny_records, folder, tmp_path):
    folder.rename(tmp_path / "elsewhere")
    records = read_record_set(tiny_records, tmp_path / "elsewhere")
    assert records.folder == tmp_path / "elsewhere"
    assert records.num_clips["test"] == 7


def test_clips_filled_with_silence_are_counted(folder):
    manifest = read_manifest(folder)
    shards = [dataclasses.replace(s, padded=[]) for s in manifest.shards]
    [val] = [i for i, shard in enumerate(shards) if shard.split == "val"]
    shards[val] = dataclasses.replace(shards[val], padded=[("7", 1.5), ("8", 2.0)])
    described = describe_manifest(folder, dataclasses.replace(manifest, shards=shards))
    assert described["num_padded"] == {"train": 0, "val": 2, "test": 0}
