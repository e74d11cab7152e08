"""Tags and splits put together: names, hashes, and what must not go unnoticed."""

import gzip
import logging
import re
import sqlite3
from pathlib import Path

import pytest

from resemul.configs import ColumnsConfig, DatasetConfig, SplitConfig, TagsConfig
from resemul.configs.dataset import DATASETS
from resemul.datasets import load_annotations
from resemul.datasets.describe import describe
from resemul.errors import DatasetError
from resemul.runtime.files import file_sha256

REAL_ANNOTATIONS = (
    Path(__file__).parents[2].parent / "shared/data/annotations_final.csv.gz"
)
TABLE = """path,tags,split
a.wav,rock;slow,train
b.wav,rock,train
c.wav,,train
d.wav,slow,val
e.wav,rock,test
f.wav,slow;rock,test
"""


@pytest.fixture
def table(tmp_path):
    """A table of six clips whose files exist, empty; returns its path."""
    for name in "abcdef":
        (tmp_path / f"{name}.wav").touch()
    path = tmp_path / "my.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture(scope="module")
def real_dir(tmp_path_factory):
    if not REAL_ANNOTATIONS.is_file():
        pytest.skip("no annotations of MTT here")
    folder = tmp_path_factory.mktemp("mtt")
    content = gzip.decompress(REAL_ANNOTATIONS.read_bytes())
    (folder / "annotations_final.csv").write_bytes(content)
    return folder


def load(table, tags=None, split=None, **options):
    return load_annotations(
        DatasetConfig(
            dataset="csv",
            annotations=table,
            tags=TagsConfig(**(tags or {})),
            split=SplitConfig(**(split or {})),
            **options,
        )
    )


def test_a_table_becomes_tracks(table):
    annotations = load(table)
    # slow 3 times, rock 4 times: the rarest tag comes first.
    assert annotations.tags == ("slow", "rock")
    found = {t.clip_id: (t.split, t.labels.tolist()) for t in annotations.tracks}
    assert found["a.wav"] == ("train", [1, 1])
    assert found["c.wav"] == ("train", [0, 0])
    assert found["d.wav"] == ("val", [1, 0])
    assert annotations.split_sizes() == {"train": 3, "val": 1, "test": 2}
    assert re.fullmatch("column-[0-9a-f]{8}", annotations.split_name)


def test_untagged_clips_are_dropped_if_asked(table):
    annotations = load(table, tags={"keep_untagged": False})
    assert "c.wav" not in {track.clip_id for track in annotations.tracks}
    assert annotations.split_name.endswith("-tagged")


@pytest.mark.parametrize("rule", ["random", "stratified"])
def test_a_clip_stays_in_its_split_whatever_the_tags(table, rule):
    split = {"rule": rule, "ratio": "1:1:1"}
    every = {t.clip_id: t.split for t in load(table, split=split).tracks}
    tags = {"num_tags": 1, "keep_untagged": False}
    fewer = {t.clip_id: t.split for t in load(table, tags, split).tracks}
    assert fewer.keys() == {"a.wav", "b.wav", "e.wav", "f.wav"}
    assert fewer.items() <= every.items()


def test_the_hash_changes_with_anything_that_shapes_the_records(table, tmp_path):
    (tmp_path / "synonyms").write_text("slow, quick\n")
    hashes = [load(table).source_sha256]
    table.write_text(TABLE.replace("b.wav,rock", "b.wav,slow"))
    hashes.append(load(table).source_sha256)
    table.write_text(TABLE.replace("b.wav,rock,train", "b.wav,rock,val"))
    hashes.append(load(table).source_sha256)
    table.write_text(TABLE)
    (tmp_path / "id").write_text(TABLE.replace("path,", "file,", 1))
    hashes.append(load(table, tags={"num_tags": 1}).source_sha256)
    hashes.append(load(table, split={"rule": "random"}).source_sha256)
    assert len(set(hashes)) == len(hashes) == 5
    # The same tracks from other columns are the same build.
    assert load(tmp_path / "id").source_sha256 == hashes[0]


def test_missing_files_are_counted_and_the_first_is_named(table, tmp_path):
    (tmp_path / "b.wav").unlink()
    (tmp_path / "e.wav").unlink()
    message = rf"2 of 6 audio files do not exist; the first: {tmp_path}/b\.wav\. .*--sk"
    with pytest.raises(DatasetError, match=message):
        load(table)
    assert len(load(table, skip_missing=True).tracks) == 6


def test_a_tag_without_clips_is_an_error(table):
    table.write_text("path,rock,jazz,pop\na.wav,1,0,0\n")
    with pytest.raises(
        DatasetError, match=r"no clip has the tag 'jazz', 'pop'; .*--tags FILE"
    ):
        load(table)


def test_a_tag_without_training_clips_is_a_warning_that_names_it(table, caplog):
    table.write_text(TABLE.replace("rock;slow,train", "rock,train"))
    with caplog.at_level(logging.WARNING):
        load(table)
    assert "no train clip has the tag slow: it cannot be learned" in caplog.text
    assert "no val clip has the tag rock: it cannot be scored there" in caplog.text
    assert "no test clip" not in caplog.text


def test_an_empty_split_is_an_error_that_counts(table):
    table.write_text(TABLE.replace(",val", ",test"))
    message = r"leaves no clip for val \(train 3, val 0, test 3\)"
    with pytest.raises(DatasetError, match=message):
        load(table)


def test_splits_may_be_empty_if_asked_for_or_if_all_is_for_testing(table):
    annotations = load(table, split={"rule": "random", "ratio": "1:0:1"})
    assert annotations.split_sizes() == {"train": 3, "val": 0, "test": 3}
    table.write_text(TABLE.replace(",val", ",test").replace(",train", ",test"))
    assert load(table).split_sizes() == {"train": 0, "val": 0, "test": 6}


def test_folders_are_split_so_that_each_tag_has_its_share(tmp_path):
    for number in range(10):
        path = tmp_path / ("low" if number < 4 else "high") / f"{number}.wav"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    split = SplitConfig(ratio="2:1:1")
    config = DatasetConfig(dataset="folders", audio_dir=tmp_path, split=split)
    annotations = load_annotations(config)
    assert annotations.split_name == "stratified-2:1:1-seed0"
    assert [s.num_positive for s in describe(annotations)] == [
        {"low": 2, "high": 3},
        {"low": 1, "high": 2},
        {"low": 1, "high": 1},
    ]
    assert annotations.tags == ("low", "high")


def load_mtt(data_dir, **tags):
    return load_annotations(DatasetConfig(data_dir=data_dir, tags=TagsConfig(**tags)))


def test_mtt_without_options_is_known_by_its_file(tiny_dataset):
    annotations = load_mtt(tiny_dataset)
    file = tiny_dataset / "annotations_final.csv"
    assert annotations.split_name == "mtt-tagged"
    assert annotations.source_sha256 == file_sha256(file)
    tags = TagsConfig(keep_untagged=True)
    kept = load_annotations(DatasetConfig(data_dir=tiny_dataset, tags=tags))
    assert kept.split_name == "mtt-all"


def test_mtt_with_synonyms_has_another_hash_and_name(tiny_dataset, tmp_path):
    (tmp_path / "synonyms").write_text("low, high\n")
    tags = TagsConfig(merge=str(tmp_path / "synonyms"))
    merged = load_annotations(DatasetConfig(data_dir=tiny_dataset, tags=tags))
    assert set(merged.tags) == {"low", "loud"}
    assert merged.split_name.startswith("mtt-tagged-merge-")
    assert merged.source_sha256 != load_mtt(tiny_dataset).source_sha256


def test_mtt_splits_by_group_without_leaks(tiny_dataset, tmp_path):
    clips = [track.clip_id for track in load_mtt(tiny_dataset).tracks]
    artist_of = {clip: f"artist {int(clip) // 3}" for clip in [*clips, "117"]}
    lines = [f"{clip},{artist}" for clip, artist in artist_of.items()]
    (tmp_path / "artists.csv").write_text("\n".join(["clip_id,artist", *lines]))
    split = SplitConfig(groups_file=tmp_path / "artists.csv", ratio="2:1:1")
    found = load_annotations(DatasetConfig(data_dir=tiny_dataset, split=split))
    splits_of: dict[str, set[str]] = {}
    for track in found.tracks:
        splits_of.setdefault(artist_of[track.clip_id], set()).add(track.split)
    assert {len(splits) for splits in splits_of.values()} == {1}
    assert set.union(*splits_of.values()) == {"train", "val", "test"}
    assert found.split_name == "stratified-by-artist-2:1:1-seed0-tagged"


def test_real_annotations_give_the_split_of_the_multi_scale_tagger(real_dir):
    """25,860 clips: all but the three that are empty; 50 of 135 merged tags."""
    config = DatasetConfig(
        data_dir=real_dir,
        tags=TagsConfig(merge="mtt29", keep_untagged=True),
        split=SplitConfig(rule="random", ratio="19775:1520:4565"),
    )
    annotations = load_annotations(config)
    assert annotations.split_sizes() == {"train": 19_775, "val": 1_520, "test": 4_565}
    assert len(annotations.tags) == 50
    assert annotations.split_name.endswith("-seed0-all-mtt29-top50")


def test_real_annotations_read_as_a_table_have_the_same_labels(real_dir):
    config = DatasetConfig(
        dataset="csv",
        annotations=real_dir / "annotations_final.csv",
        skip_missing=True,
        columns=ColumnsConfig(path="mp3_path"),
        tags=TagsConfig(num_tags=50),
    )
    table, mtt = load_annotations(config), load_mtt(real_dir, keep_untagged=True)
    assert set(table.tags) == set(mtt.tags)
    order = [table.tags.index(tag) for tag in mtt.tags]
    for track, expected in zip(table.tracks, mtt.tracks, strict=True):
        assert (track.clip_id, track.path) == (expected.clip_id, expected.path)
        assert (track.labels[order] == expected.labels).all()


def test_describe_counts_clips_and_tags(table):
    train, val, test = describe(load(table))
    assert (train.split, train.num_clips, train.num_untagged) == ("train", 3, 1)
    assert train.num_positive == {"slow": 1, "rock": 2}
    assert train.percent("rock") == pytest.approx(200 / 3)
    assert val.num_positive == {"slow": 1, "rock": 0}
    assert test.num_positive == {"slow": 1, "rock": 2}


def test_describe_of_an_empty_split_has_no_percent(table):
    annotations = load(table, split={"rule": "random", "ratio": "1:0:1"})
    val = describe(annotations)[1]
    assert (val.num_clips, val.percent("rock")) == (0, 0)


def test_stratified_split_of_real_annotations_spreads_every_tag(real_dir):
    config = DatasetConfig(
        data_dir=real_dir, split=SplitConfig(rule="stratified", ratio="8:1:1")
    )
    train, val, test = describe(load_annotations(config))
    for tag in train.num_positive:
        counts = [split.num_positive[tag] for split in (train, val, test)]
        assert counts[1] == pytest.approx(sum(counts) / 10, abs=2)
        assert counts[2] == pytest.approx(sum(counts) / 10, abs=2)


def test_ratio_with_a_zero_in_any_spelling_leaves_a_split_empty(table):
    annotations = load(table, split={"rule": "random", "ratio": "2:1:0.0"})
    assert annotations.split_sizes() == {"train": 4, "val": 2, "test": 0}


def test_data_set_from_outside_is_read_by_its_name(table, tmp_path, monkeypatch):
    (tmp_path / "data_of_this_test.py").write_text(
        "import dataclasses\n"
        "from resemul.datasets import csv_file\n"
        "def my_data(config):\n"
        "    found = csv_file.read_collection(config)\n"
        "    return dataclasses.replace(found, dataset='mine')\n"
        "def wrong(config):\n"
        "    return 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    config = DatasetConfig("data_of_this_test:my_data", annotations=table)
    annotations = load_annotations(config)
    assert annotations.dataset == "mine"
    assert annotations.split_sizes() == {"train": 3, "val": 1, "test": 2}
    with pytest.raises(DatasetError, match=r"returned int; a data set is a function"):
        load_annotations(DatasetConfig("data_of_this_test:wrong"))


def write_msd(folder):
    """A table of three tracks, whose files are there, and their tags."""
    names = ["slow/0.wav", "slow/1.wav", "rock/0.wav"]
    rows = [f"TR{i},{name}" for i, name in enumerate(names)]
    (folder / "tracks.csv").write_text("\n".join(["track_id,mp3_path", *rows]))
    with sqlite3.connect(folder / "clean.db") as connection:
        for table, columns, values in (
            ("tags", "tag", "('rock')"),
            ("tids", "tid", "('TR0'), ('TR1'), ('TR2')"),
            ("tid_tag", "tid, tag", "(1, 1), (2, 1), (3, 1)"),
        ):
            connection.execute(f"CREATE TABLE {table} ({columns})")
            connection.execute(f"INSERT INTO {table} VALUES {values}")
    connection.close()
    return folder / "tracks.csv", folder / "clean.db"


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_of_the_table_reads_its_annotations(
    name, table, tiny_dataset, tmp_path
):
    for tag in ("slow", "rock"):
        (tmp_path / tag).mkdir()
        for number in range(3):
            (tmp_path / tag / f"{number}.wav").touch()
    entry = DATASETS[name]
    if entry.needs_tag_db:
        table, database = write_msd(tmp_path)
    config = DatasetConfig(
        dataset=name,
        data_dir=tiny_dataset,
        annotations=table if entry.needs_annotations else None,
        audio_dir=tmp_path if entry.needs_audio_dir else None,
        tag_db=database if entry.needs_tag_db else None,
    )
    annotations = load_annotations(config)
    assert entry.summary
    for track in annotations.tracks:
        assert track.labels.shape == (len(annotations.tags),)
        assert not track.path.is_absolute()
    assert sum(annotations.split_sizes().values()) == len(annotations.tracks) > 0
