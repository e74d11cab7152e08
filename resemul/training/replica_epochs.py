"""One epoch on several devices, which take each step together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from resemul.configs import Stage, TrainConfig
from resemul.evaluation.metrics import METRICS, Metric
from resemul.records import RecordSet
from resemul.training.epochs import EpochRunner
from resemul.training.fused_model import fuse_for_training
from resemul.training.logs import LossCheck
from resemul.training.optimizers import RateSetter
from resemul.training.replica_layers import (
    ReplicaBatchNormalization,
    ReplicaDropout,
    SyncedBatchNormalization,
    replica_class,
)
from resemul.training.replicas import Replicas

# Tells the other processes to make a runner of their own.
MAKE = "make"


class ReplicaEpochRunner(EpochRunner):
    """Trains by steps over parts of each batch; `EpochRunner` in all else.

    What the leader calls is told to the other processes, which do it, too.
    """

    def __init__(
        self,
        model: keras.Model,
        records: RecordSet,
        config: TrainConfig,
        metrics: Mapping[str, Metric] = METRICS,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        *,
        replicas: Replicas,
    ) -> None:
        self._replicas = replicas
        self._part = replicas.part
        with replicas.together(MAKE):
            super().__init__(model, records, config, metrics, callbacks)

    def compile(self, stage: Stage) -> None:
        """Begins a stage in every process, with the leader's weights."""
        with self._replicas.together("compile", stage=asdict(stage)):
            with self._replicas.strategy.scope():
                super().compile(stage)
            self._replicas.share_variables(self._fused.weights)
            self._step = self._make_step()
            self._average = self._replicas.make_average(self._statistics())

    def restore(self, train_dir: Path) -> None:
        """Takes the state of a run from its folder, for all processes."""
        super().restore(train_dir)
        self.share_state()

    def share_state(self) -> None:
        """Gives all processes the leader's weights and state of the optimizer."""
        with self._replicas.together("share_state"):
            self._replicas.share_variables(self.variables())

    def fit(
        self, label: str, epoch: tuple[int, int], rows: Sequence[Mapping[str, float]]
    ) -> dict[str, float]:
        """Trains for one epoch, in every process."""
        arguments = {"label": label, "epoch": epoch, "rows": list(rows)}
        with self._replicas.together("fit", **arguments):
            return super().fit(label, epoch, rows)

    def follow(self, command: str, arguments: dict[str, Any]) -> None:
        """Does what the leader told to do, while it does the same."""
        if command == "compile":
            self.compile(Stage(**arguments["stage"]))
        elif command == "share_state":
            self.share_state()
        else:
            self.fit(arguments["label"], tuple(arguments["epoch"]), arguments["rows"])

    def _watch(self, label: str, rates: RateSetter) -> LossCheck:
        if self._replicas.is_leader:
            return super()._watch(label, rates)
        return LossCheck(label, rates)

    def _fuse(self, model: keras.Model) -> keras.Model:
        sync = self._config.sync_batch_norm
        with self._replicas.strategy.scope():
            fused = fuse_for_training(
                model,
                self.precision,
                self._config.freeze_body,
                lambda layer: replica_class(layer, sync),
            )
        for layer in fused.layers:
            if isinstance(layer, ReplicaDropout):
                layer.batch_size = self._replicas.batch_size
        return fused

    def _run(
        self, batches: tf.data.Dataset, callbacks: list[keras.callbacks.Callback]
    ) -> float:
        split, logs = self._replicas.split, {}
        for callback in callbacks:
            callback.set_model(self._fused)
            callback.on_train_begin()
            callback.on_epoch_begin(0)
        total = tf.zeros(())
        for number, (waveforms, labels) in enumerate(batches):
            for callback in callbacks:
                callback.on_train_batch_begin(number)
            total += self._step(split(waveforms), split(labels))
            # Not a float: that would wait for the step to be finished.
            logs = {"loss": total / (number + 1)}
            for callback in callbacks:
                callback.on_train_batch_end(number, logs)
        self._average()
        for callback in callbacks:
            callback.on_epoch_end(0, logs)
            callback.on_train_end(logs)
        return float(logs["loss"])

    def _make_step(self) -> Callable[[Any, Any], tf.Tensor]:
        """A step of all devices; returns the loss over the whole batch."""
        strategy = self._replicas.strategy
        seeds = [
            layer.seed_generator.state.value
            for layer in self._fused.layers
            if isinstance(layer, ReplicaDropout)
        ]

        @tf.function(jit_compile=False)
        def step(waveforms: Any, labels: Any) -> tf.Tensor:
            losses = strategy.run(self._step_of_replica, (waveforms, labels))
            for seed in seeds:  # as Keras does it itself on one device
                seed.assign_add(tf.constant([0, 1], seed.dtype))
            return strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

        return step

    def _step_of_replica(self, waveforms: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """A step over a part of a batch; returns that part of the loss."""
        fused, replicas = self._fused, self._replicas
        with tf.GradientTape() as tape:
            probabilities = fused(waveforms, training=True)
            losses = keras.losses.binary_crossentropy(labels, probabilities)
            loss = tf.reduce_sum(losses) / replicas.batch_size
            # Each replica has the same penalties; together they count once.
            loss += sum(fused.losses) / replicas.count
            scaled = fused.optimizer.scale_loss(loss)
        variables = fused.trainable_variables
        gradients = tape.gradient(scaled, variables)
        # Adds up the gradients of all replicas.
        fused.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    def _statistics(self) -> list[Any]:
        """Running statistics that each replica has moved by itself."""
        return [
            statistic
            for layer in self._fused.layers
            if isinstance(layer, ReplicaBatchNormalization)
            and not isinstance(layer, SyncedBatchNormalization)
            and layer.trainable
            for statistic in (layer.moving_mean, layer.moving_variance)
        ]
