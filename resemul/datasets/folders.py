"""A collection sorted into folders: `<audio-dir>/<tag>/**/<file>`."""

import logging
import os
from pathlib import Path

import numpy as np
import pandas as pd

from resemul.configs.audio import AUDIO_SUFFIXES
from resemul.configs.dataset import DatasetConfig
from resemul.datasets.track import Collection
from resemul.errors import DatasetError

logger = logging.getLogger(__name__)


def read_collection(config: DatasetConfig) -> Collection:
    """Lists the audio files under each folder of `config.audio_dir`: its tag.

    Folders inside a tag's folder have no meaning. Names that begin with a dot are
    passed over; files that are not audio by their suffix are counted in the log.

    Raises:
        DatasetError: there is no such folder, or a tag's folder holds no audio.
    """
    root = config.audio_dir
    assert root is not None  # DatasetConfig has checked
    if not root.is_dir():
        raise DatasetError(f"{root} does not exist; it should hold a folder per tag")
    paths = _list_files(root)
    kept = [
        path
        for path in paths
        if path.suffix.lower() in AUDIO_SUFFIXES and len(path.parts) > 1
    ]
    tags = sorted({path.parts[0] for path in kept})
    empty = sorted(set(_tag_folders(root, config.data_dir)) - set(tags))
    if empty:
        raise DatasetError(
            f"{root}: no audio file in the folder {', '.join(map(repr, empty))}; each "
            "folder is a tag: add files or remove it"
        )
    if not kept:
        raise DatasetError(f"{root} holds no folder with audio; one per tag is needed")
    _warn_of_left_out(root, sorted(set(paths) - set(kept), key=Path.as_posix))
    of_tag = np.array([[path.parts[0] == tag for tag in tags] for path in kept])
    return Collection(
        dataset="folders",
        source=root,
        clip_ids=[path.as_posix() for path in kept],
        paths=kept,
        labels=pd.DataFrame(of_tag.astype("uint8"), columns=tags),
        audio_dir=root,
    )


def _warn_of_left_out(root: Path, paths: list[Path]) -> None:
    if paths:
        logger.warning(
            "left out under %s, not audio or in no tag's folder: %d; the first: %s",
            root,
            len(paths),
            paths[0],
        )


def _list_files(root: Path) -> list[Path]:
    """Visible files under `root`, relative to it, sorted."""
    found = []
    for folder, subfolders, files in os.walk(root, followlinks=True):
        subfolders[:] = [name for name in subfolders if name[0] != "."]
        relative = Path(folder).relative_to(root)
        found += [relative / name for name in files if name[0] != "."]
    return sorted(found, key=Path.as_posix)


def _tag_folders(root: Path, data_dir: Path) -> list[str]:
    """Names of the visible folders in `root`, but for the one with our records."""
    records = data_dir.resolve() / "tfrecord"
    return [
        path.name
        for path in root.iterdir()
        if path.is_dir()
        and path.name[0] != "."
        and not records.is_relative_to(path.resolve())
    ]
