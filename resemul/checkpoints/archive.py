"""The weights in a `.keras` file that nobody vouches for: arrays, and no more.

Such a file is a zip with a description of the model, which is never read here, and an
hdf5 file of arrays. Nothing larger than the file itself is made of it.
"""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resemul.errors import WeightsError
from resemul.weights.hdf5 import PlainFile

WEIGHTS_FILE = "model.weights.h5"
# The largest published model has 32 MB; a file is read into memory.
_MAX_BYTES = 4 * 2**30
_MAX_MEMBERS = 1_000


@contextmanager
def unpacked_weights(path: Path) -> Iterator[tuple[Path, list[tuple[int, ...]]]]:
    """Checks the arrays in a `.keras` file; gives a copy of the hdf5 file they are in.

    Yields:
        The copy, which is gone afterwards, and the shapes of all arrays of floats.

    Raises:
        WeightsError: the file is damaged, or holds something else than plain arrays.
    """
    content = _read_member(path)
    with tempfile.TemporaryDirectory(prefix="resemul-") as folder:
        copy = Path(folder) / WEIGHTS_FILE
        try:
            copy.write_bytes(content)
        except OSError as error:
            raise WeightsError(
                f"{path} cannot be unpacked into {folder}: {error.strerror}"
            ) from error
        yield copy, _check_arrays(path, copy)


def _read_member(path: Path) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            found = [info for info in members if info.filename == WEIGHTS_FILE]
            if len(found) != 1 or len(members) > _MAX_MEMBERS:
                raise WeightsError(
                    f"{path} is no model file: it must hold {WEIGHTS_FILE} once"
                )
            (info,) = found
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                # Keras does not compress it; what is not cannot swell.
                raise WeightsError(
                    f"{path}: {WEIGHTS_FILE} is compressed or encrypted, as Keras "
                    "never writes it"
                )
            if info.file_size > min(_MAX_BYTES, path.stat().st_size):
                raise WeightsError(
                    f"{path} claims {info.file_size} bytes of weights: too many"
                )
            with archive.open(info) as file:
                content = file.read(info.file_size)
                # At the end the checksum is compared.
                file.read(1)
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
    ) as error:
        raise WeightsError(
            f"{path} is damaged, or no model file: {error or type(error).__name__}"
        ) from error
    if len(content) != info.file_size:
        raise WeightsError(f"{path} is damaged: {WEIGHTS_FILE} ends early")
    return content


def _check_arrays(path: Path, copy: Path) -> list[tuple[int, ...]]:
    with PlainFile(path, copy) as file:
        shapes, num_bytes = [], 0
        for array in file.arrays(file.root, kinds="fiu"):
            num_bytes += array.nbytes
            if array.chunks is not None or num_bytes > copy.stat().st_size:
                raise WeightsError(
                    f"{path}: {array.name!r} is larger than the file that holds it, "
                    "or is cut into pieces, as Keras never writes it"
                )
            if array.dtype.kind == "f":
                shapes.append(array.shape)
        return shapes
