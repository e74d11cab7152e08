"""Layers of a model whose replicas take parts of each batch.

With them a step over the parts is the step that one device takes over the whole batch.
"""

import keras
import tensorflow as tf

from resemul.errors import ConfigError
from resemul.training.fused_layers import FusedBatchNormalization


def part_of_batch(batch_size: int, number: int, count: int) -> tuple[int, int]:
    """First segment of a replica's part of a batch, and the one after its last.

    Parts lie one after the other, cover the batch, and differ by at most one segment.
    """
    return number * batch_size // count, (number + 1) * batch_size // count


class ReplicaBatchNormalization(FusedBatchNormalization):
    """Normalises by the statistics of the replica's own part of the batch.

    Each replica moves running statistics of its own; `Replicas.average` makes them one.
    """

    def call(
        self,
        inputs: tf.Tensor,
        training: bool | None = None,
        mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Normalises `(batch, channels)`, `(batch, time, channels)`, or images."""
        if len(inputs.shape) > 2:
            return super().call(inputs, training=training, mask=mask)
        outputs = super().call(inputs[:, tf.newaxis], training=training, mask=mask)
        return outputs[:, 0]

    def _move(self, moving: keras.Variable, batch: tf.Tensor) -> None:
        # By the handle of this replica's copy: an assignment to all copies at once
        # would be exchanged in every step.
        value = moving.value
        moved = value * self.momentum + batch * (1.0 - self.momentum)
        tf.raw_ops.AssignVariableOp(resource=value.handle, value=moved)


class SyncedBatchNormalization(ReplicaBatchNormalization):
    """Normalises by the statistics of the whole batch, over all replicas."""

    def call(
        self,
        inputs: tf.Tensor,
        training: bool | None = None,
        mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Normalises `(batch, ..., channels)`."""
        if not training or not self.trainable:
            return super().call(inputs, training=training, mask=mask)
        values = tf.cast(inputs, tf.float32)
        axes = list(range(len(inputs.shape) - 1))
        count = tf.cast(tf.size(values) // tf.shape(values)[-1], tf.float32)
        mean, variance = tf.nn.moments(values, axes)
        mean, variance = _moments_of_all(mean, variance, count)
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance)
        beta, gamma = map(tf.convert_to_tensor, (self.beta.value, self.gamma.value))
        output = tf.nn.batch_normalization(
            values, mean, variance, beta, gamma, self.epsilon
        )
        return tf.cast(output, inputs.dtype)


def _moments_of_all(
    mean: tf.Tensor, variance: tf.Tensor, count: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance `(channels,)` over all replicas, of those of each.

    In one exchange, and without the difference of large numbers that the mean square
    less the square of the mean would be.
    """
    context = tf.distribute.get_replica_context()
    mine = tf.one_hot(context.replica_id_in_sync_group, context.num_replicas_in_sync)
    row = tf.concat([mean, variance, [count]], axis=0)
    rows = context.all_reduce(
        tf.distribute.ReduceOp.SUM, mine[:, tf.newaxis] * row[tf.newaxis]
    )
    shares = rows[:, -1:] / tf.reduce_sum(rows[:, -1])
    means, variances = tf.split(rows[:, :-1], 2, axis=1)
    mean = tf.reduce_sum(shares * means, axis=0)
    spread = variances + tf.square(means - mean)
    return mean, tf.reduce_sum(shares * spread, axis=0)


class ReplicaDropout(keras.layers.Dropout):
    """Drops what one device would drop of the replica's part of the batch.

    `batch_size`, of all replicas together, is set by whoever makes the model, and the
    seed is moved on after each step by whoever takes it.
    """

    batch_size = 1

    def call(self, inputs: tf.Tensor, training: bool | None = False) -> tf.Tensor:
        """Draws the mask of the whole batch, and takes its part of it."""
        if not training or self.rate == 0:
            return inputs
        context = tf.distribute.get_replica_context()
        first, _ = part_of_batch(
            self.batch_size,
            context.replica_id_in_sync_group,
            context.num_replicas_in_sync,
        )
        shape = tf.concat([[self.batch_size], tf.shape(inputs)[1:]], axis=0)
        seed = tf.math.floormod(self.seed_generator.state.value, tf.int32.max - 1)
        mask = tf.nn.experimental.stateless_dropout(
            tf.ones(shape, inputs.dtype), self.rate, tf.cast(seed, tf.int32)
        )
        return inputs * mask[first : first + tf.shape(inputs)[0]]


def replica_class(
    layer: keras.Layer, sync_batch_norm: bool
) -> type[keras.Layer] | None:
    """What a layer becomes in a replica; None if it may stay as it is.

    Raises:
        ConfigError: it cannot be trained on parts of a batch.
    """
    if type(layer) is keras.layers.Dropout:
        if layer.noise_shape is not None:
            raise _refusal(layer, "its mask has a shape of its own")
        return ReplicaDropout if layer.rate else None
    if type(layer) is keras.layers.BatchNormalization:
        is_over_last = layer.axis in (-1, len(layer.input.shape) - 1)
        is_usual = is_over_last and layer.scale and layer.center and not layer.renorm
        if not is_usual or len(layer.input.shape) > 4:
            raise _refusal(layer, "it is not over the last axis, scaled and centred")
        if sync_batch_norm:
            return SyncedBatchNormalization
        return ReplicaBatchNormalization
    for inner in layer._flatten_layers():
        if getattr(inner, "seed_generator", None) is not None:
            raise _refusal(inner, "it draws random numbers for each segment")
        if isinstance(inner, keras.layers.BatchNormalization):
            raise _refusal(inner, "it is inside another layer, or of another class")
    return None


def check_replicable(model: keras.Model) -> None:
    """Checks that a model can be trained on parts of a batch.

    Raises:
        ConfigError: it cannot; names the layer.
    """
    for layer in model.layers:
        replica_class(layer, sync_batch_norm=False)


def _refusal(layer: keras.Layer, reason: str) -> ConfigError:
    return ConfigError(
        f"layer {layer.name} ({type(layer).__name__}) cannot be trained on several "
        f"devices: {reason}; use --strategy one"
    )
