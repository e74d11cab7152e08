import sqlite3
from pathlib import Path

import numpy as np
import pytest

from resemul.configs.dataset import DatasetConfig, SplitConfig, TagsConfig
from resemul.configs.recipes import records_of_model
from resemul.datasets import load_annotations
from resemul.errors import ConfigError, DatasetError

TAGS = ["rock", "pop", "jazz", "unheard", "soul"]
# Of other tracks of the database, that the table does not have.
OTHERS = [f"TRX{n}" for n in range(4)]


def tid(number):
    return f"TR{number:016d}"


@pytest.fixture
def folder(tmp_path):
    """Ten tracks; 1 to 9 with tags, 10 without; a database that knows four more."""
    rows = [
        "# resemul msd wrangle",
        "track_id,track_7digitalid,year,mp3_path,file_size",
    ]
    for number in range(1, 11):
        path = tmp_path / "audio#1" / f"{number}.clip.mp3"
        path.parent.mkdir(exist_ok=True)
        path.touch()
        rows.append(f"{tid(number)},{number},0,{path.name},9")
    (tmp_path / "ultimate.csv").write_text("\n".join(rows) + "\n")
    with sqlite3.connect(tmp_path / "clean.db") as connection:
        connection.execute("CREATE TABLE tags (tag TEXT)")
        connection.execute("CREATE TABLE tids (tid TEXT)")
        connection.execute("CREATE TABLE tid_tag (tid INT, tag INT)")
        rows = [(tag,) for tag in TAGS]
        connection.executemany("INSERT INTO tags VALUES (?)", rows)
        tids = [None, *(tid(n) for n in range(1, 10)), *OTHERS]
        connection.executemany("INSERT INTO tids VALUES (?)", [(t,) for t in tids])
        # Track n has the number n + 1. Jazz is the most frequent by the others.
        pairs = [(n + 1, 1) for n in (1, 2, 3, 4, 5)] + [(n + 1, 2) for n in (5, 6, 7)]
        pairs += [(9, 3), (10, 3), (11, 3), (12, 3), (13, 3), (14, 3), (2, 5), (2, 1)]
        connection.executemany("INSERT INTO tid_tag VALUES (?, ?)", pairs)
    connection.close()
    return tmp_path


def load(folder, split=None, **options):
    tags = {
        k: options.pop(k) for k in tuple(options) if k in TagsConfig.__annotations__
    }
    return load_annotations(
        DatasetConfig(
            dataset="msd",
            annotations=folder / "ultimate.csv",
            audio_dir=folder / "audio#1",
            tag_db=folder / "clean.db",
            tags=TagsConfig(**tags),
            split=split or SplitConfig(rule="random", ratio="1:1:1"),
            **options,
        )
    )


def numbers(annotations):
    return sorted(int(track.clip_id[2:]) for track in annotations.tracks)


def test_tracks_with_a_tag_are_read_with_their_labels(folder):
    found = load(folder, without_tags=("unheard",))
    assert found.tags == ("rock", "pop", "jazz", "soul")
    assert numbers(found) == list(range(1, 10))
    track = next(track for track in found.tracks if track.clip_id == tid(1))
    assert track.path == Path("1.clip.mp3")
    assert track.labels.tolist() == [1, 0, 0, 1]


def test_tracks_without_a_tag_are_left_out_with_a_note(folder, caplog):
    load(folder, without_tags=("unheard",))
    assert "1 of 10 tracks have no tag" in caplog.text
    found = load(folder, without_tags=("unheard",), keep_untagged=True)
    assert len(found.tracks) == 10


def test_the_top_is_that_of_the_database_in_the_order_of_numbers(folder):
    # jazz 6, rock 5, pop 3; each pair counts once.
    assert load(folder, num_tags=2).tags == ("rock", "jazz")
    assert numbers(load(folder, num_tags=2)) == [1, 2, 3, 4, 5, 8, 9]
    assert load(folder, num_tags=1, with_tags=("soul", "pop")).tags == (
        *("pop", "jazz", "soul"),
    )
    assert load(folder, num_tags=3, without_tags=("pop",)).tags == ("rock", "jazz")


def test_a_tag_without_tracks_keeps_its_place(folder):
    found = load(folder)
    assert found.tags == tuple(TAGS)
    assert not any(track.labels[3] for track in found.tracks)


def test_the_names_of_splits_tell_choices_apart(folder):
    names = {
        load(folder, num_tags=3).split_name,
        load(folder, num_tags=3, with_tags=("soul",)).split_name,
        load(folder, num_tags=3, without_tags=("pop",)).split_name,
    }
    assert len(names) == 3


def test_tags_that_are_not_there_are_named(folder):
    with pytest.raises(DatasetError, match="no clip can have the tag 'metal'"):
        load(folder, with_tags=("metal",))
    with pytest.raises(DatasetError, match="no clip can have the tag 'metal'"):
        load(folder, without_tags=("metal",))
    with pytest.raises(DatasetError, match="no tag is left"):
        load(folder, num_tags=1, without_tags=("jazz",))


def test_merged_tags_stay_and_have_each_others_tracks(folder):
    found = load(folder, num_tags=3, merge="pop,jazz", merge_names="each")
    assert found.tags == ("rock", "pop", "jazz")
    labels = np.array([track.labels for track in found.tracks])
    assert (labels[:, 1] == labels[:, 2]).all()
    assert labels.sum(axis=0).tolist() == [5, 5, 5]


def test_lists_of_the_whole_data_set_can_be_used(folder, caplog):
    for name, ids in (("train", [1, 2, 3, 5]), ("val", [6, 8]), ("test", [4, 9])):
        lines = "\n".join([*map(tid, ids), *OTHERS[:1], tid(99)])
        (folder / f"{name}.txt").write_text(lines)
    lists = {
        f"{name}_list": folder / f"{name}.txt" for name in ("train", "val", "test")
    }
    found = load(folder, SplitConfig(**lists), num_tags=3)
    assert found.split_sizes() == {"train": 4, "val": 2, "test": 2}
    assert "6 clips of the lists are not here" in caplog.text


def test_a_column_of_splits_is_used(folder):
    table = folder / "ultimate.csv"
    comment, header, *rows = table.read_text().splitlines()
    words = ["train"] * 4 + ["valid"] * 3 + ["test"] * 3
    rows = [f"{row},{word}" for row, word in zip(rows, words, strict=True)]
    table.write_text("\n".join([comment, f"{header},split", *rows]))
    found = load(folder, SplitConfig(), num_tags=3)
    assert found.split_sizes() == {"train": 4, "val": 3, "test": 2}


def test_clips_can_be_left_out(folder):
    (folder / "out.txt").write_text(f"{tid(1)}\n2.clip.mp3\n{OTHERS[0]}\n")
    found = load(folder, num_tags=3, excluded=folder / "out.txt")
    assert numbers(found) == list(range(3, 10))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("track_id,", "tid,", "no column track_id"),
        ("mp3_path", "npz_path", "no column mp3_path, file_path"),
        (tid(2), tid(1), f"the track {tid(1)} is there twice"),
        (f"{tid(2)},", ",", "row 2 has no track_id"),
        ("2.clip.mp3", "../2.clip.mp3", "leads out of the audio folder"),
        ("2.clip.mp3", "/2.clip.mp3", "leads out of the audio folder"),
        (",2.clip.mp3", ",", "row 2 has no path"),
        ("10.clip.mp3", "11.clip.mp3", "do not exist"),
    ],
)
def test_tables_that_cannot_be_right_are_refused(folder, old, new, said):
    table = folder / "ultimate.csv"
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(DatasetError, match=said):
        load(folder, num_tags=3, keep_untagged=True)


def test_databases_that_cannot_be_right_are_refused(folder):
    with sqlite3.connect(folder / "clean.db") as connection:
        connection.execute("UPDATE tags SET tag = 'rock' WHERE tag = 'pop'")
    connection.close()
    with pytest.raises(DatasetError, match="the tag 'rock' is there twice"):
        load(folder)
    (folder / "clean.db").write_bytes(b"SQLite format 3\x00" + bytes(99))
    with pytest.raises(DatasetError, match="not an SQLite database"):
        load(folder)


def test_the_database_is_for_this_data_set(folder):
    with pytest.raises(ConfigError, match="needs its tags: --tag-db"):
        DatasetConfig(dataset="msd", annotations=folder / "ultimate.csv")
    with pytest.raises(ConfigError, match="is for the data set 'msd'"):
        DatasetConfig(dataset="csv", annotations=Path("x"), tag_db=Path("y"))


def test_previews_have_one_length_so_records_hold_whole_clips():
    config = records_of_model("pons_log_mel", "msd")
    # Longer than the 15 s of a segment, so that training sees others each time.
    assert 29 * 16_000 < config.num_samples <= 30 * 16_000
    assert config.min_segments == 0
