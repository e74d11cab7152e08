"""MagnaTagATune: `annotations_final.csv` and `mp3/<0..f>/*.mp3`.

Law et al., "Evaluation of algorithms using games: the case of music tagging",
ISMIR 2009.
"""

import hashlib
from pathlib import Path, PurePosixPath

import pandas as pd

from resemul.datasets.tags import MTT_TOP_50, top_tags
from resemul.datasets.track import Annotations, Track
from resemul.errors import DatasetError

ANNOTATIONS_FILE = "annotations_final.csv"
AUDIO_FOLDER = "mp3"
NUM_TAGS = 50
# Tag columns of the published annotation file.
NUM_ALL_TAGS = 188

# The two splits in use. Both go by folder; they differ in the clips that have
# none of the 50 tags. On the full MTT: 15,250 / 1,529 / 4,332 clips, and
# 18,709 / 1,825 / 5,329.
SPLIT_TAGGED = "mtt-tagged"
SPLIT_ALL = "mtt-all"

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
    path = Path(data_dir) / ANNOTATIONS_FILE
    table, sha256 = _read_table(path)
    tag_columns = [c for c in table.columns if c not in (_ID_COLUMN, _PATH_COLUMN)]
    tags = _choose_tags(table[tag_columns], num_tags)
    labels = table[list(tags)].to_numpy("uint8")
    tracks = [
        Track(
            clip_id=str(clip_id),
            path=Path(mp3_path),
            split=_split_of(path, mp3_path),
            labels=row,
        )
        for clip_id, mp3_path, row in zip(
            table[_ID_COLUMN], table[_PATH_COLUMN], labels, strict=True
        )
        if keep_untagged or row.any()
    ]
    return Annotations(
        dataset="mtt",
        split_name=SPLIT_ALL if keep_untagged else SPLIT_TAGGED,
        tags=tags,
        tracks=tracks,
        audio_dir=Path(data_dir) / AUDIO_FOLDER,
        source_sha256=sha256,
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


def _choose_tags(labels: pd.DataFrame, num_tags: int) -> tuple[str, ...]:
    is_mtt = len(labels.columns) == NUM_ALL_TAGS and set(MTT_TOP_50) <= set(labels)
    if is_mtt and num_tags == len(MTT_TOP_50):
        return MTT_TOP_50
    return top_tags(labels, num_tags)


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
