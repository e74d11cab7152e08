"""Files of whole tracks: which tracks are in which, and their writing.

A file is one job of a worker process, and gets its name when it is whole; a run that
was stopped goes on with the files that are missing. The same tracks, options and seed
give the same bytes, whoever writes them.
"""

import dataclasses
import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import floor
from pathlib import Path
from typing import Any

import numpy as np

from resemul.configs.track_records import LOG_MEL, TrackRecordsConfig
from resemul.datasets import Collection
from resemul.errors import AudioError, DatasetError
from resemul.records.track_features import load_features
from resemul.runtime.files import atomic_write, own_mark
from resemul.runtime.progress import Progress
from resemul.runtime.tasks import WHOLE, Share
from resemul.runtime.worker_process import begin
from resemul.runtime.workers import Executor, run_jobs

logger = logging.getLogger(__name__)

_PARTS = ("train", "validation", "test")
_STATE_FOLDER = ".state"


@dataclass(frozen=True)
class TrackJob:
    """One file, and the tracks for it: id, path, and numbers of tags from 1."""

    file: str
    tracks: tuple[tuple[str, str, tuple[int, ...]], ...]
    # Tracks that end their worker, and how.
    bad_tracks: Mapping[str, str] = field(default_factory=dict)


def manifest_name(record_format: str) -> str:
    """The file that says what the records of a format are."""
    return f"{record_format}_manifest.json"


def plan_files(collection: Collection, config: TrackRecordsConfig) -> list[TrackJob]:
    """Which tracks are in which file, in an order drawn with the seed.

    File k of F holds the tracks from floor(k N / F) to floor((k + 1) N / F), and those
    of a split from one cumulated share to the next, whatever the format.
    """
    num_tracks = len(collection.clip_ids)
    order = np.random.RandomState(config.seed).permutation(num_tracks)
    labels = collection.labels.to_numpy()
    rows = [
        (
            collection.clip_ids[i],
            collection.paths[i].as_posix(),
            tuple((np.flatnonzero(labels[i]) + 1).tolist()),
        )
        for i in order
    ]
    if config.split is None:
        names = [f"{config.format}_{k + 1}.tfrecord" for k in range(config.num_files)]
        shares: Sequence[float] = [1.0] * config.num_files
    else:
        ratio = "-".join(f"{part:g}" for part in config.split)
        parts = _PARTS[: len(config.split)]
        names = [f"{config.format}_{part}_{ratio}.tfrecord" for part in parts]
        shares = config.split
    jobs, total, start = [], sum(shares), 0
    for k, name in enumerate(names):
        stop = floor(sum(shares[: k + 1]) * num_tracks / total)
        jobs.append(TrackJob(name, tuple(rows[start:stop])))
        start = stop
    first, last = config.first or 1, config.last or len(jobs)
    return jobs[first - 1 : last]


def write_tracks(
    collection: Collection,
    folder: Path,
    config: TrackRecordsConfig,
    num_workers: int = 1,
    timeout_seconds: float | None = 600.0,
    executor: Executor | None = None,
    share: Share = WHOLE,
) -> dict[str, Any]:
    """Writes the files that are not there, and the manifest of those that are.

    Tracks without a tag, and those that cannot be decoded, are left out and listed.

    Args:
        collection: tracks; paths may be of audio or of stored arrays (.npz).
        folder: where to.
        config: what.
        num_workers: processes.
        timeout_seconds: for one track.
        executor: what runs the jobs instead of processes of this machine.
        share: which of the files this run writes.

    Returns:
        The manifest: of each file how many tracks it holds and which were left out.

    Raises:
        DatasetError: a file cannot be written, or the folder holds other records.
    """
    state = folder / _STATE_FOLDER
    state.mkdir(parents=True, exist_ok=True)
    jobs = plan_files(collection, config)
    about = _describe(collection, config)
    identity = hashlib.sha256(
        json.dumps([about, collection.clip_ids], sort_keys=True).encode()
        + collection.labels.to_numpy("uint8").tobytes()
    ).hexdigest()
    waiting, missing = [], []
    mine = {job.file for job in share.pick(jobs)}
    for place, job in enumerate(jobs):
        result = _read_result(state, job.file)
        if result is not None and result["identity"] != identity:
            raise DatasetError(
                f"{folder / job.file} was made of other tracks, or with other options; "
                "write into another folder, or remove it"
            )
        if result is None or not (folder / job.file).is_file():
            missing.append(place)
            if job.file in mine:
                waiting.append(job)
    if missing and share.is_finish:
        raise DatasetError(
            f"{len(missing)} of {len(jobs)} files are missing in {folder}; give the "
            "same command for the tasks that were to write them, or for all of it"
        )
    num_tracks = sum(len(job.tracks) for job in waiting)
    with Progress(num_tracks, "tracks", "records") as progress:
        write = partial(
            write_file,
            folder=folder,
            audio_dir=collection.audio_dir,
            config=config,
            num_tags=len(collection.labels.columns),
            identity=identity,
        )
        for job in _run(waiting, write, num_workers, timeout_seconds, executor):
            progress.advance(len(job.tracks))
    return _write_manifest(folder, about, identity, collection.popularity)


def write_file(
    job: TrackJob,
    folder: Path,
    audio_dir: Path,
    config: TrackRecordsConfig,
    num_tags: int,
    identity: str,
) -> None:
    """Writes one file, and what it holds; runs in a worker process."""
    import tensorflow as tf

    from resemul.records.track_schema import encode_track

    tids: list[str] = []
    skipped: list[tuple[str, str]] = []
    part = folder / _STATE_FOLDER / f"{job.file}.{own_mark()}.part"
    try:
        with tf.io.TFRecordWriter(str(part)) as writer:
            for tid, path, numbers in job.tracks:
                begin(tid)
                try:
                    audio = _load(job, tid, audio_dir / path, numbers, config)
                except AudioError as error:
                    skipped.append((tid, str(error)))
                    continue
                labels = np.zeros(num_tags, "int64")
                labels[np.array(numbers) - 1] = 1
                writer.write(encode_track(audio, tid, labels))
                tids.append(tid)
        begin(None)
        result = {"identity": identity, "tids": tids, "skipped": skipped}
        with atomic_write(folder / _STATE_FOLDER / f"{job.file}.json") as file:
            json.dump(result, file)
        part.replace(folder / job.file)
    except (OSError, tf.errors.OpError) as error:
        raise DatasetError(f"{folder / job.file} cannot be written: {error}") from error


def _load(
    job: TrackJob,
    tid: str,
    path: Path,
    numbers: tuple[int, ...],
    config: TrackRecordsConfig,
) -> np.ndarray:
    if not numbers:
        raise AudioError("it has no tag")
    if tid in job.bad_tracks:
        raise AudioError(f"{path} cannot be decoded: {job.bad_tracks[tid]}")
    return load_features(path, config)


def _run(
    jobs: list[TrackJob],
    write: Any,
    num_workers: int,
    timeout_seconds: float | None,
    executor: Executor | None,
) -> Iterator[TrackJob]:
    """Yields files that are written; a track that ends its worker is left out."""
    from resemul.runtime.tensorflow import start_tensorflow

    if not num_workers and executor is None:
        for job in jobs:
            write(job)
            yield job
        return
    while jobs:
        again = []
        for done in run_jobs(
            jobs,
            write,
            num_workers=num_workers,
            timeout_seconds=timeout_seconds,
            prepare=start_tensorflow,
            executor=executor,
        ):
            if done.error is None:
                yield done.job
            elif done.item is None:
                raise DatasetError(f"{done.job.file} cannot be written: {done.error}")
            else:
                bad = {**done.job.bad_tracks, done.item: str(done.error)}
                again.append(dataclasses.replace(done.job, bad_tracks=bad))
        jobs = again


def _describe(collection: Collection, config: TrackRecordsConfig) -> dict[str, Any]:
    about: dict[str, Any] = {
        "format": config.format,
        "sample_rate": config.sample_rate,
        "num_tags": len(collection.labels.columns),
        "tags": list(collection.labels.columns),
        "seed": config.seed,
    }
    if config.format == LOG_MEL:
        about["num_bands"] = config.num_bands
    return about


def _read_result(state: Path, name: str) -> dict[str, Any] | None:
    try:
        result: dict[str, Any] = json.loads((state / f"{name}.json").read_text("utf-8"))
        return result if {"identity", "tids", "skipped"} <= set(result) else None
    except (OSError, ValueError):
        return None


def _write_manifest(
    folder: Path,
    about: dict[str, Any],
    identity: str,
    popularity: Sequence[str] | None,
) -> dict[str, Any]:
    """Of all files that are there, also those that another run has written."""
    # Of the whole database of tags, most frequent first.
    order = {"popularity": list(popularity)} if popularity else {}
    manifest: dict[str, Any] = {}
    # Once more if others have ended meanwhile, who may have listed less.
    while (
        found := {**about, **order, "files": _list(folder, about, identity)}
    ) != manifest:
        manifest = found
        with atomic_write(folder / manifest_name(about["format"])) as file:
            json.dump(manifest, file, indent=1, ensure_ascii=False)
    return manifest


def _list(folder: Path, about: dict[str, Any], identity: str) -> dict[str, Any]:
    files = {}
    for path in sorted_files(folder, about["format"]):
        result = _read_result(folder / _STATE_FOLDER, path.name)
        if result is not None and result["identity"] == identity:
            tracks, skipped = len(result["tids"]), result["skipped"]
            files[path.name] = {"tracks": tracks, "skipped": skipped}
    return files


def sorted_files(folder: Path, record_format: str) -> list[Path]:
    """Files of a format, by number: 2 before 10; parts of a split as they are named."""

    def key(path: Path) -> tuple[int, int, str]:
        rest = path.stem.removeprefix(f"{record_format}_")
        if rest.isdecimal():
            return 0, int(rest), ""
        part = re.split(r"[_+]", rest)[0]
        return 1, _PARTS.index(part) if part in _PARTS else len(_PARTS), rest

    return sorted(folder.glob(f"{record_format}_*.tfrecord"), key=key)
