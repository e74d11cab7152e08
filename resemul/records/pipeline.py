"""Shards in, batches out, as `tf.data`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from resemul.errors import DatasetError
from resemul.records.crops import crop_records
from resemul.records.record_set import RecordSet

# Of the buffer that the last batch of an epoch is filled up from, in segments.
_TAIL_BUFFER = 500
# Read at a time from one shard before the next has its turn.
_RECORDS_AT_A_TIME = 4


def load_training_segments(
    records: RecordSet,
    batch_size: int,
    steps: int,
    seed: Sequence[int] = (0,),
    num_read_threads: int = 8,
    shuffle_buffer: int = 16_000,
    num_samples: int | None = None,
    crop: str = "segments",
    part: tuple[int, int] | None = None,
) -> tf.data.Dataset:
    """One epoch of shuffled training batches, each of exactly `batch_size`.

    The order is a function of `seed` alone (and of TensorFlow's global seed, if one
    is set); with the epoch's number in it, a run stopped between two epochs goes on
    as if it had not been. Every segment comes once before any comes twice; the last
    batch is filled up from a second pass.

    Args:
        records: what to read.
        batch_size: segments in a batch.
        steps: batches in the epoch.
        seed: numbers that the order is drawn from.
        num_read_threads: shards that are read at a time.
        shuffle_buffer: segments to draw from, num_samples values each.
        num_samples: length of a training example; None for that of the records.
        crop: how examples are taken from records that are longer, see `crop_records`.
        part: of each batch, the first segment to give and the one after the last; None
            for all. The order is the same whatever the part.

    Returns:
        `steps` pairs of float32 waveforms `(batch_size, num_samples)` and labels
        `(batch_size, tags)`.
    """
    require_segments(records, "train")
    random = np.random.default_rng(seed)
    num_segments = records.num_examples(num_samples, crop)
    num_passes, num_left = divmod(steps * batch_size, num_segments)
    num_samples = num_samples or records.num_samples
    is_cropped = num_samples != records.num_samples or not records.has_one_length

    def one_pass(buffer_size: int) -> tf.data.Dataset:
        dataset = _read_shuffled_shards(records, random, num_read_threads)
        if is_cropped:
            # Before the shuffling, so that its buffer holds no whole clips.
            places = [int(number) for number in random.integers(2**31, size=2)]
            waveforms = records.decode_each(dataset)
            dataset = crop_records(waveforms, num_samples, crop, places)
        buffer_size = min(buffer_size, num_segments)
        return dataset.shuffle(buffer_size, seed=int(random.integers(2**31)))

    passes = [one_pass(shuffle_buffer) for _ in range(num_passes)]
    if num_left:
        # To fill up a batch is not worth filling the whole buffer once more.
        few = num_passes > 0 and num_left < batch_size
        buffer_size = min(shuffle_buffer, _TAIL_BUFFER) if few else shuffle_buffer
        passes.append(one_pass(buffer_size).take(num_left))
    dataset = passes[0]
    for another in passes[1:]:
        dataset = dataset.concatenate(another)
    # Else Keras finds the end by an error, after it has counted one step too many.
    counted = tf.data.experimental.assert_cardinality(steps)
    batches = dataset.batch(batch_size, drop_remainder=True).apply(counted)
    if part is not None:  # before the decoding
        batches = take_part(batches, *part)
    if not is_cropped:
        batches = records.decode(batches)
    return batches.prefetch(tf.data.AUTOTUNE)


def take_part(batches: tf.data.Dataset, first: int, stop: int) -> tf.data.Dataset:
    """Of each batch, encoded records or pairs, the segments from `first` to `stop`."""

    def take(*batch: tf.Tensor) -> tf.Tensor | tuple[tf.Tensor, ...]:
        parts = tf.nest.map_structure(lambda values: values[first:stop], batch)
        return parts[0] if len(parts) == 1 else parts

    return batches.map(take)


def _read_shuffled_shards(
    records: RecordSet, random: np.random.Generator, num_read_threads: int
) -> tf.data.Dataset:
    """The training records, shard by shard in a random order, several at a time."""
    files = list(records.files["train"])
    random.shuffle(files)  # type: ignore[arg-type]
    return records.read(files, num_read_threads, _RECORDS_AT_A_TIME)


def load_segments(records: RecordSet, split: str, batch_size: int) -> tf.data.Dataset:
    """All segments of `train` or `val`, once, in the order of the shards.

    Yields what `load_training_segments` yields; the last batch may be smaller.
    """
    require_segments(records, split)
    batches = records.read(records.files[split]).batch(batch_size)
    return records.decode(batches).prefetch(tf.data.AUTOTUNE)


def load_clips(records: RecordSet) -> tf.data.Dataset:
    """All test clips, once, in the order of the shards.

    Yields pairs of float32 waveforms `(segments, num_samples)` and labels
    `(tags,)`; clips may have any number of segments.
    """
    require_segments(records, "test")
    return records.read_clips(records.files["test"]).prefetch(tf.data.AUTOTUNE)


def iterate_clips(records: RecordSet) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The pairs of `load_clips` as arrays.

    Raises:
        DatasetError: a record is damaged.
    """
    with damage_named(records, "test"):
        yield from load_clips(records).as_numpy_iterator()


@contextmanager
def damage_named(records: RecordSet, split: str) -> Iterator[None]:
    """Turns TensorFlow's error about a damaged record into one that names its file."""
    try:
        yield
    except tf.errors.OpError as error:
        explained = records.explain(error, split)
        if explained is None:
            raise
        raise explained from error


def require_segments(records: RecordSet, split: str) -> None:
    """Raises a `DatasetError` if there is nothing to read of a split."""
    if not records.num_segments[split]:
        raise DatasetError(f"{records.folder} holds no {split} segments")
