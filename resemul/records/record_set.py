"""What there is to read: the shards of a folder, their sizes, their tags.

`AudioSet` (in `audio_set`) has the same methods, and reads the audio files themselves;
`TrackSet` (in `track_set`) reads records of whole tracks.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import tensorflow as tf

from resemul.configs import BuildConfig
from resemul.constants import SPLITS
from resemul.errors import DatasetError
from resemul.records.decoding import decode_clip, decode_segments
from resemul.records.manifest import Manifest
from resemul.runtime.files import file_sha256

if TYPE_CHECKING:
    import keras

# For functions without branches on tensors: TensorFlow need not rewrite their source
# for that, which takes it half a second.
_as_it_is = tf.autograph.experimental.do_not_convert
# What TensorFlow raises for a damaged record.
_DAMAGE = (tf.errors.DataLossError, tf.errors.InvalidArgumentError)


@dataclass(frozen=True)
class RecordSet:
    """The shards of one build.

    `num_clips` has no entry for a split in which clips cannot be told apart
    (training and validation shards without a manifest). `clip_ids` are those of
    the test clips in the order of the records; empty without a manifest.
    """

    folder: Path
    dataset: str
    split_name: str
    tags: tuple[str, ...]
    sample_rate: int
    num_samples: int
    files: dict[str, list[Path]]
    num_segments: dict[str, int]
    num_clips: dict[str, int]
    clip_ids: tuple[str, ...]
    num_skipped: dict[str, int]
    # How the samples are stored, a key of `configs.ENCODING_BYTES`.
    encoding: str = BuildConfig.encoding
    # Segments of each validation clip in the order of the records; empty without a
    # manifest, as the segments then cannot be told apart.
    val_clip_sizes: tuple[int, ...] = ()
    # How channels became one, and the sample rate what it is; see `AudioConfig`.
    mix: str = BuildConfig.mix
    resampler: str = BuildConfig.resampler
    # Clips that were shorter than a segment, which silence fills, in each split.
    num_padded: dict[str, int] = field(default_factory=dict)
    # By the name of a shard, where the manifest knows it.
    sha256: dict[str, str] = field(default_factory=dict)
    # What was chosen of them when they were opened, for a model's card.
    reading: dict[str, Any] = field(default_factory=dict)

    # With which 'resemul build' makes these again.
    build_options: ClassVar[str] = ""
    # What writes the files, and what to do where a split has none.
    remedy: ClassVar[str] = "'resemul build'"
    split_remedy: ClassVar[str] = "build the records with another --split or --ratio"
    # Whether all have `num_samples`.
    has_one_length: ClassVar[bool] = True

    def part_of(self, model: "keras.Model") -> "keras.Model":
        """The part of a model that takes what the records hold: all of it."""
        return model

    def num_examples(self, num_samples: int | None, crop: str) -> int:
        """Training examples in one pass: a crop per record, or all its segments."""
        per_record = 1
        if num_samples is not None and crop == "segments":
            per_record = self.num_samples // num_samples
        return self.num_segments["train"] * per_record

    def read(
        self, files: list[Path], num_files_at_a_time: int = 1, block_length: int = 1
    ) -> tf.data.Dataset:
        """Training or validation records, encoded, as `interleave` orders them.

        Args:
            files: of `self.files`.
            num_files_at_a_time: its `cycle_length`.
            block_length: records from one shard before the next has its turn.
        """
        return tf.data.Dataset.from_tensor_slices(list(map(str, files))).interleave(
            tf.data.TFRecordDataset,
            cycle_length=num_files_at_a_time,
            block_length=block_length,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )

    def decode(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Of batches of `read`, float32 `(batch, num_samples)` and `(batch, tags)`."""
        return batches.map(
            _as_it_is(
                lambda batch: decode_segments(
                    batch, self.num_samples, len(self.tags), self.encoding
                )
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )

    def decode_each(self, records: tf.data.Dataset) -> tf.data.Dataset:
        """Of single records of `read`, float32 `(num_samples,)` and `(tags,)`."""

        def decode(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            waveforms, labels = decode_segments(
                record[tf.newaxis], self.num_samples, len(self.tags), self.encoding
            )
            return waveforms[0], labels[0]

        return records.map(
            _as_it_is(decode), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )

    def read_clips(self, files: list[Path]) -> tf.data.Dataset:
        """Pairs of float32 waveforms `(segments, num_samples)` and labels `(tags,)`."""
        return tf.data.TFRecordDataset(list(map(str, files))).map(
            _as_it_is(
                lambda record: decode_clip(
                    record, self.num_samples, len(self.tags), self.encoding
                )
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
        )

    def val_clips(self, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Segments `(segments, num_samples)` and labels of each validation clip.

        Args:
            batch_size: segments that are read at a time.

        Raises:
            DatasetError: they are not as many as the manifest lists.
        """
        sizes = self.val_clip_sizes or (1,) * self.num_segments["val"]
        batches = self.decode(self.read(self.files["val"]).batch(batch_size))
        segments = (
            pair
            for batch in batches.prefetch(tf.data.AUTOTUNE).as_numpy_iterator()
            for pair in zip(*batch, strict=True)
        )
        num_read = 0
        for size in sizes:
            pairs = list(itertools.islice(segments, size))
            num_read += len(pairs)
            if len(pairs) < size:
                break
            yield np.stack([waveform for waveform, _ in pairs]), pairs[0][1]
        num_read += sum(1 for _ in segments)
        if num_read != sum(sizes):
            raise DatasetError(
                f"{self.folder} holds {num_read} validation segments, {sum(sizes)} by "
                "its manifest; build the records again"
            )

    def explain(self, error: Exception, split: str) -> DatasetError | None:
        """What an error of TensorFlow means, if it comes from reading these records."""
        if not isinstance(error, _DAMAGE):
            return None
        damaged = [path for path in self.files[split] if self._is_damaged(path, split)]
        if not damaged:
            return None
        names = ", ".join(path.name for path in damaged)
        one = len(damaged) == 1
        return DatasetError(
            f"{self.folder}: {names} {'is' if one else 'are'} damaged; delete "
            f"{'it' if one else 'them'} and run {self.remedy} again, which writes "
            "what is missing"
        )

    def _is_damaged(self, path: Path, split: str) -> bool:
        expected = self.sha256.get(path.name)
        if expected:
            return not path.is_file() or file_sha256(path) != expected
        records = self.read_clips([path])
        if split != "test":
            records = self.decode_each(self.read([path]))
        try:
            for _ in records:
                pass
        except tf.errors.OpError:
            return True
        return False


def describe_manifest(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """The fields of a record set that a manifest tells, without a look at the files."""
    identity, config = manifest.identity, manifest.identity.config
    by_split = {
        split: [s for s in manifest.shards if s.split == split] for split in SPLITS
    }
    return {
        "folder": folder,
        "dataset": identity.dataset,
        "split_name": identity.split_name,
        "tags": tuple(identity.tags),
        "sample_rate": config.sample_rate,
        "num_samples": config.num_samples,
        "encoding": config.encoding,
        "mix": config.mix,
        "resampler": config.resampler,
        "files": {
            split: [folder / shard.file for shard in shards]
            for split, shards in by_split.items()
        },
        "num_segments": {split: manifest.num_segments(split) for split in SPLITS},
        "num_clips": {split: manifest.num_clips(split) for split in SPLITS},
        "clip_ids": tuple(i for s in by_split["test"] for i, _ in s.clips),
        "num_skipped": {
            split: sum(len(shard.skipped) for shard in shards)
            for split, shards in by_split.items()
        },
        "val_clip_sizes": tuple(n for s in by_split["val"] for _, n in s.clips),
        "num_padded": {
            split: sum(len(shard.padded) for shard in shards)
            for split, shards in by_split.items()
        },
        "sha256": {shard.file: shard.sha256 for shard in manifest.shards},
    }
