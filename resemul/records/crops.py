"""Training examples out of records that are longer than a model's input."""

from collections.abc import Sequence

import tensorflow as tf


def crop_records(
    dataset: tf.data.Dataset, num_samples: int, crop: str, seed: Sequence[int]
) -> tf.data.Dataset:
    """Shortens the waveforms of a data set to `(num_samples,)`.

    Args:
        dataset: pairs of waveform `(n,)`, n at least `num_samples`, and labels.
        num_samples: samples of an example.
        crop: `random`, one from anywhere; `centre`, the middle; `segments`, all whole
            ones, one after the other.
        seed: two numbers; they and a record's place decide its random crop.
    """
    if crop == "segments":
        return dataset.flat_map(
            lambda waveform, labels: _split(waveform, labels, num_samples)
        )

    def shorten(
        place: tf.Tensor, pair: tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        waveform, labels = pair
        num_left = tf.shape(waveform)[0] - num_samples
        if crop == "random":
            key = tf.stack([seed[0], seed[1] + place])
            start = tf.random.stateless_uniform([], key, 0, num_left + 1, tf.int32)
        else:
            start = num_left // 2
        return tf.ensure_shape(
            waveform[start : start + num_samples], num_samples
        ), labels

    return dataset.enumerate().map(
        lambda place, pair: shorten(place, pair),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def _split(waveform: tf.Tensor, labels: tf.Tensor, num_samples: int) -> tf.data.Dataset:
    num_segments = tf.shape(waveform)[0] // num_samples
    used = waveform[: num_segments * num_samples]
    segments = tf.reshape(used, (num_segments, num_samples))
    return tf.data.Dataset.from_tensor_slices(segments).map(
        lambda segment: (segment, labels)
    )
