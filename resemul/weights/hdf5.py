"""hdf5 files that nobody vouches for: plain arrays in the file itself, no more."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import h5py

from resemul.errors import WeightsError

_MAX_DEPTH = 6
# Groups and arrays; the largest published file has about 300.
_MAX_ITEMS = 5_000

# What h5py raises for a broken file depends on where it is broken.
_H5_ERRORS = (
    OSError,
    RuntimeError,
    KeyError,
    ValueError,
    TypeError,
    ArithmeticError,
    MemoryError,
)


class PlainFile:
    """An hdf5 file opened with distrust; a context manager.

    Follows no link, since one could lead to any file of the machine, and opens no
    array whose data lies elsewhere, was never written, or is not of numbers.

    Args:
        path: named in messages.
        copy: the file itself, if it lies elsewhere.
    """

    def __init__(self, path: Path, copy: Path | None = None) -> None:
        self.path = path
        try:
            self.root = h5py.File(copy or path, "r")
        except _H5_ERRORS as error:
            raise WeightsError(f"{path} is not a readable hdf5 file") from error
        self._num_items = 0

    def __enter__(self) -> "PlainFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.root.close()
        if isinstance(error, _H5_ERRORS):
            raise WeightsError(f"{self.path} is a broken hdf5 file: {error}") from error

    def children(self, group: h5py.Group) -> Iterator[tuple[str, h5py.HLObject]]:
        """Yields the names and the groups and arrays in `group`, in no fixed order."""
        for name in group:
            self._num_items += 1
            if self._num_items > _MAX_ITEMS:
                raise WeightsError(f"{self.path} holds more than {_MAX_ITEMS} items")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise WeightsError(
                    f"{self.path}: {name!r} in {group.name!r} is a link to elsewhere; "
                    "it is not followed"
                )
            yield name, group[name]

    def arrays(
        self, item: h5py.HLObject, depth: int = 0, kinds: str = "f"
    ) -> Iterator[h5py.Dataset]:
        """Yields the arrays at and under `item`, of dtypes of these kinds."""
        if isinstance(item, h5py.Dataset):
            self._require_plain(item, kinds)
            yield item
        elif not isinstance(item, h5py.Group) or depth > _MAX_DEPTH:
            raise WeightsError(
                f"{self.path}: {item.name!r} is nested too deep, or is neither a group "
                "nor an array"
            )
        else:
            for _, child in self.children(item):
                yield from self.arrays(child, depth + 1, kinds)

    def _require_plain(self, item: h5py.Dataset, kinds: str) -> None:
        is_here = not item.external and not item.is_virtual
        if not is_here or item.dtype.kind not in kinds or item.size is None:
            raise WeightsError(
                f"{self.path}: {item.name!r} is no plain array of numbers"
            )
        if item.size and not item.id.get_storage_size():
            raise WeightsError(f"{self.path}: {item.name!r} has a shape, but no data")
