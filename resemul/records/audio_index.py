"""`audio_index.json`: what a build would hold, for training without one.

Which clips can be used and how many segments each has is known only when they have
been decoded. That is done once; what is kept is the counts, not the samples.
"""

import dataclasses
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from resemul.audio.segments import count_segments
from resemul.audio.source import source_name
from resemul.configs import BuildConfig, DatasetConfig, TagsConfig
from resemul.datasets import Annotations
from resemul.errors import DatasetError
from resemul.records.dataset_json import dataset_from_json, dataset_to_json
from resemul.records.journal import Journal, open_journal
from resemul.records.manifest import (
    Manifest,
    ShardResult,
    manifest_to_json,
    read_json,
    write_json,
)
from resemul.records.manifest_checks import manifest_from_json
from resemul.records.plan import ShardJob, plan_shards, skip
from resemul.records.shards import build_identity, versions
from resemul.runtime.progress import Progress
from resemul.runtime.tasks import WHOLE, Share, describe_missing
from resemul.runtime.workers import Done, Executor, run_jobs

logger = logging.getLogger(__name__)

AUDIO_INDEX_FILE = "audio_index.json"
FORMAT = 1
# Beside the index, while clips are counted.
_JOURNAL_FILE = ".audio_index.journal"

_Count = tuple[int, float | None] | str


@dataclass(frozen=True)
class AudioIndex:
    """What the file holds: `tracks` are path and numbers of the tags, by clip."""

    manifest: Manifest
    audio_dir: Path
    tracks: dict[str, tuple[str, list[int]]]
    # Options of `load_annotations`, as JSON; older files do not have them.
    dataset: dict[str, Any] | None

    def dataset_config(self, data_dir: Path) -> DatasetConfig | None:
        """The annotations that were counted, in `data_dir`; None if that is unknown."""
        if self.dataset is not None:
            return dataset_from_json(self.dataset, data_dir)
        identity = self.manifest.identity
        if identity.split_name not in ("mtt-tagged", "mtt-all"):
            return None
        tags = TagsConfig(keep_untagged=identity.split_name == "mtt-all")
        return DatasetConfig(data_dir=data_dir, tags=tags)


def write_audio_index(
    annotations: Annotations,
    path: Path,
    config: BuildConfig,
    num_workers: int = 1,
    overwrite: bool = False,
    timeout_seconds: float | None = None,
    dataset: DatasetConfig | None = None,
    executor: Executor | None = None,
    share: Share = WHOLE,
) -> Manifest | None:
    """Decodes and counts all clips, unless that was done; writes the index.

    It goes on after a stop; files that have changed since are counted again.

    Args:
        annotations: tracks, tags, split.
        path: the file; usually `<data-dir>/audio_index.json`.
        config: what shapes the segments, and their order.
        num_workers: processes.
        overwrite: count again, whatever is there.
        timeout_seconds: of a file whose decoding does not end; it is left out.
        dataset: what the annotations were loaded with, so that changes can be noticed.
        executor: what decodes instead of processes of this machine.
        share: which of the clips this run counts.

    Returns:
        What the index holds; None if other tasks have not counted theirs yet.

    Raises:
        DatasetError: there is an index of another build, no clip can be used, the
            file cannot be written, or the counts of a task are missing.
    """
    identity = build_identity(annotations, config)
    if path.exists() and not overwrite:
        earlier = read_audio_index(path).manifest
        if difference := identity.difference(earlier.identity):
            raise DatasetError(
                f"{path} is of other options ({difference}); use --overwrite"
            )
        return earlier
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        jobs = plan_shards(annotations, config)
        run = partial(
            run_jobs,
            function=partial(count_segments, config=config),
            num_workers=num_workers,
            timeout_seconds=timeout_seconds,
            executor=executor,
        )
        counts = _count(jobs, path, config, run, share)
        if counts is None:
            return None
        shards = [_result(job, counts) for job in jobs]
        if not any(shard.clips for shard in shards):
            raise DatasetError(
                f"no clip under {annotations.audio_dir} could be used; the first: "
                f"{shards[0].skipped[0].reason}"
            )
        manifest = Manifest(identity, shards, versions())
        write_json(_content(annotations, manifest, dataset), path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be written: {error.strerror}") from error
    return manifest


def read_audio_index(path: Path) -> AudioIndex:
    """Reads an index.

    Raises:
        DatasetError: it is broken, or is none.
    """
    content = read_json(path)
    remedy = "delete it and count again"
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DatasetError(f"{path} is not an index of this version; {remedy}")
    try:
        manifest = manifest_from_json(content["manifest"], path)
        tracks, dataset = content["tracks"], content.get("dataset")
        clips = [clip_id for shard in manifest.shards for clip_id, _ in shard.clips]
        num_tags = len(manifest.identity.tags)
        for clip_id in clips:
            track, positive = tracks[clip_id]
            is_track = isinstance(track, str) and all(
                type(number) is int and 0 <= number < num_tags for number in positive
            )
            if not is_track:
                raise ValueError(f"clip {clip_id} has no path and tags")
        audio_dir = Path(content["audio_dir"])
        if dataset is not None:
            dataset_from_json(dataset, path.parent)
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path} is broken ({error!r}); {remedy}") from error
    return AudioIndex(manifest, audio_dir, tracks, dataset)


def _content(
    annotations: Annotations, manifest: Manifest, dataset: DatasetConfig | None
) -> dict[str, Any]:
    content = {
        "format": FORMAT,
        "audio_dir": str(annotations.audio_dir.resolve()),
        "manifest": manifest_to_json(manifest),
        "tracks": {
            track.clip_id: [
                track.path.as_posix(),
                np.flatnonzero(track.labels).tolist(),
            ]
            for track in annotations.tracks
        },
    }
    if dataset is not None:
        content["dataset"] = dataset_to_json(dataset)
    return content


def _count(
    jobs: list[ShardJob],
    path: Path,
    config: BuildConfig,
    run: Callable[[list[Path]], Iterator[Done[Path, Any]]],
    share: Share,
) -> dict[Path, _Count] | None:
    paths = [file for job in jobs for file in _paths(job)]
    mine = list(share.pick(paths))
    journal_path = path.with_name(_JOURNAL_FILE)
    with open_journal(journal_path, dataclasses.asdict(config), share) as journal:
        counts = _find(paths, journal)
        left = [file for file in mine if file not in counts]
        num_done = len(mine) - len(left)
        with Progress(len(mine), "clips", "index", done=num_done) as progress:
            for done in run(left):
                count = done.result
                if count is None:
                    count = f"{source_name(done.job)} cannot be decoded: {done.error}"
                counts[done.job] = count
                journal.note(done.job, count)
                progress.advance()
        if not share.is_whole:
            journal.read()
            counts |= _find(paths, journal)
        missing = [i for i, file in enumerate(paths) if file not in counts]
        if missing and share.is_finish:
            raise DatasetError(
                f"{len(missing)} of {len(paths)} clips are not counted; "
                f"{describe_missing(missing, journal.num_tasks())}"
            )
        journal.is_over = not missing
    return None if missing else counts


def _find(paths: list[Path], journal: Journal) -> dict[Path, _Count]:
    counts: dict[Path, _Count] = {}
    for file in paths:
        is_known, finding = journal.find(file)
        if is_known:
            counts[file] = finding if isinstance(finding, str) else tuple(finding)
    return counts


def _paths(job: ShardJob) -> list[Path]:
    return [job.audio_dir / track.path for track in job.tracks]


def _result(job: ShardJob, counts: dict[Path, _Count]) -> ShardResult:
    result = ShardResult(job.file, job.split, 0, [], [])
    for track, path in zip(job.tracks, _paths(job), strict=True):
        count = counts[path]
        if isinstance(count, str):
            result.skipped.append(skip(track, job, count))
            continue
        num_segments, padded_from = count
        result.clips.append((track.clip_id, num_segments))
        if padded_from is not None:
            result.padded.append((track.clip_id, padded_from))
    return result
