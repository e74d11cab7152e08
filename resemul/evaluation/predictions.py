"""Predictions on disk: an `.npz` of arrays, which holds no code."""

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from resemul.errors import DatasetError
from resemul.prediction.labelled import LabelledPredictions
from resemul.runtime.outputs import output

# Unpacked; a million clips with 200 tags have 1 GB.
_MAX_BYTES = 4_000_000_000
_NAMES = ("ids", "labels", "probabilities", "tags")


@dataclass(frozen=True)
class SavedPredictions:
    """What a file of predictions holds; `about` says of which model and split."""

    predictions: LabelledPredictions
    tags: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)


def save_predictions(saved: SavedPredictions, path: Path) -> None:
    """Writes `ids`, `labels`, `probabilities` and `tags`, whole or not at all.

    Clips without names get the numbers of their places, from 0.

    Raises:
        ConfigError: the file cannot be written.
    """
    predictions = saved.predictions
    ids = predictions.clip_ids or [str(i) for i in range(len(predictions.labels))]
    with output(path, "wb") as file:
        np.savez_compressed(
            file,
            ids=np.array(ids, dtype=str),
            labels=predictions.labels.astype("uint8"),
            probabilities=predictions.probabilities,
            tags=np.array(saved.tags, dtype=str),
            about=np.array(json.dumps(saved.about)),
        )


def load_predictions(path: Path) -> SavedPredictions:
    """Reads what `save_predictions` wrote; runs nothing that the file holds.

    Raises:
        DatasetError: the file is missing, damaged or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise DatasetError(
            f"{path} does not exist; 'resemul eval MODEL --predictions {path}' "
            "writes it"
        )
    try:
        arrays = _read_arrays(path)
        about = json.loads(str(arrays.get("about", "{}")))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path} is no file of predictions: {error}") from error
    _check(path, arrays)
    predictions = LabelledPredictions(
        arrays["labels"].astype("float32"),
        arrays["probabilities"].astype("float32"),
        tuple(arrays["ids"].tolist()),
    )
    return SavedPredictions(predictions, tuple(arrays["tags"].tolist()), about)


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        num_bytes = sum(entry.file_size for entry in archive.infolist())
    if num_bytes > _MAX_BYTES:
        raise ValueError(f"it unpacks to {num_bytes / 1e9:.0f} GB")
    with np.load(path, allow_pickle=False) as content:
        missing = [name for name in _NAMES if name not in content.files]
        if missing:
            raise ValueError(f"it has no {' and no '.join(missing)}")
        return {name: content[name] for name in (*_NAMES, "about") if name in content}


def _check(path: Path, arrays: dict[str, np.ndarray]) -> None:
    shape = (arrays["ids"].size, arrays["tags"].size)
    for name in ("labels", "probabilities"):
        array = arrays[name]
        if array.shape != shape or array.dtype.kind not in "fuib":
            raise DatasetError(
                f"{path}: {name} are {array.dtype} {array.shape}, but there are "
                f"{shape[0]} ids and {shape[1]} tags"
            )
    if not np.isin(arrays["labels"], (0, 1)).all():
        raise DatasetError(f"{path}: labels have to be 0 or 1")
    if not np.isfinite(arrays["probabilities"]).all():
        raise DatasetError(f"{path}: not all probabilities are finite numbers")
