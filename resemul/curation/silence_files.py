"""Silence of many files: worker processes, a journal, a table written row by row.

A run that was stopped goes on where it was; neither the number of files nor their
length matters for memory.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from resemul.audio.stream import stream_blocks
from resemul.configs.audio import AudioConfig
from resemul.configs.curation import PADDINGS, SilenceFilter
from resemul.curation.scan import sample_rate_of
from resemul.curation.silence import (
    add_silence,
    filter_silence,
    find_intervals,
    has_silence_columns,
)
from resemul.curation.stored_intervals import common_folder, npz_path_of, read_npz
from resemul.datasets.file_tables import (
    NPZ_PATH,
    find_path_column,
    read_chunks,
    read_header,
)
from resemul.errors import AudioError, DatasetError
from resemul.runtime.files import file_sha256
from resemul.runtime.progress import Progress
from resemul.runtime.workers import Executor, run_jobs

logger = logging.getLogger(__name__)

# Hz, of files whose header does not say. Seconds do not depend on it by much.
_USUAL_RATE = 44_100

Measure = Callable[[Path, str], dict[str, Any]]
Look = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class SilenceConfig:
    """Where files are, and how they are looked at."""

    # What paths in the table are relative to.
    root: Path = Path()
    # Folder of npz files that hold intervals already.
    npz_root: Path | None = None
    padding: str = PADDINGS[0]
    # 0: in this process, which a damaged file may end.
    num_workers: int = 1
    # For one file.
    timeout_seconds: float | None = 600.0


@dataclass(frozen=True)
class Summary:
    """What became of the rows; `broken` are paths that cannot be read, and why."""

    num_rows: int
    num_left: int
    broken: list[tuple[str, str]]


def measure_file(path: Path, padding: str = PADDINGS[0]) -> dict[str, Any]:
    """Decodes a file once, at its own rate; the mean of its channels is looked at.

    Returns:
        `sample_rate`, `num_samples` and `split`: intervals in which something is
        heard, in samples.

    Raises:
        AudioError: it cannot be decoded.
    """
    rate = sample_rate_of(path) or _USUAL_RATE
    blocks = stream_blocks(path, AudioConfig(sample_rate=rate, mix="mean"))
    intervals, num_samples = find_intervals(blocks, padding)
    return {
        "sample_rate": rate,
        "num_samples": num_samples,
        "split": intervals.tolist(),
    }


def write_silence(
    source: Path,
    output: IO[str],
    journal: Path,
    config: SilenceConfig,
    wanted: SilenceFilter,
    measure: Measure = measure_file,
    executor: Executor | None = None,
) -> Summary:
    """Adds the nine columns to a table, or filters one that has them.

    Args:
        source: a table of files.
        output: an open file, at whose end header and rows are written.
        journal: keeps what was measured, so that a second run goes on from there;
            the caller removes it when the output is safe.
        config: where files are.
        wanted: which rows are written.
        measure: looks at one file; importable.
        executor: what runs the jobs instead of processes of this machine.

    Raises:
        DatasetError: the table lacks a column.
    """
    header = read_header(source)
    path_column = find_path_column(header, source)
    if has_silence_columns(header):
        return _copy(source, output, wanted, lambda chunk, _: (chunk, []))
    npz_base = config.root
    if config.npz_root is not None:
        npz_base = common_folder(_paths(source), config.root)
    look = partial(_measure, config=config, npz_base=npz_base, measure=measure)
    offsets = _fill_journal(source, journal, config, look, executor)
    with journal.open("rb") as entries:
        add = partial(
            _add_columns,
            offsets=offsets,
            entries=entries,
            path_column=path_column,
            npz_base=None if config.npz_root is None else npz_base,
        )
        return _copy(source, output, wanted, add)


def _copy(
    source: Path,
    output: IO[str],
    wanted: SilenceFilter,
    add: Callable[[pd.DataFrame, int], tuple[pd.DataFrame, list[tuple[str, str]]]],
) -> Summary:
    num_rows = num_left = 0
    broken: list[tuple[str, str]] = []
    for chunk in read_chunks(source):
        table, unreadable = add(chunk, num_rows)
        broken += unreadable
        table = filter_silence(table, wanted)
        table.to_csv(output, index=False, header=not num_rows, lineterminator="\n")
        num_rows += len(chunk)
        num_left += len(table)
    return Summary(num_rows, num_left, broken)


def _add_columns(
    chunk: pd.DataFrame,
    first_row: int,
    offsets: np.ndarray,
    entries: IO[bytes],
    path_column: str,
    npz_base: Path | None,
) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """A part of the table with its columns, less the files that are broken."""
    intervals, kept, broken = [], [], []
    for i, path in enumerate(chunk[path_column].tolist()):
        entries.seek(offsets[first_row + i])
        entry = json.loads(entries.readline())
        if "error" in entry:
            broken.append((str(path), entry["error"]))
            continue
        kept.append(i)
        seconds = np.array(entry["split"], "float64").reshape(-1, 2)
        intervals.append(seconds / entry["sample_rate"])
    table = chunk.iloc[kept].rename(columns={path_column: "file_path"})
    npz_paths = None
    if npz_base is not None and NPZ_PATH not in table:
        npz_paths = [npz_path_of(path, npz_base) for path in table["file_path"]]
    return add_silence(table, intervals, npz_paths), broken


def _fill_journal(
    source: Path,
    journal: Path,
    config: SilenceConfig,
    look: Look,
    executor: Executor | None,
) -> np.ndarray:
    """Measures what is not in the journal yet; returns where each row's entry is."""
    identity = {
        "source": file_sha256(source),
        "root": str(config.root.absolute()),
        "npz_root": str(config.npz_root and config.npz_root.absolute()),
        "padding": config.padding,
    }
    num_rows = sum(len(chunk) for chunk in read_chunks(source))
    offsets = _read_journal(journal, identity, num_rows)
    num_done = int((offsets >= 0).sum())
    if num_done:
        logger.info("%d of %d files were looked at before", num_done, num_rows)
    jobs = (job for job in _jobs(source) if offsets[job["row"]] < 0)
    with (
        journal.open("ab") as file,
        Progress(num_rows, "files", "silence", done=num_done) as progress,
    ):
        for entry in _run(jobs, look, config, executor):
            offsets[entry["row"]] = file.tell()
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            progress.advance()
    return offsets


def _read_journal(journal: Path, identity: dict[str, str], num_rows: int) -> np.ndarray:
    """Where each row's entry is, -1 if nowhere; of another table it begins anew."""
    offsets = np.full(num_rows, -1, "int64")
    first = json.dumps(identity).encode() + b"\n"
    if journal.exists():
        with journal.open("r+b") as file:
            if file.readline() == first:
                end = file.tell()
                while (line := file.readline()).endswith(b"\n"):
                    offsets[json.loads(line)["row"]] = end
                    end = file.tell()
                file.truncate(end)  # a line that was cut off
                return offsets
    journal.write_bytes(first)
    return offsets


def _jobs(source: Path) -> Iterator[dict[str, Any]]:
    row = 0
    for chunk in read_chunks(source):
        columns = [find_path_column(chunk.columns, source)]
        columns += [NPZ_PATH] if NPZ_PATH in chunk else []
        for cells in chunk[columns].itertuples(index=False, name=None):
            if not isinstance(cells[0], str):
                raise DatasetError(f"{source}: row {row + 1} has no path")
            npz = cells[1] if len(cells) > 1 and isinstance(cells[1], str) else None
            yield {"row": row, "path": cells[0], "npz": npz}
            row += 1


def _paths(source: Path) -> Iterator[str]:
    for chunk in read_chunks(source):
        column = chunk[find_path_column(chunk.columns, source)]
        yield from column[column.notna()].astype(str)


def _run(
    jobs: Iterator[dict[str, Any]],
    look: Look,
    config: SilenceConfig,
    executor: Executor | None,
) -> Iterator[dict[str, Any]]:
    """Entries of the journal, in any order."""
    if not config.num_workers and executor is None:
        yield from map(look, jobs)
        return
    for done in run_jobs(
        jobs,
        look,
        num_workers=config.num_workers,
        timeout_seconds=config.timeout_seconds,
        executor=executor,
    ):
        if done.error is not None or done.result is None:
            yield {"row": done.job["row"], "error": f"cannot be decoded: {done.error}"}
        else:
            yield done.result


def _measure(
    job: dict[str, Any], config: SilenceConfig, npz_base: Path, measure: Measure
) -> dict[str, Any]:
    """The entry of one file; runs in a worker process."""
    path = config.root / job["path"]
    if config.npz_root is not None:
        npz = job["npz"] or npz_path_of(job["path"], npz_base)
        try:
            return {"row": job["row"]} | read_npz(config.npz_root / npz, config.padding)
        except AudioError as error:
            logger.debug("%s; the audio is decoded", error)
    try:
        return {"row": job["row"]} | measure(path, config.padding)
    except AudioError as error:
        return {"row": job["row"], "error": str(error)}
