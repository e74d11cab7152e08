"""`audio_index.json`: what a build would hold, for training without one.

Which clips can be used and how many segments each has is known only when they have
been decoded. That is done once; what is kept is the counts, not the samples.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from resemul.audio.segments import count_segments
from resemul.configs import BuildConfig
from resemul.datasets import Annotations, Track
from resemul.errors import DatasetError
from resemul.records.audio_source import AudioClip, AudioSource
from resemul.records.manifest import (
    Manifest,
    ShardResult,
    manifest_from_json,
    read_json,
    write_json,
)
from resemul.records.plan import ShardJob, plan_shards
from resemul.records.record_set import RecordSet, describe_manifest
from resemul.records.shards import build_identity, versions
from resemul.records.write import skip
from resemul.runtime.progress import Progress
from resemul.runtime.workers import run_jobs

AUDIO_INDEX_FILE = "audio_index.json"
FORMAT = 1


def write_audio_index(
    annotations: Annotations,
    path: Path,
    config: BuildConfig,
    num_workers: int = 1,
    overwrite: bool = False,
    timeout_seconds: float | None = None,
) -> Manifest:
    """Decodes and counts all clips, unless that was done; writes the index.

    Args:
        annotations: tracks, tags, split.
        path: the file; usually `<data-dir>/audio_index.json`.
        config: what shapes the segments, and their order.
        num_workers: processes.
        overwrite: count again, whatever is there.
        timeout_seconds: of a file whose decoding does not end; it is left out.

    Raises:
        DatasetError: there is an index of another build, no clip can be used, or the
            file cannot be written.
    """
    identity = build_identity(annotations, config)
    if path.exists() and not overwrite:
        earlier = manifest_from_json(_read(path)["manifest"], path)
        if difference := identity.difference(earlier.identity):
            raise DatasetError(
                f"{path} is of other options ({difference}); use --overwrite"
            )
        return earlier
    jobs = plan_shards(annotations, config)
    shards = _count(jobs, config, num_workers, timeout_seconds)
    if not any(shard.clips for shard in shards):
        raise DatasetError(
            f"no clip under {annotations.audio_dir} could be used; the first: "
            f"{shards[0].skipped[0].reason}"
        )
    manifest = Manifest(identity, shards, versions())
    content = {
        "format": FORMAT,
        "audio_dir": str(annotations.audio_dir.resolve()),
        "manifest": dataclasses.asdict(manifest),
        "tracks": {
            track.clip_id: [
                track.path.as_posix(),
                np.flatnonzero(track.labels).tolist(),
            ]
            for track in annotations.tracks
        },
    }
    try:
        write_json(content, path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be written: {error.strerror}") from error
    return manifest


@contextmanager
def open_audio_set(data_dir: Path, num_workers: int = 1) -> Iterator[RecordSet]:
    """A record set without records: its clips are decoded when they are needed.

    It gives the batches that the records of the same build give, bit for bit. The
    worker processes end with the block.

    Raises:
        DatasetError: there is no index.
    """
    path = Path(data_dir) / AUDIO_INDEX_FILE
    if not path.exists():
        raise DatasetError(f"{path} does not exist; 'resemul build --index-only' does")
    content = _read(path)
    manifest = manifest_from_json(content["manifest"], path)
    options = {k: v for k, v in manifest.identity.options.items() if k != "encoding"}
    source = AudioSource(
        {shard.file: _clips(shard, manifest, content) for shard in manifest.shards},
        BuildConfig(**options),
        len(manifest.identity.tags),
        num_workers,
    )
    with closing(source):
        records = describe_manifest(Path(data_dir), manifest)
        yield dataclasses.replace(records, encoding="float32", audio=source)


def _clips(
    shard: ShardResult, manifest: Manifest, content: dict[str, Any]
) -> list[AudioClip]:
    clips = []
    for clip_id, num_segments in shard.clips:
        path, positive = content["tracks"][clip_id]
        labels = np.zeros(len(manifest.identity.tags), "uint8")
        labels[positive] = 1
        clips.append(AudioClip(Path(content["audio_dir"]) / path, labels, num_segments))
    return clips


def _count(
    jobs: list[ShardJob],
    config: BuildConfig,
    num_workers: int,
    timeout_seconds: float | None,
) -> list[ShardResult]:
    paths = [path for job in jobs for path in _paths(job)]
    counts: dict[Path, int | str] = {}
    count = partial(count_segments, config=config)
    with Progress(len(paths), "clips", "index") as progress:
        for done in run_jobs(
            paths, count, num_workers=num_workers, timeout_seconds=timeout_seconds
        ):
            if done.result is None:
                counts[done.job] = f"{done.job} cannot be decoded: {done.error}"
            else:
                counts[done.job] = done.result
            progress.advance()
    return [_result(job, [counts[path] for path in _paths(job)]) for job in jobs]


def _paths(job: ShardJob) -> list[Path]:
    return [job.audio_dir / track.path for track in job.tracks]


def _result(job: ShardJob, counts: list[int | str]) -> ShardResult:
    pairs: list[tuple[Track, int | str]] = list(zip(job.tracks, counts, strict=True))
    return ShardResult(
        file=job.file,
        split=job.split,
        num_bytes=0,
        clips=[(track.clip_id, n) for track, n in pairs if isinstance(n, int)],
        skipped=[skip(track, job, n) for track, n in pairs if isinstance(n, str)],
    )


def _read(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DatasetError(f"{path} is not an index of this version; delete it")
    return content
