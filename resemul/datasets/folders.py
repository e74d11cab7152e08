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

    Folders inside a tag's folder have no meaning. A file that is linked into the
    folders of several tags is one clip that has them all. Names that begin with a dot
    are passed over; files that are not audio by their suffix are counted in the log.

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
    tags_of = _tags_by_file(root, kept)
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
    of_tag = np.array([[tag in found for tag in tags] for found in tags_of.values()])
    return Collection(
        dataset="folders",
        source=root,
        clip_ids=[path.as_posix() for path in tags_of],
        paths=list(tags_of),
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
    """Visible files under `root`, relative to it, sorted.

    Links to folders are followed, but not into a folder that the link lies in: that
    would go round for ever.
    """
    found = []
    above: dict[str, set[tuple[int, int]]] = {str(root): {_identity(root)}}
    for folder, subfolders, files in os.walk(root, followlinks=True):
        seen = above.pop(folder)
        relative = Path(folder).relative_to(root)
        entered = []
        for name in subfolders:
            path = Path(folder, name)
            if name[0] == ".":
                continue
            if _identity(path) in seen:
                logger.warning("%s leads back to a folder above it: left out", path)
                continue
            above[str(path)] = seen | {_identity(path)}
            entered.append(name)
        subfolders[:] = entered
        found += [relative / name for name in files if name[0] != "."]
    return sorted(found, key=Path.as_posix)


def _identity(path: Path) -> tuple[int, int]:
    """Of a file or folder, the same through every link to it."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _tags_by_file(root: Path, paths: list[Path]) -> dict[Path, set[str]]:
    """The folders in `root` that a file is in; by the first of its paths.

    A file that links make appear in several folders is one clip with several tags.
    """
    first_path: dict[tuple[int, int], Path] = {}
    tags: dict[Path, set[str]] = {}
    for path in paths:
        try:
            identity = _identity(root / path)
        except OSError:  # a link to nothing: a clip that the build will name
            identity = (-1, len(first_path))
        first = first_path.setdefault(identity, path)
        tags.setdefault(first, set()).add(path.parts[0])
    return tags


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
