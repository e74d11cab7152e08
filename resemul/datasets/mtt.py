"""MagnaTagATune: `annotations_final.csv` and `mp3/<0..f>/*.mp3`.

Law et al., "Evaluation of algorithms using games: the case of music tagging",
ISMIR 2009.
"""

import hashlib
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pandas as pd

from resemul.configs.dataset import DatasetConfig, SplitConfig, TagsConfig
from resemul.datasets.annotate import annotate
from resemul.datasets.track import Annotations, Collection
from resemul.errors import DatasetError

ANNOTATIONS_FILE = "annotations_final.csv"
AUDIO_FOLDER = "mp3"
NUM_TAGS = 50

# Two splits are in use, mtt-tagged and mtt-all. Both go by folder; they differ in the
# clips that have none of the 50 tags. On the full MTT: 15,250 / 1,529 / 4,332 clips,
# and 18,709 / 1,825 / 5,329.

# Empty (0 bytes) in the published archive.
KNOWN_EMPTY_FILES = (
    "6/norine_braun-now_and_zen-08-gently-117-146.mp3",
    "8/jacob_heringman-josquin_des_prez_lute_settings-19-gintzler__pater_noster"
    "-204-233.mp3",
    "9/american_baroque-dances_and_suites_of_rameau_and_couperin-25"
    "-le_petit_rien_xiveme_ordre_couperin-88-117.mp3",
)

_ID_COLUMN = "clip_id"
_PATH_COLUMN = "mp3_path"


def load_tracks(
    data_dir: Path, keep_untagged: bool = False, num_tags: int = NUM_TAGS
) -> Annotations:
    """Reads the annotations under `data_dir`: top tags, split by folder.

    Folders 0 to b are training, c validation, d to f test. A file with the tags of
    MTT, whole or a part of it, gets the 50 published tags in the published order,
    which the published weights need. Any other file gets its `num_tags` most
    frequent ones, or all it has.

    Args:
        data_dir: holds `annotations_final.csv`.
        keep_untagged: keep the clips that have none of the top tags.
        num_tags: how many of the most frequent tags to learn.

    Raises:
        DatasetError: the file is missing, or not what MTT's looks like.
    """
    collection, sha256 = _read(Path(data_dir))
    tags = TagsConfig(num_tags=num_tags, keep_untagged=keep_untagged)
    return annotate(collection, tags, SplitConfig(), NUM_TAGS, sha256)


def load_annotations(config: DatasetConfig) -> Annotations:
    """Reads the annotations under `config.data_dir` with other tags and splits.

    Other splits than the one by folder leave out the files that are empty in the
    published archive, so that 25,860 clips are split.

    Raises:
        DatasetError: as `load_tracks`, or tags or splits cannot be had.
    """
    collection, sha256 = _read(config.data_dir)
    split = config.split
    if split.rule in (None, "directory") and not split.lists and not split.groups_file:
        has_own_labels = config.tags.file is not None or config.tags.merge is not None
        known_source = None if has_own_labels else sha256
        return annotate(collection, config.tags, split, NUM_TAGS, known_source)
    collection = _without_empty_files(collection)
    return annotate(collection, config.tags, split, NUM_TAGS)


def _read(data_dir: Path) -> tuple[Collection, str]:
    """All of the annotation file, and its SHA-256."""
    path = data_dir / ANNOTATIONS_FILE
    table, sha256 = _read_table(path)
    collection = Collection(
        dataset="mtt",
        source=path,
        clip_ids=[str(clip_id) for clip_id in table[_ID_COLUMN]],
        paths=[Path(mp3_path) for mp3_path in table[_PATH_COLUMN]],
        labels=table.drop(columns=[_ID_COLUMN, _PATH_COLUMN]).astype("uint8"),
        audio_dir=data_dir / AUDIO_FOLDER,
        splits=[_split_of(path, mp3_path) for mp3_path in table[_PATH_COLUMN]],
    )
    return collection, sha256


def _without_empty_files(collection: Collection) -> Collection:
    empty = set(map(Path, KNOWN_EMPTY_FILES))
    kept = [i for i, path in enumerate(collection.paths) if path not in empty]
    assert collection.splits is not None
    return replace(
        collection,
        clip_ids=[collection.clip_ids[i] for i in kept],
        paths=[collection.paths[i] for i in kept],
        labels=collection.labels.iloc[kept],
        splits=[collection.splits[i] for i in kept],
    )


def _read_table(path: Path) -> tuple[pd.DataFrame, str]:
    """Reads and checks the file; returns it with its SHA-256."""
    if not path.is_file():
        raise DatasetError(
            f"{path} does not exist; 'resemul download mtt' fetches it, "
            "'resemul demo-data' writes a small stand-in"
        )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        table = pd.read_csv(path, sep="\t", dtype={_ID_COLUMN: str, _PATH_COLUMN: str})
    except (ValueError, OSError) as error:  # ParserError is a ValueError
        raise DatasetError(f"{path} is not a tab-separated table: {error}") from error
    missing = [c for c in (_ID_COLUMN, _PATH_COLUMN) if c not in table.columns]
    if missing:
        raise DatasetError(
            f"{path} has no column {' and no column '.join(missing)}; expected a "
            f"tab-separated table with {_ID_COLUMN}, the tags, and {_PATH_COLUMN}"
        )
    labels = table.drop(columns=[_ID_COLUMN, _PATH_COLUMN])
    if labels.empty:
        raise DatasetError(f"{path} has no tag columns or no rows")
    for column in labels:
        # One value that is no number makes pandas read the whole column as text.
        is_label = pd.to_numeric(labels[column], errors="coerce").isin((0, 1))
        if not is_label.all():
            row = int((~is_label).idxmax())
            raise DatasetError(
                f"{path}, line {row + 2}, column {column!r}: expected 0 or 1, "
                f"got {labels[column][row]!r}"
            )
    for column in (_ID_COLUMN, _PATH_COLUMN):
        if table[column].isna().any():
            row = int(table[column].isna().idxmax())
            raise DatasetError(f"{path}, line {row + 2}: {column} is empty")
        if table[column].duplicated().any():
            row = int(table[column].duplicated().idxmax())
            raise DatasetError(
                f"{path}, line {row + 2}: {column} {table[column][row]!r} is already "
                "on an earlier line; remove the duplicate row"
            )
    return table, sha256


def _split_of(annotations: Path, mp3_path: str) -> str:
    folder, *rest = PurePosixPath(mp3_path).parts
    if len(folder) != 1 or folder not in "0123456789abcdef" or not rest:
        raise DatasetError(
            f"{annotations}: {mp3_path!r} is not under a folder 0 to f, "
            "so it belongs to no split"
        )
    if ".." in rest:
        raise DatasetError(f"{annotations}: {mp3_path!r} leads out of the audio folder")
    number = int(folder, 16)
    if number < 12:
        return "train"
    return "val" if number == 12 else "test"
