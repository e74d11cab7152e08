"""Training examples out of records that are longer than a model's input."""

from collections.abc import Sequence

import tensorflow as tf


def crop_records(
    dataset: tf.data.Dataset, num_samples: int, crop: str, seed: Sequence[int]
) -> tf.data.Dataset:
    """Shortens the audio of a data set to `(num_samples,)`, or to so many frames.

    Args:
        dataset: pairs of waveform `(n,)`, or spectrogram `(bands, n)`, and labels. What
            is shorter is filled with silence: zeros, or a spectrogram's lowest value.
        num_samples: samples, or frames, of an example.
        crop: `random`, one from anywhere; `centre`, the middle; `segments`, all whole
            ones, one after the other.
        seed: two numbers; they and a record's place decide its random crop.
    """
    if crop == "segments":
        return dataset.flat_map(
            lambda audio, labels: _split(_fill(audio, num_samples), labels, num_samples)
        )

    def shorten(
        place: tf.Tensor, pair: tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        audio, labels = _fill(pair[0], num_samples), pair[1]
        num_left = tf.shape(audio)[-1] - num_samples
        if crop == "random":
            key = tf.stack([seed[0], seed[1] + place])
            start = tf.random.stateless_uniform([], key, 0, num_left + 1, tf.int32)
        else:
            start = num_left // 2
        shape = [*audio.shape[:-1], num_samples]
        return tf.ensure_shape(audio[..., start : start + num_samples], shape), labels

    return dataset.enumerate().map(
        lambda place, pair: shorten(place, pair),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def _fill(audio: tf.Tensor, num_samples: int) -> tf.Tensor:
    """With silence at its end, if it is shorter."""
    missing = tf.maximum(num_samples - tf.shape(audio)[-1], 0)
    silence = tf.reduce_min(audio) if audio.shape.rank == 2 else 0.0
    before = [[0, 0]] * (audio.shape.rank - 1)
    filled = tf.pad(audio, [*before, [0, missing]], constant_values=silence)
    return tf.ensure_shape(filled, [*audio.shape[:-1], None])


def _split(audio: tf.Tensor, labels: tf.Tensor, num_samples: int) -> tf.data.Dataset:
    pieces = tf.signal.frame(audio, num_samples, num_samples)
    if audio.shape.rank == 2:
        # (bands, segments, num_samples)
        pieces = tf.transpose(pieces, (1, 0, 2))
    return tf.data.Dataset.from_tensor_slices(pieces).map(lambda piece: (piece, labels))
