"""Manifests that are wrong in one field, and those of older builds."""

import copy
import json
from pathlib import Path

import pytest

from resemul.configs import BuildConfig
from resemul.errors import DatasetError
from resemul.records.manifest import (
    BuildIdentity,
    Manifest,
    ShardResult,
    SkippedClip,
    checksum,
    write_manifest,
)
from resemul.records.manifest_checks import read_manifest
from resemul.records.sizes import shard_bytes

DATA = Path(__file__).parent / "data"
OPTIONS = {
    "sample_rate": 8_000,
    "num_samples": 100,
    "clip_seconds": 0.03,
    "num_audios_per_shard": 2,
    "min_segments": 1,
    "decoder": "pyav",
}


def make_manifest():
    identity = BuildIdentity("mtt", "mtt-all", "0" * 64, ["rock", "slow"], OPTIONS)
    names = {
        "train": "train-0000-of-0001.tfrecord",
        "test": "test-0000-of-0001.seq.tfrecord",
    }
    clips = {"train": [("1", 2), ("2", 1)], "test": [("3", 2)]}
    skipped = [SkippedClip("4", "a/d.mp3", "train", "is empty (0 bytes)")]
    shards = [
        ShardResult(names[split], split, 0, clips[split], skipped, sha256="a" * 64)
        for split in names
    ]
    sized = [
        ShardResult(**{**vars(s), "num_bytes": shard_bytes(identity, s)})
        for s in shards
    ]
    return Manifest(identity, sized)


@pytest.fixture
def folder(tmp_path):
    write_manifest(make_manifest(), tmp_path)
    return tmp_path


def change(folder, way, value, keep_checksum=False):
    """Changes one field; the checksum is made to fit, as in an older manifest."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    place = content
    for key in way[:-1]:
        place = place[key]
    if value is None:
        del place[way[-1]]
    else:
        place[way[-1]] = value
    if not keep_checksum:
        content["checksum"] = checksum(copy.deepcopy(content))
    path.write_text(json.dumps(content))


def test_a_manifest_is_read_as_it_was_written(folder):
    assert read_manifest(folder) == make_manifest()


def test_a_folder_without_a_manifest_has_none(tmp_path):
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize(
    ("way", "value", "message"),
    [
        (("identity", "options"), [], "options is not an object"),
        (("identity", "options", "encoding"), "int8", "encoding must be one of"),
        (("identity", "options", "encoding"), "int16", "build the records again"),
        (("identity", "options", "sample_rate"), None, "it has no sample_rate"),
        (("identity", "options", "sample_rate"), "8000", "takes a whole number"),
        (("identity", "options", "num_samples"), "text", "takes a whole number"),
        (("identity", "options", "num_samples"), 100.0, "takes a whole number"),
        (("identity", "options", "num_samples"), 99, "what is listed of it makes"),
        (("identity", "options", "new"), 1, "unexpected keyword argument 'new'"),
        (("identity", "tags"), "rock", "tags is not a list"),
        (("identity", "tags"), ["rock", 1], "tags is not a list"),
        (("identity", "tags"), ["rock", "rock"], "'rock' is there twice"),
        (("identity", "tags"), [], "tags is empty"),
        (("identity", "tags"), ["rock"], "what is listed of it makes"),
        (("identity", "dataset"), 7, "dataset is 7, not a text"),
        (("shards",), [], "it lists no shards"),
        (("shards",), {}, "shards is not a list"),
        (("shards", 0, "split"), "nothing", "there is no split 'nothing'"),
        (("shards", 0, "split"), "val", "not the name of a val shard"),
        (("shards", 0, "file"), "../../x.tfrecord", "not the name of a train shard"),
        (("shards", 0, "num_bytes"), "many", "not a count"),
        (("shards", 0, "num_bytes"), 5, "has 5 bytes, what is listed"),
        (("shards", 0, "clips", 0, 1), 10**9, "has 1000000000 segments"),
        (("shards", 0, "clips", 0, 1), -5, "has -5 segments"),
        (("shards", 0, "clips", 0, 1), "ten", "has 'ten' segments"),
        (("shards", 0, "clips", 0), ["a", "b", "c"], "not a clip and a number"),
        (("shards", 0, "clips"), [["1", 2]], "what is listed of it makes"),
        (("shards", 1, "clips"), [["1", 2]], "clip '1' is listed twice"),
        (("shards", 0, "sha256"), "xyz", "sha256 is no SHA-256"),
        (("shards", 0, "skipped"), [{"clip_id": 1}], "clip_id is 1, not a text"),
        (("versions",), [], "versions is not an object"),
        (("format",), "1", "has format '1', this version reads 1"),
    ],
)
def test_a_wrong_field_is_told(folder, way, value, message):
    change(folder, way, value)
    with pytest.raises(DatasetError) as error:
        read_manifest(folder)
    assert message in str(error.value)
    assert str(folder / "manifest.json") in str(error.value)
    assert "--overwrite" in str(error.value)


@pytest.mark.parametrize(
    ("way", "value"),
    [
        # What no arithmetic finds: the tags in another order, another clip.
        (("identity", "tags"), ["slow", "rock"]),
        (("shards", 1, "clips"), [["5", 2]]),
    ],
)
def test_a_change_by_hand_is_told(folder, way, value):
    change(folder, way, value, keep_checksum=True)
    with pytest.raises(DatasetError, match="it was changed after it was written"):
        read_manifest(folder)


def test_deep_nesting_is_no_crash(tmp_path):
    (tmp_path / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(DatasetError, match="is not valid JSON"):
        read_manifest(tmp_path)


def test_a_manifest_of_before_there_were_hashes_is_read(tmp_path):
    (tmp_path / "manifest.json").write_text((DATA / "old_manifest.json").read_text())
    manifest = read_manifest(tmp_path)
    assert [manifest.num_clips(split) for split in ("train", "val", "test")] == [
        33,
        2,
        6,
    ]
    assert manifest.identity.config == BuildConfig(num_audios_per_shard=10)
    assert manifest.short() == [("42", "train", 5)]
    assert manifest.padded() == []
    assert {shard.sha256 for shard in manifest.shards} == {""}
