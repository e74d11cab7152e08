"""One shard, written in one worker process."""

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf

from resemul.audio.segments import load_clip
from resemul.datasets import Track
from resemul.errors import AudioError, DatasetError
from resemul.records.manifest import ShardResult, SkippedClip, write_json
from resemul.records.plan import ShardJob
from resemul.records.schema import encode_clip, encode_segment
from resemul.runtime.workers import begin

# Appended to a shard's name: its result.
RESULT_SUFFIX = ".json"


def write_shard(job: ShardJob, folder: Path, state_folder: Path) -> ShardResult:
    """Writes one shard and, beside it in `state_folder`, what it holds.

    The shard gets its final name last: where it has that name, it is complete and
    its result is there.

    Raises:
        DatasetError: the shard cannot be written (a full disk, say).
    """
    clips: list[tuple[str, int]] = []
    skipped: list[SkippedClip] = []
    part = state_folder / f"{job.file}.part"
    try:
        with tf.io.TFRecordWriter(str(part)) as writer:
            for track in job.tracks:
                begin(track.clip_id)
                try:
                    segments = _load_segments(track, job)
                except AudioError as error:
                    skipped.append(skip(track, job, str(error)))
                    continue
                for record in _encode(segments, track, job):
                    writer.write(record)
                clips.append((track.clip_id, len(segments)))
        begin(None)
        result = ShardResult(job.file, job.split, part.stat().st_size, clips, skipped)
        result_file = state_folder / (job.file + RESULT_SUFFIX)
        write_json(dataclasses.asdict(result), result_file)
        part.replace(folder / job.file)
    except (OSError, tf.errors.OpError) as error:
        raise DatasetError(
            f"{folder / job.file} cannot be written: {_first_line(error)}; the shards "
            "finished so far are kept, and the same command goes on from there"
        ) from error
    return result


def _load_segments(track: Track, job: ShardJob) -> np.ndarray:
    config = job.config
    path = job.audio_dir / track.path
    if track.clip_id in job.bad_clips:
        raise AudioError(f"{path} cannot be decoded: {job.bad_clips[track.clip_id]}")
    return load_clip(path, config)


def _encode(segments: np.ndarray, track: Track, job: ShardJob) -> list[bytes]:
    encoding = job.config.encoding
    if job.split == "test":
        return [encode_clip(segments, track.labels, encoding)]
    return [encode_segment(segment, track.labels, encoding) for segment in segments]


def skip(track: Track, job: ShardJob, message: str) -> SkippedClip:
    """What a manifest says of a clip that cannot be used."""
    # The manifest must not depend on where the data set lies.
    reason = message.replace(str(job.audio_dir / track.path), track.path.as_posix())
    return SkippedClip(track.clip_id, track.path.as_posix(), job.split, reason)


def _first_line(error: Exception) -> str:
    message = str(getattr(error, "message", error) or error)
    return message.splitlines()[0] if message else type(error).__name__
