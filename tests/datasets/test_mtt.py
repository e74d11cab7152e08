"""Annotation files: small ones made by hand, and the published one if it is here."""

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from resemul.configs import BuildConfig, DatasetConfig, TagsConfig
from resemul.datasets import load_annotations
from resemul.datasets.tags import MTT_TOP_50, top_tags
from resemul.errors import DatasetError
from resemul.records import plan_shards

HEADER = ("clip_id", "rock", "slow", "flute", "mp3_path")
ROWS = (
    ("2", 1, 1, 0, "0/a-0-29.mp3"),
    ("6", 0, 0, 0, "1/b-0-29.mp3"),
    ("7", 1, 1, 1, "b/c-0-29.mp3"),
    ("8", 1, 0, 0, "c/d-0-29.mp3"),
    ("9", 0, 1, 0, "d/e-0-29.mp3"),
    ("10", 1, 0, 0, "f/f, g.mp3"),
)
REAL_ANNOTATIONS = (
    Path(__file__).parents[2].parent / "shared/data/annotations_final.csv.gz"
)


def load_tracks(data_dir, **tags):
    return load_annotations(DatasetConfig(data_dir=data_dir, tags=TagsConfig(**tags)))


@pytest.fixture
def write(tmp_path):
    """Writes a table as MTT's: tabs, quotes around everything, CR LF."""

    def write_table(rows=ROWS, header=HEADER):
        lines = ["\t".join(f'"{value}"' for value in row) for row in (header, *rows)]
        content = ("\r\n".join(lines) + "\r\n").encode()
        (tmp_path / "annotations_final.csv").write_bytes(content)
        return tmp_path

    return write_table


@pytest.fixture(scope="module")
def real_dir(tmp_path_factory):
    if not REAL_ANNOTATIONS.is_file():
        pytest.skip("no annotations of MTT here")
    folder = tmp_path_factory.mktemp("mtt")
    content = gzip.decompress(REAL_ANNOTATIONS.read_bytes())
    (folder / "annotations_final.csv").write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def real(real_dir):
    return load_tracks(real_dir)


def replaced(row, **changes):
    """The rows with one of them changed, by the names of its columns."""
    values = dict(zip(HEADER, ROWS[row], strict=True)) | changes
    return [*ROWS[:row], tuple(values.values()), *ROWS[row + 1 :]]


def test_load_tracks_reads_paths_ids_and_splits(write):
    annotations = load_tracks(write())
    found = [(t.clip_id, t.path.as_posix(), t.split) for t in annotations.tracks]
    assert found == [
        ("2", "0/a-0-29.mp3", "train"),
        ("7", "b/c-0-29.mp3", "train"),
        ("8", "c/d-0-29.mp3", "val"),
        ("9", "d/e-0-29.mp3", "test"),
        ("10", "f/f, g.mp3", "test"),
    ]
    assert annotations.audio_dir == write() / "mp3"


def test_load_tracks_orders_tags_rarest_first(write):
    annotations = load_tracks(write())
    assert annotations.tags == ("flute", "slow", "rock")
    labels = {track.clip_id: track.labels.tolist() for track in annotations.tracks}
    assert labels["2"] == [0, 1, 1]
    assert labels["9"] == [0, 1, 0]
    assert annotations.tracks[0].labels.dtype == np.uint8


def test_load_tracks_keeps_untagged_clips_if_asked(write):
    kept = load_tracks(write(), keep_untagged=True)
    assert [t.clip_id for t in kept.tracks] == ["2", "6", "7", "8", "9", "10"]
    assert kept.split_name == "mtt-all"
    assert load_tracks(write()).split_name == "mtt-tagged"


def test_load_tracks_drops_clips_that_have_only_rare_tags(write):
    annotations = load_tracks(write(), num_tags=1)
    assert annotations.tags == ("rock",)
    assert [t.clip_id for t in annotations.tracks] == ["2", "7", "8", "10"]


def test_split_sizes_count_the_tracks(write):
    assert load_tracks(write()).split_sizes() == {"train": 2, "val": 1, "test": 2}


def test_source_hash_changes_with_the_file(write):
    before = load_tracks(write()).source_sha256
    after = load_tracks(write(replaced(0, slow=0))).source_sha256
    assert before != after
    assert len(before) == 64


def test_top_tags_breaks_ties_from_the_end_of_the_alphabet():
    labels = pd.DataFrame({"b": [1, 0], "c": [1, 0], "a": [0, 1], "d": [1, 1]})
    assert top_tags(labels, 4) == ("c", "b", "a", "d")
    assert top_tags(labels, 2) == ("a", "d")


def test_a_file_with_the_tags_of_mtt_gets_the_published_order(write):
    """Whatever the counts: a part of MTT must not train another order."""
    others = [f"tag {i}" for i in range(138)]
    header = ("clip_id", *others, *sorted(MTT_TOP_50), "mp3_path")
    ones = [1] * 138 + [0] * 49 + [1]
    annotations = load_tracks(write([("1", *ones, "0/a.mp3")], header))
    assert annotations.tags == MTT_TOP_50
    # "woman" is the last of the sorted tags.
    expected = [int(tag == "woman") for tag in MTT_TOP_50]
    assert annotations.tracks[0].labels.tolist() == expected


@pytest.mark.parametrize(
    ("row", "changes", "message"),
    [
        (2, {"clip_id": "2"}, r"line 4: clip_id '2' is already on an earlier line"),
        (2, {"mp3_path": "0/a-0-29.mp3"}, r"line 4: mp3_path .* is already"),
        (1, {"rock": 2}, r"line 3, column 'rock': expected 0 or 1, got .*2"),
        (1, {"rock": "x"}, r"line 3, column 'rock': expected 0 or 1, got 'x'"),
        (1, {"rock": ""}, r"line 3, column 'rock': expected 0 or 1"),
        (3, {"clip_id": ""}, r"line 5: clip_id is empty"),
        (3, {"mp3_path": ""}, r"line 5: mp3_path is empty"),
        (0, {"mp3_path": "g/a.mp3"}, r"'g/a\.mp3' is not under a folder 0 to f"),
        (0, {"mp3_path": "0a/a.mp3"}, r"is not under a folder 0 to f"),
        (0, {"mp3_path": "."}, r"'\.' is not under a folder 0 to f"),
        (0, {"mp3_path": "a.mp3"}, r"is not under a folder 0 to f"),
        (0, {"mp3_path": "0"}, r"is not under a folder 0 to f"),
        (0, {"mp3_path": "/etc/a.mp3"}, r"is not under a folder 0 to f"),
        (0, {"mp3_path": "0/../../a.mp3"}, r"leads out of the audio folder"),
    ],
)
def test_load_tracks_names_the_bad_line(write, row, changes, message):
    with pytest.raises(DatasetError, match=message):
        load_tracks(write(replaced(row, **changes)))


def test_load_tracks_refuses_rows_longer_than_the_header(tmp_path):
    """An open quote makes such rows; their first value was taken for a row's name."""
    (tmp_path / "annotations_final.csv").write_text(
        'clip_id\trock\tmp3_path\n"1\t1\t0/a.mp3\n"\t2\t1\t1/b.mp3\n'
    )
    with pytest.raises(DatasetError, match="is not a tab-separated table"):
        load_tracks(tmp_path)


@pytest.mark.parametrize("column", ["clip_id", "mp3_path"])
def test_load_tracks_names_a_column_that_is_missing(write, column):
    header = tuple("x" if name == column else name for name in HEADER)
    with pytest.raises(DatasetError, match=f"has no column {column}"):
        load_tracks(write(header=header))


def test_load_tracks_refuses_a_table_without_tags(write):
    rows = [("1", "0/a.mp3")]
    with pytest.raises(DatasetError, match="no tag columns"):
        load_tracks(write(rows, ("clip_id", "mp3_path")))


def test_load_tracks_refuses_a_table_without_rows(write):
    with pytest.raises(DatasetError, match="no rows"):
        load_tracks(write([]))


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"a\tb\n1\t2\t3\n1\t2\t3\t4\n", b"clip_id,rock,mp3_path\n"],
    ids=["empty", "not utf-8", "ragged", "commas"],
)
def test_load_tracks_refuses_other_files(tmp_path, content):
    path = tmp_path / "annotations_final.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError) as error:
        load_tracks(tmp_path)
    assert str(path) in str(error.value)


def test_load_tracks_without_a_file_names_the_remedy(tmp_path):
    with pytest.raises(DatasetError, match="'resemul download mtt' fetches it"):
        load_tracks(tmp_path)


def test_real_annotations_give_the_published_split(real):
    assert len(real.tracks) == 21_111
    assert real.split_sizes() == {"train": 15_250, "val": 1_529, "test": 4_332}
    assert real.tags == MTT_TOP_50


def test_real_annotations_give_the_other_split_too(real_dir):
    kept = load_tracks(real_dir, keep_untagged=True)
    assert kept.split_sizes() == {"train": 18_709, "val": 1_825, "test": 5_329}


def test_real_tags_are_the_most_frequent_rarest_first(real_dir):
    table = pd.read_csv(real_dir / "annotations_final.csv", sep="\t")
    counts = table.drop(columns=["clip_id", "mp3_path"]).sum()
    published = [counts[tag] for tag in MTT_TOP_50]
    assert published == sorted(published)
    assert published == sorted(counts)[-50:]
    # Only where two tags are equally frequent can the computed order differ.
    computed = top_tags(table.drop(columns=["clip_id", "mp3_path"]), 50)
    differing = {a for a, b in zip(MTT_TOP_50, computed, strict=True) if a != b}
    ties = {"pop", "no vocal", "metal", "female voice", "female vocal", "male voice"}
    assert differing <= ties


def test_real_labels_are_those_of_the_file(real, real_dir):
    table = pd.read_csv(real_dir / "annotations_final.csv", sep="\t")
    table = table.set_index(table["clip_id"].astype(str))
    for track in real.tracks[::501]:
        row = table.loc[track.clip_id]
        assert track.labels.tolist() == [row[tag] for tag in MTT_TOP_50]
        assert track.path.as_posix() == row["mp3_path"]


def test_real_shards_are_those_of_the_published_system(real, real_dir):
    """The rule said again, as the original did it: pandas and the global seed."""
    table = pd.read_csv(real_dir / "annotations_final.csv", sep="\t")
    table = table[table[list(MTT_TOP_50)].any(axis=1)]
    number = table["mp3_path"].str.split("/").str[0].map(lambda c: int(c, 16))
    state = np.random.get_state()
    np.random.seed(0)
    expected, sizes = {}, {}
    for split, chosen in (
        ("train", number < 12),
        ("val", number == 12),
        ("test", number > 12),
    ):
        clips = table[chosen]
        sizes[split] = len(clips) // 100
        shards = list(range(sizes[split])) * 100
        shards += [i % sizes[split] for i in range(len(clips) % 100)]
        suffix = ".seq.tfrecord" if split == "test" else ".tfrecord"
        for clip, shard in zip(
            clips["clip_id"], np.random.permutation(shards), strict=True
        ):
            file = f"{split}-{shard:04d}-of-{sizes[split]:04d}{suffix}"
            expected.setdefault(file, []).append(str(clip))
    np.random.set_state(state)
    assert sizes == {"train": 152, "val": 15, "test": 43}
    jobs = plan_shards(real, BuildConfig())
    assert {j.file: [t.clip_id for t in j.tracks] for j in jobs} == expected
    assert Counter(job.split for job in jobs) == sizes
    assert [job.file for job in jobs][:1] == ["train-0000-of-0152.tfrecord"]
