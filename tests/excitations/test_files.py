import os
import pickle

import numpy as np
import pandas as pd
import pytest

from resemul.errors import ConfigError, DatasetError
from resemul.excitations import load_excitations, require_writable, save_excitations


@pytest.mark.parametrize("name", ["ex.parquet", "ex.pkl", "ex.pickle"])
def test_table_comes_back_as_it_was_saved(table, tmp_path, name):
    path = tmp_path / name
    save_excitations(table, path)
    found = load_excitations(path)
    assert list(found.columns) == list(table.columns)
    assert found["depth"].to_list() == table["depth"].to_list()
    assert found[["a", "b", "c"]].equals(table[["a", "b", "c"]])
    for ex, expected in zip(found["ex"], table["ex"], strict=True):
        np.testing.assert_array_equal(ex, expected)
        assert ex.dtype == np.float32
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_pickle_is_one_that_pandas_reads(table, tmp_path):
    save_excitations(table, tmp_path / "ex.pkl")
    found = pd.read_pickle(tmp_path / "ex.pkl")  # noqa: S301 - written above
    np.testing.assert_array_equal(found["ex"][2], table["ex"][2])


class Attack:
    def __reduce__(self):
        return (os.mkdir, ("attacked",))


def test_pickle_that_would_run_something_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "ex.pkl"
    path.write_bytes(pickle.dumps(Attack()))
    with pytest.raises(DatasetError) as caught:
        load_excitations(path)
    assert str(caught.value) == (
        f"{path}: this pickle asks for posix.mkdir, which no table of excitations "
        "needs, so it is not opened; extract to a .parquet file instead"
    )
    assert not (tmp_path / "attacked").exists()


def nested_key():
    """A dictionary whose key is a pair of a pair of ..., sixty deep: 310 bytes."""
    pairs = b"".join(b"h%c\x86q%c" % (i, i + 1) for i in range(60))
    return b"\x80\x02})q\0" + pairs + b"K\x01s."


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(nested_key(), id="hangs for ever"),
        # LONG_BINPUT 600,000,000: a memo of that many entries.
        pytest.param(b"\x80\x02Nr\x00\x46\xc3\x23.", id="takes gigabytes"),
    ],
)
def test_small_pickle_that_hangs_or_swells_costs_seconds_at_most(
    tmp_path, monkeypatch, content
):
    monkeypatch.setattr("resemul.excitations.files._PICKLE_SECONDS", 1)
    path = tmp_path / "ex.pkl"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"ex.pkl is damaged: "):
        load_excitations(path)


def test_what_a_table_is_of_is_kept(table, tmp_path):
    table.attrs = {"model": "best.keras", "num_clips": 3}
    for name in ("ex.parquet", "ex.pkl"):
        save_excitations(table, tmp_path / name)
        assert load_excitations(tmp_path / name).attrs == table.attrs


@pytest.mark.parametrize("name", ["ex.parquet", "ex.pkl"])
def test_damaged_file_is_told(table, tmp_path, name):
    path = tmp_path / name
    save_excitations(table, path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DatasetError, match="is damaged or of another kind"):
        load_excitations(path)


def test_other_table_is_refused(tmp_path):
    path = tmp_path / "ex.parquet"
    pd.DataFrame({"depth": [0]}).to_parquet(path)
    with pytest.raises(DatasetError, match="no table with columns ex and depth"):
        load_excitations(path)


def test_missing_file_is_told(tmp_path):
    with pytest.raises(DatasetError, match=r"does not exist; 'resemul excitations'"):
        load_excitations(tmp_path / "ex.pkl")


@pytest.mark.parametrize("use", [require_writable, load_excitations])
def test_unknown_suffix_is_refused(tmp_path, use):
    with pytest.raises(ConfigError, match=r"ex.csv must end in .parquet or .pkl"):
        use(tmp_path / "ex.csv")


def test_parquet_without_pyarrow_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'resemul\[parquet\]'"):
        require_writable(tmp_path / "ex.parquet")
    require_writable(tmp_path / "ex.pkl")


def test_writable_path_gets_its_folder_and_no_file(tmp_path):
    require_writable(tmp_path / "new" / "ex.pkl")
    assert list((tmp_path / "new").iterdir()) == []


def test_path_below_a_file_is_not_writable(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        ConfigError, match=r"file/ex.pkl cannot be written: .*/file is no "
    ):
        require_writable(tmp_path / "file" / "ex.pkl")


def test_folder_is_not_writable(tmp_path):
    (tmp_path / "ex.pkl").mkdir()
    with pytest.raises(ConfigError, match="is a folder"):
        require_writable(tmp_path / "ex.pkl")


def test_failed_write_leaves_the_old_file_and_no_part(table, tmp_path, monkeypatch):
    path = tmp_path / "ex.pkl"
    path.write_text("old")

    def fill_disk(self, file, compression):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_pickle", fill_disk)
    with pytest.raises(ConfigError, match="No space left on device"):
        save_excitations(table, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["ex.pkl"]
