"""The bytes of a record of a whole track: an Example of audio, tid and tags."""

import numpy as np
import tensorflow as tf

_AUDIO, _TID, _TAGS = "audio", "tid", "tags"


def encode_track(audio: np.ndarray, tid: str, labels: np.ndarray) -> bytes:
    """Encodes a track.

    Args:
        audio: float32 `(n,)`, or `(bands, frames)`, which is written band by band.
        tid: the track's id.
        labels: 0 or 1, `(tags,)`.
    """
    features = {
        _AUDIO: tf.train.Feature(
            float_list=tf.train.FloatList(value=audio.astype("float32").ravel())
        ),
        _TID: tf.train.Feature(bytes_list=tf.train.BytesList(value=[tid.encode()])),
        _TAGS: tf.train.Feature(
            int64_list=tf.train.Int64List(value=labels.astype("int64"))
        ),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def parse_track(record: tf.Tensor, num_tags: int) -> dict[str, tf.Tensor]:
    """Decodes a record: float32 `audio` `(n,)`, `tid`, and int64 `tags` `(tags,)`."""
    return tf.io.parse_single_example(
        record,
        {
            _AUDIO: tf.io.FixedLenSequenceFeature([], tf.float32, allow_missing=True),
            _TID: tf.io.FixedLenFeature([], tf.string),
            _TAGS: tf.io.FixedLenFeature([num_tags], tf.int64),
        },
    )
