"""PyTorch checkpoints without PyTorch, and without running what is in them.

Both formats of `torch.save` are pickles that describe tensors, with the numbers
beside them: in a zip archive, or (before 1.6) one after the other in one file. A
pickle can call any function it names. Here it is read as data (`plain_pickle`), and
only the names that rebuild tensors mean anything.
"""

import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from resemul.errors import WeightsError
from resemul.weights import plain_pickle
from resemul.weights.contents import list_names

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_START = b"\x80\x02\x8a\x0a" + _LEGACY_MAGIC.to_bytes(10, "little")
_ZIP_START = b"PK\x03\x04"
_MAX_BYTES = 4 << 30
_MAX_RANK = 16
# Of all tensors, in multiples of the file: some share their numbers, and bfloat16
# becomes float32.
_MAX_GROWTH = 4

# Storage class: numbers on disk. Bfloat16 is the upper half of a float32.
_DTYPES = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "BFloat16Storage": "u2",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
_ByteOrder = Literal["<", ">"]
# What reading a broken pickle can raise.
_BROKEN = (
    *(zipfile.BadZipFile, EOFError, OSError, RuntimeError),
    *(ValueError, TypeError, LookupError, AttributeError, OverflowError),
    *(NotImplementedError, MemoryError, ImportError),
)


@dataclass
class _Storage:
    kind: str
    num_items: int
    data: bytes = b""


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def to_array(self, byte_order: _ByteOrder) -> np.ndarray:
        """A copy of its own; float32 for bfloat16."""
        layout = (*self.shape, *self.strides, self.offset)
        if any(type(value) is not int or not 0 <= value < 2**48 for value in layout):
            raise ValueError("a tensor is not laid out by numbers")
        if len(self.shape) > _MAX_RANK:
            raise ValueError(f"a tensor has {len(self.shape)} dimensions")
        steps = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((size - 1) * stride for size, stride in steps)
        num_items = math.prod(self.shape)
        # A stride of 0 could make a tensor of any size out of one number.
        if num_items and max(last + 1, num_items) > self.storage.num_items:
            raise ValueError(f"a tensor of shape {self.shape} exceeds its storage")
        if not num_items:
            return np.zeros(self.shape, "f4")
        dtype = np.dtype(_DTYPES[self.storage.kind]).newbyteorder(byte_order)
        items = np.frombuffer(self.storage.data, dtype, self.storage.num_items)
        if self.storage.kind == "BFloat16Storage":
            items = (items.astype("u4") << 16).view("f4")
        return np.lib.stride_tricks.as_strided(
            items[self.offset :],
            self.shape,
            [stride * items.itemsize for stride in self.strides],
            writeable=False,
        ).astype(items.dtype.newbyteorder("="))


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple, strides: tuple, *_: object
) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise ValueError("a tensor has no storage")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(tensor: _Tensor, *_: object) -> _Tensor:
    return tensor


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): dict,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    **{(m, kind): kind for m in ("torch", "torch.cuda") for kind in _DTYPES},
}


def _load_pickle(data: io.BytesIO, storages: dict[str, _Storage]) -> Any:
    """Reads the next pickle in `data`."""

    def find_storage(pid: Any) -> _Storage:
        what, kind, key, _, num_items, *view = pid
        if type(what) is not str or type(kind) is not str or view not in ([], [None]):
            raise ValueError("an object of an unknown kind")
        if what != "storage" or kind not in _DTYPES or type(num_items) is not int:
            raise ValueError("an object of an unknown kind")
        if not isinstance(key, (str, int)):
            raise ValueError("a storage without a name")
        return storages.setdefault(str(key), _Storage(kind, num_items))

    return plain_pickle.load(data, _KNOWN, find_storage)


def is_torch(path: Path) -> bool:
    """Does this look like what `torch.save` writes?"""
    with Path(path).open("rb") as file:
        return file.read(len(_LEGACY_START)).startswith((_ZIP_START, _LEGACY_START))


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Returns the tensors of a checkpoint by name, of any device.

    The file holds them in a dict, bare or under `state_dict` as Lightning has it.

    Raises:
        WeightsError: the file is broken, or holds something else.
    """
    try:
        if Path(path).stat().st_size > _MAX_BYTES:
            raise ValueError("it is too large")
        data = io.BytesIO(Path(path).read_bytes())
        load = _load_legacy if data.getbuffer()[:4] != _ZIP_START else _load_zip
        root, byte_order = load(data)
        state = root.get("state_dict", root) if isinstance(root, dict) else None
        if not isinstance(state, dict):
            raise ValueError("it holds no dict of tensors")
        num_bytes_left = _MAX_GROWTH * len(data.getbuffer())
        tensors = {}
        for name, value in state.items():
            if isinstance(name, str) and isinstance(value, _Tensor):
                tensors[name] = value.to_array(byte_order)
                num_bytes_left -= tensors[name].nbytes
                if num_bytes_left < 0:
                    raise ValueError("its tensors share their numbers too often")
        others = [name for name in map(_label, state) if name not in tensors]
    except _BROKEN as error:
        raise WeightsError(f"{path} is no checkpoint of PyTorch: {error}") from error
    if others or not tensors:
        raise WeightsError(
            f"{path} holds no plain weights of PyTorch; it also holds "
            f"{list_names(others)}. Save the model's state_dict() alone"
        )
    return tensors


def _label(key: object) -> str:
    return key if isinstance(key, str) else type(key).__name__


def _load_legacy(data: io.BytesIO) -> tuple[Any, _ByteOrder]:
    storages: dict[str, _Storage] = {}
    magic, _, system, root, keys = (_load_pickle(data, storages) for _ in range(5))
    if magic != _LEGACY_MAGIC:
        raise ValueError("it begins in another way")
    order: _ByteOrder = "<" if system["little_endian"] else ">"
    for key in keys:
        if not isinstance(key, str):
            raise ValueError("a storage without a name")
        storage = storages[key]
        num_items = int.from_bytes(data.read(8), "little")
        if num_items != storage.num_items:
            raise ValueError(f"the storage {key} has another size than announced")
        storage.data = data.read(num_items * np.dtype(_DTYPES[storage.kind]).itemsize)
    return root, order


def _load_zip(data: io.BytesIO) -> tuple[Any, _ByteOrder]:
    storages: dict[str, _Storage] = {}
    with zipfile.ZipFile(data) as archive:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("its entries are compressed")
        if sum(entry.file_size for entry in entries) > len(data.getbuffer()):
            raise ValueError("its entries overlap")
        (name,) = (n for n in archive.namelist() if n.endswith("/data.pkl"))
        folder = name.removesuffix("data.pkl")
        root = _load_pickle(io.BytesIO(archive.read(name)), storages)
        for key, storage in storages.items():
            storage.data = archive.read(f"{folder}data/{key}")
        has_order = f"{folder}byteorder" in archive.namelist()
        order = archive.read(f"{folder}byteorder") if has_order else b"little"
    return root, "<" if order == b"little" else ">"
