"""One hash for the weights of a model, whatever file holds them."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def weights_sha256(model: "keras.Model") -> str:
    """SHA-256 over names, shapes and values of the weights, in hexadecimal.

    A `.keras` file that is written twice differs in its times, its weights do not.
    """
    # Without the names of layers, which Keras may have numbered as it went.
    return arrays_sha256(
        (variable.name, np.asarray(variable)) for variable in model.weights
    )


def arrays_sha256(arrays: Iterable[tuple[str, np.ndarray]]) -> str:
    """The same of named arrays, in their order."""
    digest = hashlib.sha256()
    for name, array in arrays:
        values = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{name} {values.dtype.str} {array.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
