"""Shards to batches: segments a second, on one core and on more."""

import os

from benchmarks.harness import Job, Variant
from benchmarks.material import NUM_SHARDS, SEGMENTS_PER_SHARD, shards

BATCH_SIZE = 25
NUM_SEGMENTS = NUM_SHARDS * SEGMENTS_PER_SHARD


def variants() -> list[Variant]:
    """One pass over the shards, which the system has in memory by then."""
    bare = [
        Variant(
            f"bare TFRecord read, {encoding}",
            setup_bare,
            (encoding,),
            is_reference=encoding == "float32",
        )
        for encoding in ("float32", "int16")
    ]
    num_cores = os.cpu_count() or 1
    cores = [n for n in (1, 2, 4, 8, 16) if n < num_cores] + [num_cores]
    ours = [
        Variant(
            f"resemul, {encoding}, {num_cores} core{'s' * (num_cores > 1)}",
            setup_training_batches,
            (encoding, num_cores),
        )
        for encoding in ("float32", "int16")
        for num_cores in cores
    ]
    return [*bare, *ours]


def setup_bare(encoding: str) -> Job:
    """Reads record after record, and does nothing with them."""
    from resemul.quiet import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    files = [str(path) for path in shards(encoding)]

    def job() -> None:
        count = sum(1 for _ in tf.data.TFRecordDataset(files))
        assert count == NUM_SEGMENTS

    return job


def setup_training_batches(encoding: str, num_cores: int) -> Job:
    """Reads, shuffles, batches and decodes, as `resemul train` does."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:num_cores])
    from resemul.quiet import import_tensorflow

    import_tensorflow()
    from resemul.records import RecordSet, load_training_segments

    files = shards(encoding)
    records = RecordSet(
        folder=files[0].parent,
        dataset="benchmark",
        split_name="benchmark",
        tags=tuple(map(str, range(50))),
        sample_rate=22_050,
        num_samples=59_049,
        files={"train": files},
        num_segments={"train": NUM_SEGMENTS},
        num_clips={},
        clip_ids=(),
        num_skipped={},
        encoding=encoding,
    )

    def job() -> None:
        batches = load_training_segments(
            records, BATCH_SIZE, NUM_SEGMENTS // BATCH_SIZE, shuffle_buffer=200
        )
        assert sum(1 for _ in batches) == NUM_SEGMENTS // BATCH_SIZE

    return job
