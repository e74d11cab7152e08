"""Intervals that the original stored beside its decoded audio, an .npz for each mp3."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from resemul.audio.stored import load_mean, read_stored
from resemul.configs.curation import PADDINGS
from resemul.curation.silence import find_intervals
from resemul.errors import AudioError

_PREVIEW_SUFFIX = ".clip.mp3"


def read_npz(path: Path, padding: str = PADDINGS[0]) -> dict[str, Any]:
    """Intervals that the original stored, or else those of the audio stored with them.

    Raises:
        AudioError: there are neither.
    """
    stored = read_stored(path, ("split", "sr"))
    if stored.keys() == {"split", "sr"}:
        try:
            split = np.asarray(stored["split"], "int64").reshape(-1, 2)
            return {"sample_rate": int(stored["sr"]), "split": split.tolist()}
        except (ValueError, TypeError) as error:
            raise AudioError(f"{path} holds no intervals: {error}") from error
    waveform, sample_rate = load_mean(path)
    intervals, _ = find_intervals([waveform], padding)
    return {"sample_rate": sample_rate, "split": intervals.tolist()}


def npz_path_of(mp3_path: str, root: Path) -> str:
    """Where the original stores the intervals of a file, below its own root."""
    path = Path(mp3_path)
    if path.is_absolute():
        path = Path(os.path.relpath(path, root.absolute()))
    name = path.name
    is_preview = name.endswith(_PREVIEW_SUFFIX)
    stem = name[: -len(_PREVIEW_SUFFIX)] if is_preview else path.stem
    return path.with_name(f"{stem}.npz").as_posix()


def common_folder(paths: Iterable[str], root: Path) -> Path:
    """What the places of .npz files are relative to.

    Args:
        paths: of mp3 files.
        root: what relative ones are relative to.

    Returns:
        The root; or, of absolute paths that are not below it, their common folder.
    """
    common: str | None = None
    for path in map(Path, paths):
        if not path.is_absolute():
            return root
        folder = str(path.parent)
        if folder != common:
            common = folder if common is None else os.path.commonpath([common, folder])
    if common is None or Path(common).is_relative_to(root.absolute()):
        return root
    return Path(common)
