"""MagnaTagATune: `annotations_final.csv` and `mp3/<0..f>/*.mp3`.

Law et al., "Evaluation of algorithms using games: the case of music tagging",
ISMIR 2009.
"""

import hashlib
import warnings
from pathlib import Path, PurePosixPath

import pandas as pd

from resemul.configs.dataset import DatasetConfig
from resemul.datasets.track import Collection
from resemul.errors import DatasetError

ANNOTATIONS_FILE = "annotations_final.csv"
AUDIO_FOLDER = "mp3"

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


def read_collection(config: DatasetConfig) -> Collection:
    """Reads `annotations_final.csv` in `config.data_dir`.

    Folders 0 to b are training, c validation, d to f test. A file with the tags of
    MTT, whole or a part of it, gets the 50 published tags in the published order,
    which the published weights need.

    Raises:
        DatasetError: the file is missing, or not what MTT's looks like.
    """
    path = config.data_dir / ANNOTATIONS_FILE
    table, sha256 = _read_table(path)
    return Collection(
        dataset="mtt",
        source=path,
        clip_ids=[str(clip_id) for clip_id in table[_ID_COLUMN]],
        paths=[Path(mp3_path) for mp3_path in table[_PATH_COLUMN]],
        labels=table.drop(columns=[_ID_COLUMN, _PATH_COLUMN]).astype("uint8"),
        audio_dir=config.data_dir / AUDIO_FOLDER,
        splits=[_split_of(path, mp3_path) for mp3_path in table[_PATH_COLUMN]],
        split_rule="directory",
        split_name="mtt",
        source_sha256=sha256,
        keeps_rare_tags=True,
        known_empty=frozenset(map(Path, KNOWN_EMPTY_FILES)),
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
        with warnings.catch_warnings():
            # Rows with more values than the header are only warned of.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                path,
                sep="\t",
                dtype={_ID_COLUMN: str, _PATH_COLUMN: str},
                index_col=False,
            )
    except (ValueError, OSError, pd.errors.ParserWarning) as error:
        # ParserError is a ValueError.
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
                f"got {str(labels[column][row])!r}"
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
    folder, *rest = PurePosixPath(mp3_path).parts or ("",)
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
