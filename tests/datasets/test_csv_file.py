"""Tables as people write them, and what is said about those that cannot be used."""

import logging
from pathlib import Path

import pytest

from resemul.configs import ColumnsConfig, DatasetConfig, SplitConfig
from resemul.datasets.csv_file import read_collection
from resemul.errors import ConfigError, DatasetError

SEPARATED = "path,tags,artist\na/one.wav,rock; slow,Ann\ntwo.mp3,,Bob\n"
BINARY = "path,rock,slow\none.wav,1,0\ntwo.wav,0,1\n"


@pytest.fixture
def read(tmp_path):
    """Writes a table and reads it, with options of the columns."""

    def write_and_read(content, group=None, **columns):
        path = tmp_path / "my.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        config = DatasetConfig(
            dataset="csv",
            annotations=path,
            audio_dir=columns.pop("audio_dir", None),
            columns=ColumnsConfig(**columns),
            split=SplitConfig(group_column=group),
        )
        return read_collection(config)

    return write_and_read


def rows(collection):
    """Tags of each clip, by its id."""
    labels = collection.labels
    return {
        clip_id: [tag for tag in labels if labels[tag].iloc[i]]
        for i, clip_id in enumerate(collection.clip_ids)
    }


def test_one_column_of_tags(read, tmp_path):
    collection = read(SEPARATED)
    assert rows(collection) == {"a/one.wav": ["rock", "slow"], "two.mp3": []}
    assert collection.paths == [Path("a/one.wav"), Path("two.mp3")]
    assert collection.groups == ["Ann", "Bob"]
    assert collection.group_name == "artist"
    assert collection.splits is None
    assert collection.audio_dir == tmp_path
    assert (collection.labels.dtypes == "uint8").all()


def test_a_column_per_tag(read):
    collection = read(BINARY)
    assert rows(collection) == {"one.wav": ["rock"], "two.wav": ["slow"]}
    assert list(collection.labels) == ["rock", "slow"]


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_the_delimiter_is_found(read, delimiter):
    assert rows(read(BINARY.replace(",", delimiter))) == rows(read(BINARY))


def test_spaces_byte_order_mark_crlf_and_empty_lines_do_not_matter(read):
    content = "\ufeff\r\n path , rock \r\n\r\n one.wav , 1 \r\n"
    assert rows(read(content)) == {"one.wav": ["rock"]}


@pytest.mark.parametrize("one", ["1", "1.0", "True", "true"])
def test_labels_may_be_written_as_pandas_writes_them(read, one):
    assert rows(read(f"path,rock\na.wav,{one}\n")) == {"a.wav": ["rock"]}


@pytest.mark.parametrize(
    ("cell", "separator", "tags"),
    [
        ("a;b, c", None, ["a", "b, c"]),
        ("a|b, c", None, ["a", "b, c"]),
        ("a,b", None, ["a", "b"]),
        ("drum and bass", None, ["drum and bass"]),
        ("a|b;c", "|", ["a", "b;c"]),
        ("a;;b; a;", None, ["a", "b"]),
    ],
)
def test_separators_of_tags(read, cell, separator, tags):
    content = f'path,tags\na.wav,"{cell}"\n'
    assert rows(read(content, separator=separator)) == {"a.wav": tags}


def test_columns_can_be_named(read):
    content = "song,number,genre,part,who,year\na.wav,7,rock,dev,Ann,1999\n"
    collection = read(
        content,
        group="who",
        path="song",
        clip_id="number",
        tags="genre",
        split="part",
    )
    assert rows(collection) == {"7": ["rock"]}
    assert collection.splits == ["val"]
    assert (collection.groups, collection.group_name) == (["Ann"], "who")


def test_columns_that_are_found_by_name_are_logged(read, caplog):
    with caplog.at_level(logging.INFO):
        read(BINARY)
    assert "columns: path 'path'; each other column is a tag" in caplog.text


def test_ignored_columns_are_no_tags_and_nothing_else(read):
    content = "path,title,artist,rock\na.wav,Song,,1\n"
    collection = read(content, ignored=("title", "artist"))
    assert list(collection.labels) == ["rock"]
    assert collection.groups is None


def test_absolute_paths_in_the_audio_folder_become_relative(read, tmp_path):
    content = f"path,rock\n{tmp_path}/music/a.wav,1\n./b.wav,0\n"
    collection = read(content, audio_dir=tmp_path / "music")
    assert collection.clip_ids == ["a.wav", "b.wav"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,rock\n/etc/a.wav,1\n", r"line 2: '/etc/a\.wav' leads out of the audio"),
        ("path,rock\n../a.wav,1\n", r"line 2: '\.\./a\.wav' leads out .*--audio-dir"),
        ("path,rock\nb/../../a.wav,1\n", r"leads out of the audio folder"),
        ("path,rock\na.wav,1\nb.wav,1\n./a.wav,0\n", r"line 4: .* already on line 2"),
        ("path,rock\n,1\n", r"line 2: path is empty"),
        ("path,rock\na.wav,2\n", r"line 2, column 'rock': .* 0 or 1, got '2'"),
        ("path,rock\na.wav,\n", r"column 'rock': .* got ''"),
        ("path,title\na.wav,Song\n", r"column 'title'.*--ignore-columns"),
        ("song,rock\na.wav,1\n", r"--path-column NAME, one of 'song', 'rock'"),
        ("path,id,rock\na,1,1\nb,1,1\n", r"line 3: id '1' is already on line 2"),
        ("path,rock,rock\na.wav,1,1\n", r"column 'rock' is there twice"),
        ("path,rock\na.wav,1,1\n", r"line 2: 3 values, the header has 2 columns"),
        ("path,rock\n", r"has no rows"),
        ("", r"has no rows"),
        ("path\na.wav\n", r"has no tags"),
        ("path,tags\na.wav,\n", r"has no tags"),
        ("path,rock,split\na.wav,1,7\n", r"'split': expected train, .* got '7'"),
        ("path,rock,artist\na.wav,1,\n", r"line 2: artist is empty"),
        (b"path,rock\n\xe4.wav,1\n", r"is not UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used_is_explained(read, content, message):
    with pytest.raises(DatasetError, match=message):
        read(content)


@pytest.mark.parametrize("option", ["path", "clip_id", "tags", "split"])
def test_a_column_that_is_not_there_is_named(read, option):
    with pytest.raises(DatasetError, match=r"no column 'x'; it has 'path', 'rock'"):
        read(BINARY, **{option: "x"})


def test_an_ignored_or_group_column_that_is_not_there_is_named(read):
    with pytest.raises(DatasetError, match="no column 'y'"):
        read(BINARY, ignored=("y",))
    with pytest.raises(DatasetError, match="no column 'z'"):
        read(BINARY, group="z")


def test_a_table_that_is_missing_or_a_folder_is_named(tmp_path):
    for path, message in (
        (tmp_path / "x.csv", "does not exist"),
        (tmp_path, "no file"),
    ):
        config = DatasetConfig(dataset="csv", annotations=path)
        with pytest.raises(DatasetError, match=message):
            read_collection(config)


def test_line_numbers_count_lines_inside_quotes(read):
    with pytest.raises(DatasetError, match="line 4, column 'rock'"):
        read('path,rock\n"a\nb.wav",1\nc.wav,x\n')


def test_the_config_says_which_options_belong_to_which_data_set(tmp_path):
    with pytest.raises(ConfigError, match="'csv' needs its table: --annotations"):
        DatasetConfig(dataset="csv")
    with pytest.raises(ConfigError, match=r"'folders' needs .* --audio-dir"):
        DatasetConfig(dataset="folders")
    with pytest.raises(ConfigError, match="for the data set 'csv', not 'mtt'"):
        DatasetConfig(annotations=tmp_path)
    with pytest.raises(ConfigError, match="columns are for the data set 'csv'"):
        DatasetConfig(columns=ColumnsConfig(path="x"))
    with pytest.raises(ConfigError, match="columns are for the data set 'csv'"):
        DatasetConfig(split=SplitConfig(group_column="artist"))
    with pytest.raises(ConfigError, match="is in <data-dir>; for another"):
        DatasetConfig(audio_dir=tmp_path)
    with pytest.raises(ConfigError, match="got 'fma'"):
        DatasetConfig(dataset="fma")
