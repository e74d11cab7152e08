"""One shard, written in one worker process."""

import dataclasses
from pathlib import Path

import numpy as np

from resemul.audio.segments import Clip, load_clip
from resemul.audio.source import source_name
from resemul.datasets import Track
from resemul.errors import AudioError, DatasetError
from resemul.records.manifest import ShardResult, write_json
from resemul.records.plan import RESULT_SUFFIX, ShardJob, skip
from resemul.records.schema import encode_clip, encode_segment
from resemul.records.tfrecord import TFRecordWriter
from resemul.runtime.files import ends_sha256, file_sha256, own_mark, rename_durably
from resemul.runtime.worker_process import begin


def write_shard(job: ShardJob, folder: Path, state_folder: Path) -> ShardResult:
    """Writes one shard and, beside it in `state_folder`, what it holds.

    The shard gets its final name last: where it has that name, it is complete and
    its result is there.

    Raises:
        DatasetError: the shard cannot be written (a full disk, say).
    """
    # Another machine may be at the same shard; the bytes are the same.
    part = state_folder / f"{job.file}.{own_mark()}.part"
    try:
        with part.open("wb") as file:
            contents = _write_clips(job, TFRecordWriter(file))
        begin(None)
        result = dataclasses.replace(
            contents,
            num_bytes=part.stat().st_size,
            sha256=file_sha256(part),
            ends_sha256=ends_sha256(part),
        )
        result_file = state_folder / (job.file + RESULT_SUFFIX)
        write_json(dataclasses.asdict(result), result_file)
        rename_durably(part, folder / job.file)
    except OSError as error:
        raise DatasetError(
            f"{folder / job.file} cannot be written: {error.strerror}; the shards "
            "finished so far are kept, and the same command goes on from there"
        ) from error
    return result


def _write_clips(job: ShardJob, writer: TFRecordWriter) -> ShardResult:
    contents = ShardResult(job.file, job.split, 0, [], [])
    for track in job.tracks:
        begin(track.clip_id)
        try:
            clip = _load(track, job)
        except AudioError as error:
            contents.skipped.append(skip(track, job, str(error)))
            continue
        for record in _encode(clip.segments, track, job):
            writer.write(record)
        contents.clips.append((track.clip_id, len(clip.segments)))
        if clip.padded_from is not None:
            contents.padded.append((track.clip_id, clip.padded_from))
    return contents


def _load(track: Track, job: ShardJob) -> Clip:
    path = job.audio_dir / track.path
    if track.clip_id in job.bad_clips:
        reason = job.bad_clips[track.clip_id]
        raise AudioError(f"{source_name(path)} cannot be decoded: {reason}")
    return load_clip(path, job.config)


def _encode(segments: np.ndarray, track: Track, job: ShardJob) -> list[bytes]:
    encoding = job.config.encoding
    if job.split == "test":
        return [encode_clip(segments, track.labels, encoding)]
    return [encode_segment(segment, track.labels, encoding) for segment in segments]
