"""Tables of excitations on disk: Parquet, or a pickle as the original wrote.

Parquet is the format to share. Opening a pickle can run what its author put into
it; the reader here only accepts the classes that a table consists of, and reads in
another process.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from resemul.errors import ConfigError, DatasetError
from resemul.excitations import pickle_child
from resemul.excitations.table import DEPTH, EXCITATION
from resemul.runtime import outputs

PARQUET_SUFFIX = ".parquet"
PICKLE_SUFFIXES = (".pkl", ".pickle")

# What reading a pickle may take, beside what follows from its size.
_PICKLE_BYTES = 300_000_000
_PICKLE_SECONDS = 10


def require_writable(path: Path) -> None:
    """Makes the folder of `path` and checks that `save_excitations` can write there.

    Raises:
        ConfigError: it cannot, or the name does not end in a known suffix.
    """
    _require_suffix(path)
    outputs.require_writable(path)


def save_excitations(table: pd.DataFrame, path: Path) -> None:
    """Writes a table: Parquet if the name ends in .parquet, else a pickle.

    The file appears whole or not at all.
    """
    _require_suffix(path)
    with outputs.output(path, "wb") as file:
        if path.suffix == PARQUET_SUFFIX:
            table.to_parquet(file, index=False)
        else:
            # Names as plain objects: with pandas' own strings the file could only
            # be opened where pyarrow is installed.
            names = pd.Index(list(table.columns), dtype=object)
            table.set_axis(names, axis=1).to_pickle(file, compression=None)


def load_excitations(path: Path) -> pd.DataFrame:
    """Reads a table that `save_excitations` wrote.

    Prefer Parquet. Of pickles, only open those that you made yourself: a pickle is
    a program. One that asks for anything a table does not need is not run, and it is
    read by another process, of bounded memory and time; but that is a second line of
    defence, not a reason to trust a file.

    Raises:
        ConfigError: a suffix that is not known, or pyarrow is missing.
        DatasetError: the file is missing or holds no such table.
    """
    path = Path(path)
    _require_suffix(path)
    if not path.is_file():
        raise DatasetError(f"{path} does not exist; 'resemul excitations' writes it")
    if path.suffix != PARQUET_SUFFIX:
        return _read_pickle(path)
    try:
        table = pd.read_parquet(path)
    except Exception as error:
        # Damaged bytes make pandas and pyarrow raise almost anything.
        raise DatasetError(f"{path} is damaged or of another kind: {error}") from error
    if not {EXCITATION, DEPTH} <= set(table):
        raise DatasetError(f"{path} holds no table with columns ex and depth")
    table[EXCITATION] = [np.asarray(ex, "float32") for ex in table[EXCITATION]]
    return table


def _read_pickle(path: Path) -> pd.DataFrame:
    """Has another process read a pickle; takes over arrays without objects."""
    size = path.stat().st_size
    limits = _PICKLE_BYTES + 20 * size, _PICKLE_SECONDS + size // 500_000
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "table.npz"
        command = [sys.executable, "-P", pickle_child.__file__, path, target, *limits]
        try:
            done = subprocess.run(
                [str(part) for part in [*command, EXCITATION, DEPTH]],
                capture_output=True,
                text=True,
                # Its own limit counts seconds of work, this one those of the clock.
                timeout=30 + 4 * limits[1],
            )
        except subprocess.TimeoutExpired:
            done = None
        if done is None or done.returncode != 0:
            told = done.stderr.strip() if done and done.returncode == 1 else ""
            reason = told or "is damaged: reading it takes far too long"
            joint = ": " if reason.startswith("this pickle") else " "
            raise DatasetError(f"{path}{joint}{reason}")
        with np.load(target, allow_pickle=False) as arrays:
            return _table_of(dict(arrays))


def _table_of(arrays: dict[str, np.ndarray]) -> pd.DataFrame:
    """Undoes what `pickle_child` did to the table."""
    ends = np.cumsum(arrays["sizes"])
    rows = np.empty(len(ends), dtype=object)
    rows[:] = np.split(arrays["values"], ends[:-1]) if len(ends) else []
    labels = pd.DataFrame(arrays["labels"], columns=arrays["tags"].tolist())
    table = pd.concat(
        [pd.DataFrame({EXCITATION: rows, DEPTH: arrays["depths"]}), labels], axis=1
    )
    table.attrs = json.loads(str(arrays["about"]))
    return table


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
