from pathlib import Path

import pytest

from resemul.configs import DatasetConfig
from resemul.datasets.folders import read_collection
from resemul.errors import DatasetError


@pytest.fixture
def sounds(tmp_path):
    """Two tags, three files; and things that people leave in folders."""
    return touch(
        tmp_path / "sounds",
        "drum/b.wav",
        "drum/session 1/a.FLAC",
        "flute/a.ogg",
        "drum/cover.jpg",
        "flute/.a.ogg.swp",
        ".cache/x/a.wav",
    )


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def read(root, data_dir=Path("nowhere")):
    config = DatasetConfig(dataset="folders", data_dir=data_dir, audio_dir=root)
    return read_collection(config)


def test_each_folder_is_a_tag(sounds, caplog):
    collection = read(sounds)
    assert collection.clip_ids == ["drum/b.wav", "drum/session 1/a.FLAC", "flute/a.ogg"]
    assert collection.paths[1] == Path("drum/session 1/a.FLAC")
    assert collection.labels.to_dict("list") == {"drum": [1, 1, 0], "flute": [0, 0, 1]}
    assert collection.audio_dir == sounds
    assert "no tag's folder: 1; the first: drum/cover.jpg" in caplog.text


def test_files_beside_the_folders_are_left_out_and_named(sounds, caplog):
    touch(sounds, "stray.wav")
    assert len(read(sounds).paths) == 3
    assert "no tag's folder: 2" in caplog.text


def test_a_folder_without_audio_is_an_error(sounds):
    touch(sounds, "horn/readme.txt")
    with pytest.raises(DatasetError, match="no audio file in the folder 'horn'"):
        read(sounds)


def test_the_folder_of_our_records_is_no_tag(sounds):
    touch(sounds, "tfrecord/manifest.json")
    assert list(read(sounds, data_dir=sounds).labels) == ["drum", "flute"]
    touch(sounds, "records/tfrecord/manifest.json")
    (sounds / "tfrecord/manifest.json").unlink()
    (sounds / "tfrecord").rmdir()
    assert list(read(sounds, sounds / "records").labels) == ["drum", "flute"]


def test_a_folder_that_is_missing_or_empty_is_explained(tmp_path):
    with pytest.raises(DatasetError, match="does not exist; it should hold a folder"):
        read(tmp_path / "none")
    touch(tmp_path, "a.wav")
    with pytest.raises(DatasetError, match="no folder with audio"):
        read(tmp_path)
