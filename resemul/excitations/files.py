"""Tables of excitations on disk: Parquet, or a pickle as the original wrote.

Parquet is the format to share. Opening a pickle can run what its author put into
it; the reader here only accepts the classes that a table consists of.
"""

import importlib.util
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from resemul.errors import ConfigError, DatasetError
from resemul.excitations.extract import DEPTH, EXCITATION

PARQUET_SUFFIX = ".parquet"
PICKLE_SUFFIXES = (".pkl", ".pickle")

# All that a pickled table refers to, with the names of NumPy 1 and 2.
_PICKLED = {
    ("pandas", "DataFrame"),
    ("pandas.core.frame", "DataFrame"),
    ("pandas", "Index"),
    ("pandas.core.indexes.base", "Index"),
    ("pandas", "RangeIndex"),
    ("pandas.core.indexes.range", "RangeIndex"),
    ("pandas.core.indexes.base", "_new_Index"),
    ("pandas.core.internals.managers", "BlockManager"),
    ("pandas._libs.internals", "_unpickle_block"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("builtins", "slice"),
}


def require_writable(path: Path) -> None:
    """Makes the folder of `path` and checks that `save_excitations` can write there.

    Raises:
        ConfigError: it cannot, or the name does not end in a known suffix.
    """
    _require_suffix(path)
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; give the name of a file")
    if path.parent.exists() and not path.parent.is_dir():
        raise ConfigError(f"{path} cannot be written: {path.parent} is no folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _part_path(path)
        part.touch()
        part.unlink()
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def save_excitations(table: pd.DataFrame, path: Path) -> None:
    """Writes a table: Parquet if the name ends in .parquet, else a pickle.

    The file appears whole or not at all.
    """
    _require_suffix(path)
    part = _part_path(path)
    try:
        if path.suffix == PARQUET_SUFFIX:
            table.to_parquet(part, index=False)
        else:
            # Names as plain objects: with pandas' own strings the file could only
            # be opened where pyarrow is installed.
            names = pd.Index(list(table.columns), dtype=object)
            table.set_axis(names, axis=1).to_pickle(part, compression=None)
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def load_excitations(path: Path) -> pd.DataFrame:
    """Reads a table that `save_excitations` wrote.

    Prefer Parquet. Of pickles, only open those that you made yourself: a pickle is
    a program. One that asks for anything a table does not need is not run, but that
    is a second line of defence, not a reason to trust a file.

    Raises:
        ConfigError: a suffix that is not known, or pyarrow is missing.
        DatasetError: the file is missing or holds no such table.
    """
    path = Path(path)
    _require_suffix(path)
    if not path.is_file():
        raise DatasetError(f"{path} does not exist; 'resemul excitations' writes it")
    try:
        if path.suffix == PARQUET_SUFFIX:
            table = pd.read_parquet(path)
        else:
            with path.open("rb") as file:
                table = _TableUnpickler(file).load()
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from error
    except Exception as error:
        # Damaged bytes make pandas, pyarrow and pickle raise almost anything.
        raise DatasetError(f"{path} is damaged or of another kind: {error}") from error
    if not isinstance(table, pd.DataFrame) or not {EXCITATION, DEPTH} <= set(table):
        raise DatasetError(f"{path} holds no table with columns ex and depth")
    table[EXCITATION] = [np.asarray(ex, "float32") for ex in table[EXCITATION]]
    return table


class _TableUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _PICKLED:
            raise DatasetError(
                f"this pickle asks for {module}.{name}, which no table of excitations "
                "needs, so it is not opened; extract to a .parquet file instead"
            )
        return super().find_class(module, name)


def _require_suffix(path: Path) -> None:
    if path.suffix not in (PARQUET_SUFFIX, *PICKLE_SUFFIXES):
        raise ConfigError(
            f"{path} must end in {PARQUET_SUFFIX} or {PICKLE_SUFFIXES[0]}"
        )
    if path.suffix == PARQUET_SUFFIX and not importlib.util.find_spec("pyarrow"):
        raise ConfigError(
            f"{path}: Parquet needs pyarrow; install it with pip install "
            f"'resemul[parquet]', or use a name that ends in {PICKLE_SUFFIXES[0]}"
        )


def _part_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")
