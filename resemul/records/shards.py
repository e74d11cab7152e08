"""A whole build: shards over a process pool, resumable, one manifest at the end."""

import dataclasses
import logging
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path

import resemul
from resemul.configs import ENCODING_BYTES, BuildConfig
from resemul.datasets import Annotations
from resemul.errors import DatasetError
from resemul.records.manifest import (
    MANIFEST_FILE,
    UNWRITTEN,
    BuildIdentity,
    Manifest,
    ShardResult,
    read_json,
    write_json,
    write_manifest,
)
from resemul.records.manifest_checks import (
    identity_from_json,
    read_manifest,
    shard_result_from_json,
)
from resemul.records.plan import RESULT_SUFFIX, ShardJob, plan_shards
from resemul.records.pool import run_shard_jobs
from resemul.runtime.files import file_sha256, locked
from resemul.runtime.progress import BYTES, Progress
from resemul.runtime.workers import Executor

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
    executor: Executor | None = None,
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
        executor: what runs the jobs instead of processes of this machine.

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
        _delete_left_overs(folder, state_folder)
        finished = _find_finished(jobs, folder, state_folder)
        missing = [job for job in jobs if job.file not in finished]
        _check_space(missing, folder, config)
        run = partial(
            run_shard_jobs,
            folder=folder,
            state_folder=state_folder,
            num_workers=num_workers,
            timeout_seconds=timeout_seconds,
            executor=executor,
        )
        finished |= _run(run, missing, len(finished))
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
    """What tells builds apart; see `UNWRITTEN`."""
    options = {
        name: value
        for name, value in dataclasses.asdict(config).items()
        if name not in UNWRITTEN or value != UNWRITTEN[name]
    }
    return BuildIdentity(
        dataset=annotations.dataset,
        split_name=annotations.split_name,
        annotations_sha256=annotations.source_sha256,
        tags=list(annotations.tags),
        options=options,
    )


def _run(
    run: Callable[[list[ShardJob]], Iterator[ShardResult]],
    jobs: list[ShardJob],
    num_finished: int,
) -> dict[str, ShardResult]:
    results: dict[str, ShardResult] = {}
    if num_finished:
        logger.info("%d shards are there already, %d to go", num_finished, len(jobs))
    if jobs:
        with Progress(_count_clips(jobs), "clips", "build") as progress:
            for result in run(jobs):
                results[result.file] = result
                progress.advance(len(result.clips) + len(result.skipped))
    return results


def _count_clips(jobs: list[ShardJob]) -> int:
    return sum(len(job.tracks) for job in jobs)


@contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    """Makes the folders and keeps other builds out; yields the state folder."""
    state_folder = folder / _STATE_FOLDER
    try:
        state_folder.mkdir(parents=True, exist_ok=True)
        lock = ExitStack()
        lock.enter_context(locked(state_folder / _LOCK_FILE, wait=False))
    except BlockingIOError:
        raise DatasetError(f"another build is writing into {folder}") from None
    except OSError as error:
        raise DatasetError(f"{folder} cannot be written: {error.strerror}") from error
    with lock:
        yield state_folder


def _delete_left_overs(folder: Path, state_folder: Path) -> None:
    """Deletes what a killed build was writing."""
    for path in [
        *folder.glob(".*.part"),
        *state_folder.glob(".*.part"),
        *state_folder.glob("*.part"),
        # Of builds by earlier versions, which noted clips in files.
        *state_folder.glob("*.clip"),
    ]:
        path.unlink()


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
        earlier = _read_identity(identity_file)
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


def _read_identity(path: Path) -> BuildIdentity:
    try:
        return identity_from_json(read_json(path))
    except (KeyError, ValueError) as error:
        raise DatasetError(
            f"{path} does not say what an earlier build was writing here ({error}); "
            "use --overwrite to delete it"
        ) from error


def _find_finished(
    jobs: list[ShardJob], folder: Path, state_folder: Path
) -> dict[str, ShardResult]:
    """Results of the shards that are complete: there, and what they were.

    Their bytes are compared with their hashes, where an earlier build took them.
    """
    manifest = read_manifest(folder)
    results = {shard.file: shard for shard in manifest.shards} if manifest else {}
    for job in jobs:
        result_file = state_folder / (job.file + RESULT_SUFFIX)
        # One that is broken is not finished.
        with suppress(DatasetError, KeyError, ValueError, TypeError):
            if result_file.exists():
                results[job.file] = shard_result_from_json(read_json(result_file))
    whole = {
        file: result
        for file, result in results.items()
        if (folder / file).is_file()
        and (folder / file).stat().st_size == result.num_bytes
    }
    hashed = [result for result in whole.values() if result.sha256]
    if hashed:
        num_bytes = sum(result.num_bytes for result in hashed)
        with Progress(num_bytes, BYTES, "check shards") as progress:
            for result in hashed:
                if file_sha256(folder / result.file) != result.sha256:
                    logger.warning("%s is damaged, and written again", result.file)
                    del whole[result.file]
                progress.advance(result.num_bytes)
    return whole


def _check_space(jobs: list[ShardJob], folder: Path, config: BuildConfig) -> None:
    if config.clip_seconds is None:
        return  # How long the files are is known when they have been decoded.
    num_clips = _count_clips(jobs)
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
