import io

import numpy as np
import pandas as pd
import pytest

from resemul.datasets.file_tables import (
    comment_line,
    output_path,
    read_chunks,
    read_header,
    read_table,
    write_table,
)
from resemul.errors import ConfigError, DatasetError, OutputExistsError


def write(tmp_path, text):
    path = tmp_path / "in.csv"
    path.write_text(text)
    return path


def test_only_lines_above_the_header_are_comments(tmp_path):
    path = write(tmp_path, "# python x\nfile_path,file_size\na#1/b.mp3,7\n#c.mp3,8\n")
    table = read_table(path)
    assert table["file_path"].tolist() == ["a#1/b.mp3", "#c.mp3"]
    assert table["file_size"].tolist() == [7, 8]
    assert read_header(path) == ["file_path", "file_size"]


def test_only_empty_cells_are_missing(tmp_path):
    table = read_table(write(tmp_path, "file_path,clip_length\nNA,1\nnull,\n,2.5\n"))
    assert table["file_path"].tolist()[:2] == ["NA", "null"]
    assert np.isnan(table["clip_length"][1])
    assert pd.isna(table["file_path"][2])


def test_a_word_where_a_number_should_be_is_named(tmp_path):
    path = write(tmp_path, "track_7digitalid,clip_length\n1,long\n")
    with pytest.raises(DatasetError, match=r"'clip_length': expected a number, got 'l"):
        read_table(path)


def test_a_table_is_read_in_parts(tmp_path):
    path = write(tmp_path, "# x\nfile_size\n1\n2\n3\n")
    assert [len(part) for part in read_chunks(path, rows=2)] == [2, 1]
    assert len(read_table(write(tmp_path, "file_size\n"))) == 0


@pytest.mark.parametrize("text", ["", "# nothing else\n"])
def test_a_file_without_a_table_is_refused(tmp_path, text):
    with pytest.raises(DatasetError, match="header is missing"):
        read_table(write(tmp_path, text))


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"no column file_size; it has 'a'"):
        read_table(write(tmp_path, "a\n1\n"), ["file_size"])
    with pytest.raises(DatasetError, match="does not exist"):
        read_table(tmp_path / "no.csv")


def test_bytes_that_are_not_text_are_refused(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xff\xfe\x00file")
    with pytest.raises(DatasetError, match="not UTF-8"):
        read_table(path)


def test_results_are_not_overwritten_and_get_their_suffix(tmp_path):
    assert output_path(tmp_path / "a") == tmp_path / "a.csv"
    assert output_path(tmp_path / "a.csv") == tmp_path / "a.csv"
    (tmp_path / "a.csv").touch()
    with pytest.raises(OutputExistsError, match="not overwritten") as error:
        output_path(tmp_path / "a")
    assert error.value.exit_status == 2
    with pytest.raises(ConfigError, match="no folder"):
        output_path(tmp_path / "b" / "a")


def test_the_comment_is_one_line_and_read_again(tmp_path):
    comment = comment_line("resemul msd fetch", ["a b\nc", "--abs"])
    assert comment == "# resemul msd fetch 'a b c' --abs\n"
    file = io.StringIO()
    write_table(pd.DataFrame({"file_path": ["x#y"]}), file, comment)
    assert file.getvalue() == comment + "file_path\nx#y\n"
    path = write(tmp_path, file.getvalue())
    assert read_table(path)["file_path"].tolist() == ["x#y"]
