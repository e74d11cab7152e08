"""What is known of a build that is not finished, and of one before it."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from resemul.configs import ENCODING_BYTES, BuildConfig
from resemul.errors import DatasetError
from resemul.records.manifest import (
    MANIFEST_FILE,
    BuildIdentity,
    ShardResult,
    read_json,
)
from resemul.records.manifest_checks import (
    identity_from_json,
    read_manifest,
    shard_result_from_json,
)
from resemul.records.plan import RESULT_SUFFIX, ShardJob
from resemul.runtime.files import file_sha256, is_left_over, locked
from resemul.runtime.progress import BYTES, Progress

logger = logging.getLogger(__name__)

# Inside the folder of the shards, while a build is not finished.
STATE_FOLDER = ".build"
IDENTITY_FILE = "identity.json"
_LOCK_FILE = "lock"


@contextmanager
def lock_build(folder: Path) -> Iterator[Path]:
    """Makes the folders and keeps other builds out; yields the state folder."""
    state_folder = folder / STATE_FOLDER
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


def delete_left_overs(folder: Path, state_folder: Path) -> None:
    """Deletes what a killed build was writing."""
    parts = {*folder.glob(".*.part"), *state_folder.glob("*.part")}
    for path in [
        *(part for part in parts if is_left_over(part)),
        # Of builds by earlier versions, which noted clips in files.
        *state_folder.glob("*.clip"),
    ]:
        path.unlink(missing_ok=True)


def delete_build(folder: Path, state_folder: Path) -> None:
    """Deletes shards, manifest and state, but for the lock."""
    for path in [*folder.glob("*-of-*.tfrecord"), folder / MANIFEST_FILE]:
        path.unlink(missing_ok=True)
    for path in state_folder.iterdir():
        if path.name != _LOCK_FILE:
            path.unlink()


def check_same_build(identity: BuildIdentity, folder: Path, state_folder: Path) -> None:
    """Checks that nothing is in a folder but what this build would write.

    Raises:
        DatasetError: there is something else.
    """
    manifest = read_manifest(folder)
    identity_file = state_folder / IDENTITY_FILE
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


def find_finished(
    jobs: list[ShardJob], folder: Path, state_folder: Path
) -> dict[str, ShardResult]:
    """Results of the shards that are complete: there, and what they were.

    Their bytes are compared with their hashes, where an earlier build took them.
    """
    whole = find_written(jobs, folder, state_folder)
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


def find_written(
    jobs: list[ShardJob], folder: Path, state_folder: Path
) -> dict[str, ShardResult]:
    """Results of the shards that are there, and have the size that they had."""
    manifest = read_manifest(folder)
    results = {shard.file: shard for shard in manifest.shards} if manifest else {}
    for job in jobs:
        result_file = state_folder / (job.file + RESULT_SUFFIX)
        # One that is broken is not finished.
        with suppress(DatasetError, KeyError, ValueError, TypeError):
            if result_file.exists():
                results[job.file] = shard_result_from_json(read_json(result_file))
    return {
        job.file: results[job.file]
        for job in jobs
        if job.file in results
        and (folder / job.file).is_file()
        and (folder / job.file).stat().st_size == results[job.file].num_bytes
    }


def check_space(jobs: list[ShardJob], folder: Path, config: BuildConfig) -> None:
    """Checks that the disk has room for the shards.

    Raises:
        DatasetError: it has not.
    """
    if config.clip_seconds is None:
        return  # How long the files are is known when they have been decoded.
    num_clips = count_clips(jobs)
    num_bytes = config.num_samples * ENCODING_BYTES[config.encoding]
    needed = num_clips * config.segments_per_clip * num_bytes
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DatasetError(
            f"{folder}: the records need up to {needed / 1e9:.1f} GB, "
            f"{free / 1e9:.1f} GB are free"
        )


def count_clips(jobs: list[ShardJob]) -> int:
    """How many clips go into these shards."""
    return sum(len(job.tracks) for job in jobs)
