"""musicnn's own way to tag a file, imitated: a graph and a session of TensorFlow 1.

The published tool (https://github.com/jordipons/musicnn) builds its graph anew for
every file, restores the checkpoint into a new session, and feeds it one patch at a
time. Its network is written here once more from the description of the architecture,
with the operations of TensorFlow 1, and held to our outputs by `tests/benchmarks`;
variables have the names of our layers. The front end is librosa's, as there.
"""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1

NUM_BANDS = 96
NUM_FRAMES = 187
TIMBRE = ("timbre1", "timbre2")
TEMPO = ("tempo1", "tempo2", "tempo3")


def save_arrays(model: Any, prefix: Path) -> None:
    """Writes the weights of a `keras.Model` as a checkpoint: `prefix.index`, ..."""
    arrays = {weight.path: np.asarray(weight) for weight in model.weights}
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(arrays),
        shape_and_slices=[""] * len(arrays),
        tensors=[tf.constant(array) for array in arrays.values()],
    )


def tag_images(prefix: Path, images: np.ndarray) -> np.ndarray:
    """Probabilities `(images, tags)` of images `(images, 187, 96)`, one at a time."""
    with tf.Graph().as_default():
        source = v1.placeholder(tf.float32, [None, NUM_FRAMES, NUM_BANDS])
        tags = _Network(prefix).build(source)
        with v1.Session() as session:
            v1.train.Saver().restore(session, str(prefix))
            rows = [session.run(tags, {source: image[None]}) for image in images]
    return np.concatenate(rows)


class _Network:
    """The operations, and a variable for each array of the checkpoint."""

    def __init__(self, prefix: Path) -> None:
        reader = tf.train.load_checkpoint(str(prefix))
        self._variables = {
            name: v1.get_variable(name, shape, use_resource=False)
            for name, shape in reader.get_variable_to_shape_map().items()
        }

    def build(self, images: Any) -> Any:
        image = self._norm(images[..., None], "spec_bn")
        front = tf.concat(
            [
                *(self._front(image, name, "VALID") for name in TIMBRE),
                *(self._front(image, name, "SAME") for name in TEMPO),
            ],
            axis=2,
        )
        levels = [front, self._mid(front, "mid1")]
        for name in ("mid2", "mid3"):
            levels.append(self._mid(levels[-1], name) + levels[-1])
        stack = tf.concat(levels, axis=2)
        pooled = [tf.reduce_max(stack, axis=1), tf.reduce_mean(stack, axis=1)]
        width = 2 * stack.shape[-1]
        x = tf.reshape(tf.stack(pooled, axis=2), [-1, width])
        x = tf.nn.relu(self._dense(self._norm(x, "pool_bn"), "dense"))
        return tf.sigmoid(self._dense(self._norm(x, "dense_bn"), "tags"))

    def _front(self, image: Any, name: str, padding: str) -> Any:
        kernel = self._variables[f"{name}_conv/kernel"]
        if padding == "VALID":  # over the bands; time keeps its length
            frames = int(kernel.shape[0]) // 2
            image = tf.pad(image, [(0, 0), (frames, frames), (0, 0), (0, 0)])
        x = tf.nn.conv2d(image, kernel, 1, padding)
        x = tf.nn.relu(x + self._variables[f"{name}_conv/bias"])
        return tf.reduce_max(self._norm(x, f"{name}_bn"), axis=2)

    def _mid(self, x: Any, name: str) -> Any:
        kernel = self._variables[f"{name}_conv/kernel"]
        x = tf.nn.conv1d(x, kernel, 1, "SAME")
        x = tf.nn.relu(x + self._variables[f"{name}_conv/bias"])
        return self._norm(x, f"{name}_bn")

    def _dense(self, x: Any, name: str) -> Any:
        kernel = self._variables[f"{name}/kernel"]
        return tf.matmul(x, kernel) + self._variables[f"{name}/bias"]

    def _norm(self, x: Any, name: str) -> Any:
        gamma, beta, mean, variance = (
            self._variables[f"{name}/{part}"]
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3)
