"""The replicas of a model on several devices, and the processes that hold them."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from resemul.errors import ConfigError, TrainingError
from resemul.training.replica_layers import part_of_batch

logger = logging.getLogger(__name__)

# What a collective operation ends with when a process is gone.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


class Replicas:
    """Takes each step on all devices of a strategy, each on its part of the batch.

    The first process leads: it alone decides what is done next, and writes files. All
    others do what it tells them.

    Args:
        strategy: of `tf.distribute`, mirrored or multi-worker.
        batch_size: segments in a batch, over all devices.

    Raises:
        ConfigError: there are more devices than segments in a batch.
    """

    def __init__(self, strategy: tf.distribute.Strategy, batch_size: int) -> None:
        if keras.backend.backend() != "tensorflow":
            raise ConfigError(
                f"several devices need KERAS_BACKEND=tensorflow, this is "
                f"{keras.backend.backend()}"
            )
        self.strategy = strategy
        self.batch_size = batch_size
        self.count = int(strategy.num_replicas_in_sync)
        if batch_size < self.count:
            raise ConfigError(
                f"batch_size {batch_size} is less than one segment for each of the "
                f"{self.count} devices; use a larger batch, or fewer devices"
            )
        resolver = strategy.cluster_resolver
        addresses = resolver.cluster_spec().as_dict() if resolver else {}
        self.num_processes = max(1, sum(map(len, addresses.values())))
        self.process = int(resolver.task_id or 0) if self.num_processes > 1 else 0
        num_local = self.count // self.num_processes
        self._first = self.process * num_local
        first, _ = part_of_batch(batch_size, self._first, self.count)
        _, stop = part_of_batch(batch_size, self._first + num_local - 1, self.count)
        # Of each batch, what this process reads.
        self.part = (first, stop)
        # Whether the others wait to be told what to do next.
        self.others_wait = True
        self._sum = tf.function(self._add_up, reduce_retracing=True)

    @property
    def is_leader(self) -> bool:
        """Whether this process decides and writes."""
        return self.process == 0

    def split(self, values: tf.Tensor) -> Any:
        """Gives each device of this process its part of what the process has read."""
        offset = self.part[0]

        def of_replica(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
            number = context.replica_id_in_sync_group
            first, stop = part_of_batch(self.batch_size, number, self.count)
            return values[first - offset : stop - offset]

        return self.strategy.experimental_distribute_values_from_function(of_replica)

    @contextmanager
    def together(self, command: str, **arguments: Any) -> Iterator[None]:
        """What the leader does in this block, it has told the others to do, too."""
        self.others_wait = False
        if self.is_leader:
            self.tell(command, **arguments)
        yield
        self.others_wait = True

    def tell(self, command: str, **arguments: Any) -> None:
        """Tells the others what to do next; `hear` gives it to them."""
        if self.num_processes > 1:
            text = json.dumps([command, arguments]).encode()
            self._share(np.array([len(text)]))
            self._share(np.frombuffer(text, np.uint8))

    def hear(self) -> tuple[str, dict[str, Any]]:
        """Waits for what `tell` tells."""
        [size] = self._share(np.zeros(1))
        text = self._share(np.zeros(int(size)))
        command, arguments = json.loads(text.astype(np.uint8).tobytes())
        return command, arguments

    def share_variables(self, variables: Sequence[Any]) -> None:
        """Gives the variables of all replicas the values of the first process."""
        if self.num_processes == 1:
            return
        for variable in variables:
            value = variable.numpy()
            shared = self._share(value.ravel()).reshape(value.shape)
            variable.assign(shared.astype(value.dtype))

    def count_true(self, flag: bool) -> int:
        """In how many processes `flag` is true; all must ask."""
        return round(float(self._total(np.array([float(flag)]))[0]))

    @contextmanager
    def lost_processes_named(self) -> Iterator[None]:
        """Turns TensorFlow's error about a process that is gone into one line."""
        try:
            yield
        except tf.errors.OpError as error:
            is_lost = isinstance(error, _LOST) or "ollective" in str(error.message)
            if self.num_processes == 1 or not is_lost:
                raise
            raise TrainingError(
                "another process of this training is gone, or cannot be reached "
                f"({_first_line(error)}); give the same command to all of them again: "
                "it goes on after the last whole epoch"
            ) from error

    def _share(self, values: np.ndarray) -> np.ndarray:
        """The values of the first process, float64 `(n,)`; whole numbers to 2^53."""
        return self._total(values if self.is_leader else np.zeros_like(values))

    def _total(self, values: np.ndarray) -> np.ndarray:
        """The sum over processes of values `(n,)`."""
        # float64 is not lost in what GPUs add up: bytes and counts are small.
        mine = tf.constant(np.asarray(values, "float64"))
        zeros = tf.zeros_like(mine)
        distributed = self.strategy.experimental_distribute_values_from_function(
            lambda context: (
                mine if context.replica_id_in_sync_group == self._first else zeros
            )
        )
        totals = self.strategy.experimental_local_results(self._sum(distributed))
        return np.asarray(totals[0])

    def _add_up(self, distributed: Any) -> Any:
        def of_replica(values: tf.Tensor) -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            # An argument is on no device yet, and what is exchanged must be on one.
            placed = tf.identity(values)
            return context.all_reduce(tf.distribute.ReduceOp.SUM, placed)

        return self.strategy.run(of_replica, (distributed,))

    def make_average(self, variables: Sequence[Any]) -> Callable[[], Any]:
        """What gives each variable the mean of what it is on each replica."""
        if not variables:
            return lambda: None

        def of_replica() -> None:
            values = [tf.identity(variable.value) for variable in variables]
            context = tf.distribute.get_replica_context()
            means = context.all_reduce(tf.distribute.ReduceOp.MEAN, values)
            for variable, mean in zip(variables, means, strict=True):
                handle = variable.value.handle
                tf.raw_ops.AssignVariableOp(resource=handle, value=mean)

        return tf.function(lambda: self.strategy.run(of_replica))


def _first_line(error: tf.errors.OpError) -> str:
    lines = str(error.message).splitlines()
    told = [line for line in lines if "aborted by: " in line] or lines
    return told[0].rpartition("aborted by: ")[2][:200] if told else type(error).__name__
