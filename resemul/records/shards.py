"""A whole build: shards over a process pool, resumable, one manifest at the end."""

import dataclasses
import logging
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import resemul
from resemul.configs import ENCODING_BYTES, BuildConfig
from resemul.datasets import Annotations
from resemul.errors import DatasetError
from resemul.records.manifest import (
    MANIFEST_FILE,
    BuildIdentity,
    Manifest,
    ShardResult,
    read_json,
    read_manifest,
    shard_result_from_json,
    write_json,
    write_manifest,
)
from resemul.records.plan import ShardJob, plan_shards
from resemul.records.pool import run_shard_jobs
from resemul.records.write import RESULT_SUFFIX
from resemul.runtime.progress import Progress

logger = logging.getLogger(__name__)

# Inside the folder of the shards, while a build is not finished.
_STATE_FOLDER = ".build"
_IDENTITY_FILE = "identity.json"
_LOCK_FILE = "lock"


def write_shards(
    annotations: Annotations,
    folder: Path,
    config: BuildConfig,
    num_workers: int = 1,
    overwrite: bool = False,
    timeout_seconds: float | None = None,
) -> Manifest:
    """Writes every shard that is not there yet, then `manifest.json`.

    The bytes depend on the annotations, the audio and `config`, not on
    `num_workers`, nor on how often the build was stopped.

    Args:
        annotations: tracks, tags, split.
        folder: where the shards go; usually `<data-dir>/tfrecord`.
        config: what shapes the records.
        num_workers: processes.
        overwrite: delete what an earlier build left in `folder`.
        timeout_seconds: of a file whose decoding does not end; it is left out.

    Raises:
        DatasetError: `folder` holds another build, is being written by another
            process, cannot be written, or no clip could be used.
    """
    identity = build_identity(annotations, config)
    jobs = plan_shards(annotations, config)
    if not annotations.audio_dir.is_dir():
        raise DatasetError(f"{annotations.audio_dir} does not exist: no audio to read")
    with _locked(folder) as state_folder:
        if overwrite:
            _delete_build(folder, state_folder)
        _check_same_build(identity, folder, state_folder)
        write_json(dataclasses.asdict(identity), state_folder / _IDENTITY_FILE)
        # Of this version or of an earlier one, which noted clips in files.
        for pattern in ("*.part", "*.clip"):
            for left_over in state_folder.glob(pattern):
                left_over.unlink()
        finished = _find_finished(jobs, folder, state_folder)
        missing = [job for job in jobs if job.file not in finished]
        _check_space(missing, folder, config)
        if finished:
            logger.info(
                "%d shards are there already, %d to go", len(finished), len(missing)
            )
        finished |= _run(missing, folder, state_folder, num_workers, timeout_seconds)
        shards = [finished[job.file] for job in jobs]
        if not any(shard.clips for shard in shards):
            # Else the next build would take the empty shards for finished ones.
            _delete_build(folder, state_folder)
            raise DatasetError(
                f"no clip under {annotations.audio_dir} could be used; the first: "
                f"{shards[0].skipped[0].reason}"
            )
        manifest = Manifest(identity, shards, versions())
        write_manifest(manifest, folder)
        shutil.rmtree(state_folder)
    return manifest


def build_identity(annotations: Annotations, config: BuildConfig) -> BuildIdentity:
    """What tells builds apart.

    The encoding is part of it only if it is not float32, which builds of before there
    was a choice have.
    """
    options = dataclasses.asdict(config)
    if config.encoding == BuildConfig.encoding:
        del options["encoding"]
    return BuildIdentity(
        dataset=annotations.dataset,
        split_name=annotations.split_name,
        annotations_sha256=annotations.source_sha256,
        tags=list(annotations.tags),
        options=options,
    )


def _run(
    jobs: list[ShardJob],
    folder: Path,
    state_folder: Path,
    num_workers: int,
    timeout_seconds: float | None,
) -> dict[str, ShardResult]:
    results: dict[str, ShardResult] = {}
    num_clips = sum(len(job.tracks) for job in jobs)
    with Progress(num_clips, "clips", "build") as progress:
        for result in run_shard_jobs(
            jobs, folder, state_folder, num_workers, timeout_seconds
        ):
            results[result.file] = result
            progress.advance(len(result.clips) + len(result.skipped))
    return results


@contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    """Makes the folders and keeps other builds out; yields the state folder."""
    state_folder = folder / _STATE_FOLDER
    try:
        state_folder.mkdir(parents=True, exist_ok=True)
        lock = (state_folder / _LOCK_FILE).open("w")
    except OSError as error:
        raise DatasetError(f"{folder} cannot be written: {error.strerror}") from error
    with lock:
        if not _try_lock(lock.fileno()):
            raise DatasetError(f"another build is writing into {folder}")
        yield state_folder


def _try_lock(file_number: int) -> bool:
    try:
        import fcntl
    except ImportError:  # not on Windows
        return True
    try:
        fcntl.flock(file_number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _delete_build(folder: Path, state_folder: Path) -> None:
    for path in [*folder.glob("*-of-*.tfrecord"), folder / MANIFEST_FILE]:
        path.unlink(missing_ok=True)
    for path in state_folder.iterdir():
        if path.name != _LOCK_FILE:
            path.unlink()


def _check_same_build(
    identity: BuildIdentity, folder: Path, state_folder: Path
) -> None:
    manifest = read_manifest(folder)
    identity_file = state_folder / _IDENTITY_FILE
    if manifest is not None:
        earlier = manifest.identity
    elif identity_file.exists():
        earlier = BuildIdentity(**read_json(identity_file))
    elif any(folder.glob("*-of-*.tfrecord")):
        raise DatasetError(
            f"{folder} holds shards of an unknown build (no {MANIFEST_FILE}); use "
            "another --data-dir, or --overwrite to delete them"
        )
    else:
        return
    difference = identity.difference(earlier)
    if difference:
        raise DatasetError(
            f"{folder} holds a build with other options ({difference}); use another "
            "--data-dir, or --overwrite to delete it"
        )


def _find_finished(
    jobs: list[ShardJob], folder: Path, state_folder: Path
) -> dict[str, ShardResult]:
    """Results of the shards that are complete: there, and of the right size."""
    manifest = read_manifest(folder)
    results = {shard.file: shard for shard in manifest.shards} if manifest else {}
    for job in jobs:
        result_file = state_folder / (job.file + RESULT_SUFFIX)
        if result_file.exists():
            results[job.file] = shard_result_from_json(read_json(result_file))
    return {
        file: result
        for file, result in results.items()
        if (folder / file).is_file()
        and (folder / file).stat().st_size == result.num_bytes
    }


def _check_space(jobs: list[ShardJob], folder: Path, config: BuildConfig) -> None:
    if config.clip_seconds is None:
        return  # How long the files are is known when they have been decoded.
    num_clips = sum(len(job.tracks) for job in jobs)
    num_bytes = config.num_samples * ENCODING_BYTES[config.encoding]
    needed = num_clips * config.segments_per_clip * num_bytes
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DatasetError(
            f"{folder}: the records need up to {needed / 1e9:.1f} GB, "
            f"{free / 1e9:.1f} GB are free"
        )


def versions() -> dict[str, str]:
    """Of what shapes the samples and the records."""
    packages = ("numpy", "av", "tensorflow")
    return {
        "resemul": resemul.__version__,
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }
