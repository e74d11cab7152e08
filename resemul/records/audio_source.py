"""Segments straight from audio files, in the order that shards would give them."""

from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from resemul.audio.segments import load_segments
from resemul.configs import BuildConfig
from resemul.errors import DatasetError, ResemulError
from resemul.runtime.processes import Workers
from resemul.runtime.worker_process import WorkerDied

# Clips that are decoded ahead, per worker process.
_AHEAD = 3
# Ids of segments taken out of tf.data at a time.
_IDS_AT_A_TIME = 65_536


@dataclass(frozen=True)
class AudioClip:
    """A clip of a shard that was never written; labels are uint8 `(tags,)`."""

    path: Path
    labels: np.ndarray
    num_segments: int


class AudioSource:
    """Decodes clips in worker processes, ahead of whoever reads them.

    A clip is held from when it is decoded until its last segment is read, so there
    are never more than `_AHEAD` per process and those that are being read.
    """

    def __init__(
        self,
        shards: dict[str, list[AudioClip]],
        config: BuildConfig,
        num_tags: int,
        num_workers: int,
        timeout_seconds: float | None = None,
    ) -> None:
        self._shards = shards
        self._config = config
        self._num_tags = num_tags
        self._num_workers = num_workers
        self._workers = Workers(num_workers, timeout_seconds)
        # What went wrong in a reader, which TensorFlow would tell in its own words.
        self.error: Exception | None = None

    def close(self) -> None:
        """Ends the worker processes."""
        self._workers.close()

    def segments(
        self, files: list[str], num_files_at_a_time: int, block_length: int
    ) -> tf.data.Dataset:
        """Pairs of waveform `(num_samples,)` and labels, as `interleave` orders them.

        Args:
            files: names of shards.
            num_files_at_a_time: its `cycle_length`.
            block_length: segments from one shard before the next has its turn.
        """
        clips = [clip for file in files for clip in self._shards[file]]
        owners = np.repeat(np.arange(len(clips)), [clip.num_segments for clip in clips])
        places = np.concatenate([np.arange(clip.num_segments) for clip in clips])
        sizes = [sum(clip.num_segments for clip in self._shards[f]) for f in files]
        order = _interleave(sizes, num_files_at_a_time, block_length)
        ids = list(zip(owners[order].tolist(), places[order].tolist(), strict=True))

        def generate() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            ahead = num_files_at_a_time + _AHEAD * self._num_workers
            for clip, place, waveforms in self._decode(clips, ids, ahead):
                yield waveforms[place], clips[clip].labels

        return tf.data.Dataset.from_generator(generate, output_signature=self._specs())

    def clips(self, files: list[str]) -> tf.data.Dataset:
        """Pairs of waveforms `(segments, num_samples)` and labels, clip by clip."""
        clips = [clip for file in files for clip in self._shards[file]]
        ids = [(number, 0) for number in range(len(clips))]

        def generate() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            ahead = _AHEAD * self._num_workers
            for clip, _, waveforms in self._decode(clips, ids, ahead):
                yield waveforms, clips[clip].labels.astype("float32")

        waveform, labels = self._specs()
        return tf.data.Dataset.from_generator(
            generate,
            output_signature=(
                tf.TensorSpec((None, *waveform.shape), tf.float32),
                tf.TensorSpec(labels.shape, tf.float32),
            ),
        )

    def _specs(self) -> tuple[tf.TensorSpec, tf.TensorSpec]:
        return (
            tf.TensorSpec((self._config.num_samples,), tf.float32),
            tf.TensorSpec((self._num_tags,), tf.uint8),
        )

    def _decode(
        self, clips: list[AudioClip], ids: list[tuple[int, int]], max_clips: int
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yields clip, place and the clip's segments for each id, in order."""
        left = Counter(clip for clip, _ in ids)
        jobs: dict[int, Future[np.ndarray]] = {}
        waiting: deque[tuple[int, int]] = deque()
        coming = iter(ids)
        try:
            while True:
                while len(jobs) < max_clips and (pair := next(coming, None)):
                    waiting.append(pair)
                    if pair[0] not in jobs:
                        jobs[pair[0]] = self._submit(clips[pair[0]])
                if not waiting:
                    return
                number, place = waiting.popleft()
                yield number, place, self._result(clips[number], jobs[number])
                left[number] -= 1
                if not left[number]:
                    del jobs[number]
        except ResemulError as error:
            self.error = error
            raise
        finally:
            for job in jobs.values():
                job.cancel()

    def _submit(self, clip: AudioClip) -> "Future[np.ndarray]":
        return self._workers.submit(
            partial(load_segments, config=self._config), clip.path
        )

    def _try_again(self, clip: AudioClip) -> np.ndarray:
        try:
            return self._submit(clip).result()
        except WorkerDied as death:
            raise DatasetError(f"{clip.path} cannot be decoded: {death}") from None

    def _result(self, clip: AudioClip, job: "Future[np.ndarray]") -> np.ndarray:
        try:
            waveforms = job.result()
        except WorkerDied:  # once is no proof: memory was short, say
            waveforms = self._try_again(clip)
        if len(waveforms) != clip.num_segments:
            raise DatasetError(
                f"{clip.path} has {len(waveforms)} segments, {clip.num_segments} when "
                "it was counted; use --overwrite to count again"
            )
        return waveforms


def _interleave(sizes: list[int], cycle_length: int, block_length: int) -> np.ndarray:
    """Numbers of the segments, shard after shard, as `tf.data` interleaves them."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype("int64")
    shards = tf.data.Dataset.from_tensor_slices((starts, starts + np.array(sizes)))
    order = shards.interleave(
        tf.data.Dataset.range,
        cycle_length=cycle_length,
        block_length=block_length,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    batches = order.batch(_IDS_AT_A_TIME).as_numpy_iterator()
    return np.concatenate([np.zeros(0, "int64"), *batches])
