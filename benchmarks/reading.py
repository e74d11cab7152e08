"""Shards, or audio files, to batches: segments a second, on one core and on more.

What is timed is the middle of an epoch: what comes before fills the buffers, and what
is left over keeps them full.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.harness import Job, Stopwatch, Variant
from benchmarks.material import NUM_SHARDS, SEGMENTS_PER_SHARD, mp3_files, shards

ENCODINGS = ("float32", "int16")
BATCH_SIZE = 25
# Segments that are read before the watch starts, while it runs, and not at all.
NUM_BEFORE, NUM_SEGMENTS, NUM_LEFT = 400, 1600, 400
_SHUFFLE_BUFFER = 200
# Decoding takes its time, so these are fewer.
NUM_SEGMENTS_FROM_AUDIO = 200
_SHUFFLE_BUFFER_FROM_AUDIO = 50
# Of each kind, for a read of all three parts.
_NUM_PASSES = (NUM_BEFORE + NUM_SEGMENTS + NUM_LEFT) // (
    NUM_SHARDS * SEGMENTS_PER_SHARD
)
_NUM_MP3_FILES = 16
_NUM_TAGS = 50


def variants(encoding: str) -> list[Variant]:
    """A read of shards, which the system has in memory by then."""
    name = f"bare TFRecord read, {encoding}"
    bare = Variant(name, setup_bare, (encoding,), is_reference=True)
    ours = [
        Variant(f"resemul, {encoding}, {cores}", setup_shards, (encoding, num_cores))
        for num_cores, cores in _cores()
    ]
    return [bare, *ours]


def audio_variants() -> list[Variant]:
    """As many worker processes as there are cores, beside whoever takes the batches."""
    return [
        Variant(f"resemul, from audio, {cores}", setup_audio, (num_cores,))
        for num_cores, cores in _cores()
    ]


def _cores() -> list[tuple[int, str]]:
    most = os.cpu_count() or 1
    numbers = [n for n in (1, 2, 4, 8, 16) if n < most] + [most]
    return [(n, f"{n} core{'s' * (n > 1)}") for n in numbers]


def setup_bare(encoding: str) -> Job:
    """Reads record after record, and does nothing with them."""
    from resemul.runtime.tensorflow import start_tensorflow

    start_tensorflow()
    import tensorflow as tf

    files = [str(path) for path in shards(encoding)] * _NUM_PASSES
    return lambda: _time(tf.data.TFRecordDataset(files), NUM_BEFORE, NUM_SEGMENTS)


def setup_shards(encoding: str, num_cores: int) -> Job:
    """Reads, shuffles, batches and decodes, as `resemul train` does."""
    _start(num_cores)
    files = shards(encoding) * _NUM_PASSES
    num_segments = len(files) * SEGMENTS_PER_SHARD
    parts = NUM_BEFORE, NUM_SEGMENTS
    return _middle_of_epoch(
        files, num_segments, parts, _SHUFFLE_BUFFER, encoding=encoding
    )


def setup_audio(num_cores: int) -> Job:
    """Decodes mp3s ahead, shuffles and batches: `resemul train --from-audio`."""
    _start(num_cores)
    import numpy as np

    from resemul.audio.segments import count_segments
    from resemul.configs import BuildConfig
    from resemul.records.audio_source import AudioClip, AudioSource

    config = BuildConfig()
    paths = mp3_files(_NUM_MP3_FILES)
    clips = [
        AudioClip(path, np.zeros(_NUM_TAGS, "uint8"), count_segments(path, config)[0])
        for path in paths
    ]
    files = [paths[0].with_name(f"shard-{number}") for number in range(NUM_SHARDS)]
    names = [file.name for file in files]
    return _middle_of_epoch(
        files,
        len(files) * sum(clip.num_segments for clip in clips),
        (BATCH_SIZE, NUM_SEGMENTS_FROM_AUDIO),
        _SHUFFLE_BUFFER_FROM_AUDIO,
        source=AudioSource(dict.fromkeys(names, clips), config, _NUM_TAGS, num_cores),
    )


def _start(num_cores: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:num_cores])
    from resemul.runtime.memory import keep_freed_memory
    from resemul.runtime.tensorflow import start_tensorflow

    keep_freed_memory()
    start_tensorflow()


def _middle_of_epoch(
    files: list[Path],
    num_segments: int,
    parts: tuple[int, int],
    shuffle_buffer: int,
    **source: Any,
) -> Job:
    """Times the second of the two parts, which are segments of an epoch."""
    from resemul.records import AudioSet, RecordSet, load_training_segments

    records = (AudioSet if "source" in source else RecordSet)(
        folder=files[0].parent,
        dataset="benchmark",
        split_name="benchmark",
        tags=tuple(map(str, range(_NUM_TAGS))),
        sample_rate=22_050,
        num_samples=59_049,
        files={"train": files},
        num_segments={"train": num_segments},
        num_clips={},
        clip_ids=(),
        num_skipped={},
        **source,
    )

    def job() -> tuple[float, float]:
        steps = num_segments // BATCH_SIZE
        batches = load_training_segments(
            records, BATCH_SIZE, steps, shuffle_buffer=shuffle_buffer
        )
        try:
            num_before, num_timed = (part // BATCH_SIZE for part in parts)
            return _time(batches, num_before, num_timed)
        finally:
            if isinstance(records, AudioSet):
                records.source.close()

    return job


def _time(
    dataset: Iterable[object], num_before: int, num_timed: int
) -> tuple[float, float]:
    """Seconds and processor seconds for elements in the middle of a dataset."""
    elements = iter(dataset)
    for _ in range(num_before):
        next(elements)
    watch = Stopwatch()
    for _ in range(num_timed):
        next(elements)
    return watch.read()
