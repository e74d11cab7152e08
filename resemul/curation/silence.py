"""Where a recording is silent: intervals, nine columns, and filters.

The rule is that of librosa's `effects.split` (McFee et al., "librosa", SciPy 2015)
with its defaults: frames within 60 dB of the loudest one are heard.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
import pandas as pd

from resemul.configs.curation import PADDINGS, SilenceFilter
from resemul.datasets.file_tables import FILE_PATH, FILE_SIZE, MP3_PATH, NPZ_PATH
from resemul.errors import ConfigError, DatasetError

# Samples. A frame is a whole number of hops.
FRAME_SAMPLES = 2048
HOP_SAMPLES = 512
TOP_DB = 60.0
# Power below which nothing is told apart, and nothing is heard: -100 dB.
MIN_POWER = 1e-10

SILENCE_COLUMNS = (
    "effective_clip_length", "audio_start", "audio_end", "mid_silence_length",
    "non_silence_length", "max_silence_length", "silence_detail",
    "silence_detail_length", "silence_percentage",
)  # fmt: skip

# Where the paths go in a table: before its fourth column, the file's path apart.
_PATH_POSITION = 3
_EDGE = FRAME_SAMPLES // 2


def find_intervals(
    blocks: Iterable[np.ndarray], padding: str = "zeros"
) -> tuple[np.ndarray, int]:
    """Intervals in which something is heard.

    Args:
        blocks: float32 `(n,)` each, that follow each other: a waveform of any length.
        padding: one of `configs.curation.PADDINGS`.

    Returns:
        int64 `(intervals, 2)`, samples, the end exclusive; and the number of samples.
        A recording in which no frame is above -100 dB has no interval. In the original
        such a one was heard from end to end.
    """
    power, num_samples = frame_powers(blocks, padding)
    if not num_samples or power.max() <= MIN_POWER:
        return np.empty((0, 2), "int64"), num_samples
    level = 10 * np.log10(np.maximum(power, MIN_POWER))
    is_loud = level - level.max() > -TOP_DB
    edges = np.flatnonzero(np.diff(is_loud, prepend=False, append=False))
    intervals = edges.reshape(-1, 2) * HOP_SAMPLES
    return np.minimum(intervals, num_samples), num_samples


def frame_powers(
    blocks: Iterable[np.ndarray], padding: str = "zeros"
) -> tuple[np.ndarray, int]:
    """Mean square of each frame: float64 `(frames,)`; and the number of samples.

    Frames are 2048 samples long, the first is centred at the first sample, the others
    512 samples apart.
    """
    if padding not in PADDINGS:
        raise ConfigError(f"padding must be one of {PADDINGS}, got {padding!r}")
    sums, num_padded = _hop_energies(_padded(blocks, padding))
    num_samples = num_padded - 2 * _EDGE
    if num_samples <= 0:
        return np.empty(0), 0
    num_frames = 1 + num_samples // HOP_SAMPLES
    hops = FRAME_SAMPLES // HOP_SAMPLES
    sums = np.pad(sums, (0, hops))
    energy = sum(sums[i : i + num_frames] for i in range(hops))
    return np.asarray(energy) / FRAME_SAMPLES, num_samples


def describe_intervals(seconds: np.ndarray) -> dict[str, object]:
    """The nine columns of a track, as plain numbers and lists.

    Args:
        seconds: float64 `(intervals, 2)`. Without any, the track is silent: its
            lengths are 0, and 100 percent of it are silence.
    """
    if not len(seconds):
        zeros: dict[str, object] = dict.fromkeys(SILENCE_COLUMNS, 0.0)
        empty: dict[str, object] = {"silence_detail": [], "silence_detail_length": []}
        return zeros | empty | {"silence_percentage": 100.0}
    starts, ends = seconds[:, 0].tolist(), seconds[:, 1].tolist()
    start, end = starts[0], ends[-1]
    gaps = [(a, b) for a, b in zip(ends[:-1], starts[1:], strict=True)]
    lengths = [b - a for a, b in gaps]
    effective, silent = end - start, sum(lengths)
    return {
        "effective_clip_length": effective,
        "audio_start": start,
        "audio_end": end,
        "mid_silence_length": float(silent),
        "non_silence_length": effective - silent,
        "max_silence_length": max(lengths, default=0.0),
        "silence_detail": gaps,
        "silence_detail_length": lengths,
        "silence_percentage": 100 * silent / effective if effective else 0.0,
    }


def add_silence(
    table: pd.DataFrame,
    intervals: Sequence[np.ndarray],
    npz_paths: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Adds the nine columns at the end, and calls the file's path mp3_path.

    Args:
        table: a row per file, with `file_path`, or `mp3_path` if it was here before.
        intervals: of each row, seconds, `(intervals, 2)`.
        npz_paths: of each row, if there are such files.
    """
    described = pd.DataFrame(
        [describe_intervals(seconds) for seconds in intervals],
        index=table.index,
        columns=list(SILENCE_COLUMNS),
    )
    paths = table[MP3_PATH if MP3_PATH in table else FILE_PATH]
    dropped = [FILE_PATH, MP3_PATH, NPZ_PATH, *SILENCE_COLUMNS]
    result = table.drop(columns=dropped, errors="ignore")
    position = min(_PATH_POSITION, len(result.columns))
    if npz_paths is not None:
        result.insert(position, NPZ_PATH, list(npz_paths))
    elif NPZ_PATH in table:
        result.insert(position, NPZ_PATH, table[NPZ_PATH])
    result.insert(position, MP3_PATH, paths)
    return pd.concat([result, described], axis=1)


def has_silence_columns(columns: Iterable[str]) -> bool:
    """Whether all nine are there, so that filters alone are left to do."""
    return set(SILENCE_COLUMNS) <= set(columns)


def filter_silence(table: pd.DataFrame, wanted: SilenceFilter) -> pd.DataFrame:
    """The rows that fulfil the conditions.

    Raises:
        DatasetError: a size is asked for, and there is no column file_size.
    """
    stays = pd.Series(True, index=table.index)
    if FILE_SIZE in table:
        stays &= table[FILE_SIZE] > wanted.min_size
    elif wanted.min_size:
        raise DatasetError(f"the table has no column {FILE_SIZE}, to go by --min-size")
    if wanted.trim_length:
        stays &= table["effective_clip_length"] >= wanted.trim_length
    if wanted.tot_silence:
        stays &= table["mid_silence_length"] <= wanted.tot_silence
    if wanted.max_silence:
        stays &= table["max_silence_length"] <= wanted.max_silence
    return table[stays]


def _hop_energies(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, int]:
    """Sums of squares of 512 samples each, the last of what is left; and how many."""
    sums: list[np.ndarray] = []
    held = np.empty(0, "float32")
    num_samples = 0
    for block in blocks:
        num_samples += len(block)
        held = np.concatenate([held, block]) if len(held) else block
        num_whole = len(held) // HOP_SAMPLES
        hops = held[: num_whole * HOP_SAMPLES].reshape(-1, HOP_SAMPLES)
        sums.append(np.vecdot(hops, hops).astype("float64"))
        held = held[num_whole * HOP_SAMPLES :]
    sums.append(np.array([np.square(held, dtype="float64").sum()]))
    return np.concatenate(sums), num_samples


def _padded(blocks: Iterable[np.ndarray], padding: str) -> Iterator[np.ndarray]:
    zeros = np.zeros(_EDGE, "float32")
    if padding == "zeros":
        yield from chain([zeros], blocks, [zeros])
        return
    coming = iter(blocks)
    head = np.empty(0, "float32")
    for block in coming:
        head = np.concatenate([head, block])
        if len(head) > _EDGE:
            break
    if len(head) <= _EDGE:  # too short to be mirrored
        yield from (zeros, head, zeros)
        return
    yield head[_EDGE:0:-1]
    tail = head[-_EDGE - 1 :]
    yield head
    for block in coming:
        tail = np.concatenate([tail, block])[-_EDGE - 1 :]
        yield block
    yield tail[-2::-1]
