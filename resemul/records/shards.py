"""A whole build: shards over a process pool, resumable, one manifest at the end."""

import dataclasses
import logging
import platform
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

import resemul
from resemul.configs import BuildConfig
from resemul.datasets import Annotations
from resemul.errors import DatasetError
from resemul.records.build_state import (
    IDENTITY_FILE,
    STATE_FOLDER,
    check_same_build,
    check_space,
    count_clips,
    delete_build,
    delete_left_overs,
    find_finished,
    find_written,
    lock_build,
)
from resemul.records.manifest import (
    UNWRITTEN,
    BuildIdentity,
    Manifest,
    ShardResult,
    write_json,
    write_manifest,
)
from resemul.records.manifest_checks import (
    read_manifest,
)
from resemul.records.plan import ShardJob, plan_shards
from resemul.records.pool import run_shard_jobs
from resemul.runtime.progress import Progress
from resemul.runtime.tasks import Task, describe_missing
from resemul.runtime.workers import Executor

logger = logging.getLogger(__name__)


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
    identity, jobs = _plan(annotations, config)
    with lock_build(folder) as state_folder:
        if overwrite:
            delete_build(folder, state_folder)
        check_same_build(identity, folder, state_folder)
        write_json(dataclasses.asdict(identity), state_folder / IDENTITY_FILE)
        delete_left_overs(folder, state_folder)
        finished = find_finished(jobs, folder, state_folder)
        run = partial(
            run_shard_jobs,
            folder=folder,
            state_folder=state_folder,
            num_workers=num_workers,
            timeout_seconds=timeout_seconds,
            executor=executor,
        )
        finished |= _write_missing(jobs, finished, folder, config, run)
        return _finish(identity, jobs, finished, folder)


def write_share(
    annotations: Annotations,
    folder: Path,
    config: BuildConfig,
    task: Task,
    num_workers: int = 1,
    timeout_seconds: float | None = None,
) -> Manifest | None:
    """Writes the shards of one task; several may be at it, on any machines.

    They need no lock: each writes under a name of its own first, and whoever writes a
    shard writes the same bytes.

    Returns:
        The manifest, which the task that ends last has written; None before.

    Raises:
        DatasetError: see `write_shards`.
    """
    identity, jobs = _plan(annotations, config)
    if (manifest := _finished_build(identity, jobs, folder)) is not None:
        return manifest
    state_folder = folder / STATE_FOLDER
    try:
        state_folder.mkdir(parents=True, exist_ok=True)
        check_same_build(identity, folder, state_folder)
        write_json(dataclasses.asdict(identity), state_folder / IDENTITY_FILE)
        (state_folder / f"{task.number}-of-{task.count}.task").touch()
    except OSError as error:
        raise DatasetError(f"{folder} cannot be written: {error.strerror}") from error
    mine = list(task.pick(jobs))
    run = partial(
        run_shard_jobs,
        folder=folder,
        state_folder=state_folder,
        num_workers=num_workers,
        timeout_seconds=timeout_seconds,
    )
    try:
        finished = find_finished(mine, folder, state_folder)
        _write_missing(mine, finished, folder, config, run)
    except DatasetError:
        # A task that was at the same shards may have finished it all by now.
        if (manifest := _finished_build(identity, jobs, folder)) is not None:
            return manifest
        raise
    written = find_written(jobs, folder, state_folder)
    logger.info("task %s: %d of %d shards are there", task, len(written), len(jobs))
    if len(written) < len(jobs):
        return None
    return _finish(identity, jobs, written, folder)


def finish_shards(
    annotations: Annotations, folder: Path, config: BuildConfig
) -> Manifest:
    """Writes the manifest of shards that tasks have written.

    Raises:
        DatasetError: shards are missing; names the tasks that would write them.
    """
    identity, jobs = _plan(annotations, config)
    if (manifest := _finished_build(identity, jobs, folder)) is not None:
        return manifest
    state_folder = folder / STATE_FOLDER
    check_same_build(identity, folder, state_folder)
    written = find_written(jobs, folder, state_folder)
    places = [i for i, job in enumerate(jobs) if job.file not in written]
    if places:
        counts = [int(path.stem.split("-")[2]) for path in state_folder.glob("*.task")]
        raise DatasetError(
            f"{len(places)} of {len(jobs)} shards are missing in {folder}; "
            f"{describe_missing(places, counts)}"
        )
    return _finish(identity, jobs, written, folder)


def _plan(
    annotations: Annotations, config: BuildConfig
) -> tuple[BuildIdentity, list[ShardJob]]:
    identity = build_identity(annotations, config)
    jobs = plan_shards(annotations, config)
    if not annotations.audio_dir.is_dir():
        raise DatasetError(f"{annotations.audio_dir} does not exist: no audio to read")
    return identity, jobs


def _finished_build(
    identity: BuildIdentity, jobs: list[ShardJob], folder: Path
) -> Manifest | None:
    """The manifest, if this build has ended and nothing is missing of it."""
    manifest = read_manifest(folder)
    if manifest is None or identity.difference(manifest.identity):
        return None
    is_whole = len(find_written(jobs, folder, folder / STATE_FOLDER)) == len(jobs)
    return manifest if is_whole else None


def _finish(
    identity: BuildIdentity,
    jobs: list[ShardJob],
    results: dict[str, ShardResult],
    folder: Path,
) -> Manifest:
    shards = [results[job.file] for job in jobs]
    state_folder = folder / STATE_FOLDER
    if not any(shard.clips for shard in shards):
        # Else the next build would take the empty shards for finished ones.
        delete_build(folder, state_folder)
        raise DatasetError(
            f"no clip under {jobs[0].audio_dir} could be used; the first: "
            f"{shards[0].skipped[0].reason}"
        )
    manifest = Manifest(identity, shards, versions())
    write_manifest(manifest, folder)
    # What another machine may still be writing there is not needed.
    shutil.rmtree(state_folder, ignore_errors=True)
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


def _write_missing(
    jobs: list[ShardJob],
    finished: dict[str, ShardResult],
    folder: Path,
    config: BuildConfig,
    run: Callable[[list[ShardJob]], Iterator[ShardResult]],
) -> dict[str, ShardResult]:
    missing = [job for job in jobs if job.file not in finished]
    check_space(missing, folder, config)
    results: dict[str, ShardResult] = {}
    if finished:
        logger.info(
            "%d shards are there already, %d to go", len(finished), len(missing)
        )
    if missing:
        with Progress(count_clips(missing), "clips", "build") as progress:
            for result in run(missing):
                results[result.file] = result
                progress.advance(len(result.clips) + len(result.skipped))
    return results


def versions() -> dict[str, str]:
    """Of what shapes the samples and the records."""
    packages = ("numpy", "av", "tensorflow")
    return {
        "resemul": resemul.__version__,
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }
