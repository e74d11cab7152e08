"""Reads a pickled table in a process of its own, whose memory and time are bounded.

Run by `excitations.files` as a program; imports nothing of the package. A pickle of
300 bytes can hang for ever or ask for gigabytes, whatever classes it may use: that
then ends this process and nothing else.
"""

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

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


class _Refused(Exception):
    """The pickle asks for something that a table does not need."""


class _TableUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _PICKLED:
            raise _Refused(
                f"this pickle asks for {module}.{name}, which no table of excitations "
                "needs, so it is not opened; extract to a .parquet file instead"
            )
        return super().find_class(module, name)


def _limit(num_bytes: int, num_seconds: int) -> None:
    """Bounds what this process may take from here on, where the platform can."""
    try:
        import resource
    except ImportError:  # Windows; the reader's time-out remains
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + num_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    pages = Path("/proc/self/statm")
    if pages.exists():
        taken = int(pages.read_text().split()[0]) * resource.getpagesize()
        limit = taken + num_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _arrays_of(table: Any, excitation: str, depth: str) -> dict[str, np.ndarray]:
    """The table as arrays without objects."""
    names = [name for name in table.columns if name not in (excitation, depth)]
    rows = [np.asarray(row, "float32") for row in table[excitation]]
    return {
        "values": np.concatenate([np.zeros(0, "float32"), *rows]),
        "sizes": np.array([row.size for row in rows], "int64"),
        "depths": table[depth].to_numpy("int64"),
        "tags": np.array(names, dtype=str),
        "labels": table[names].to_numpy("float64").reshape(len(rows), len(names)),
        "about": np.array(json.dumps(table.attrs)),
    }


def _main(source: str, target: str, limits: list[int], columns: list[str]) -> str:
    """Writes the table of `source` to `target`; returns what is wrong, if anything."""
    _limit(*limits)
    try:
        with Path(source).open("rb") as file:
            table = _TableUnpickler(file).load()
        if not isinstance(table, pd.DataFrame) or not set(columns) <= set(table):
            return f"holds no table with columns {' and '.join(columns)}"
        np.savez(target, **_arrays_of(table, *columns))  # type: ignore[arg-type]
    except _Refused as error:
        return str(error)
    except MemoryError:
        return "is damaged: it asks for far more memory than a table of its size"
    except Exception as error:
        # Damaged bytes make pandas and pickle raise almost anything.
        return f"is damaged or of another kind: {error}"
    return ""


if __name__ == "__main__":
    _source, _target, _bytes, _seconds, *_columns = sys.argv[1:]
    # A text goes to standard error and makes the status 1.
    sys.exit(_main(_source, _target, [int(_bytes), int(_seconds)], _columns) or 0)
