"""One epoch: a pass of steps, then one over the validation clips."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from resemul.audio.segments import segment_clips
from resemul.configs import Stage, TrainConfig
from resemul.evaluation.metrics import (
    METRICS,
    Metric,
    binary_cross_entropy,
    macro_scores,
)
from resemul.prediction.batches import choose_jit, predict_pairs
from resemul.prediction.fused import copy_weights, fuse_for_prediction
from resemul.prediction.precision import choose_precision
from resemul.records import (
    RecordSet,
    damage_named,
    load_training_segments,
)
from resemul.records.val_clips import iterate_val_clips
from resemul.training.fused_model import fuse_for_training
from resemul.training.logs import EpochProgress, LossCheck
from resemul.training.monitoring import Monitors
from resemul.training.optimizers import RateSetter, forget_steps, make_optimizer
from resemul.training.state import restore_variables, seed_random_layers
from resemul.training.statistics import new_normalizations, take_out_beginnings


class EpochRunner:
    """Trains and validates a model, epoch by epoch."""

    # Of each batch, what this process takes; None for all of it.
    _part: tuple[int, int] | None = None

    def __init__(
        self,
        model: keras.Model,
        records: RecordSet,
        config: TrainConfig,
        metrics: Mapping[str, Metric] = METRICS,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        self._model = model
        self._config = config
        self._callbacks = tuple(callbacks)
        self._metrics = metrics
        self.monitors = Monitors(metrics)
        self.precision = choose_precision(config.precision)
        part = records.part_of(model)
        # Takes the steps; its weights are copied to `model` after each epoch.
        self._fused = self._fuse(part)
        self._predictor = fuse_for_prediction(part)
        # Later stages start from statistics that are corrected already.
        self._new_in_first_stage = (
            [] if config.freeze_body else new_normalizations(model)
        )
        self._records = records
        self._compiled_with = ""
        self._num_samples = int(part.input_shape[-1])
        num_examples = records.num_examples(self._num_samples, config.crop)
        self._steps = config.steps_per_epoch or math.ceil(
            num_examples / config.batch_size
        )

    def _fuse(self, model: keras.Model) -> keras.Model:
        return fuse_for_training(model, self.precision, self._config.freeze_body)

    def compile(self, stage: Stage) -> None:
        """Begins a stage with the model's weights and a fresh optimizer."""
        self._stage = stage
        self._fused.set_weights(self._model.get_weights())
        if stage.optimizer == self._compiled_with:
            # As good as new, and TensorFlow need not look at the step again.
            forget_steps(self._fused.optimizer)
            return
        self._compiled_with = stage.optimizer
        optimizer = make_optimizer(stage, self._config)
        self._fused.compile(
            optimizer=optimizer,
            loss="binary_crossentropy",
            jit_compile=choose_jit(),
            auto_scale_loss=False,
        )
        optimizer.build(self._fused.trainable_variables)

    def variables(self) -> list[Any]:
        """All that an epoch changes and the next one needs: weights, optimizer state.

        Not the learning rate, which is set before every step.
        """
        optimizer = self._fused.optimizer
        state = [v for v in optimizer.variables if v is not optimizer.learning_rate]
        return [*self._fused.weights, *state]

    def restore(self, train_dir: Path) -> None:
        """Takes the values of `variables` from the state of a run."""
        restore_variables(self.variables(), len(self._fused.weights), train_dir)

    def fit(
        self, label: str, epoch: tuple[int, int], rows: Sequence[Mapping[str, float]]
    ) -> dict[str, float]:
        """Trains for one epoch.

        Args:
            label: what the bar shows.
            epoch: stage and number; order and dropout depend on it and on the seed.
            rows: the epochs of the stage that are finished.

        Returns:
            `lr`, the learning rate of the last step, and `loss`, the mean over all.
        """
        losses = self.monitors.losses_for(self._config.schedule, rows)
        rates = RateSetter(self._config, self._stage, self._steps, len(rows), losses)
        watch = self._watch(label, rates)
        loss = self.take_steps(epoch, self._steps, [rates, watch, *self._callbacks])
        self._model.set_weights(self._fused.get_weights())
        if epoch[0] == 0:
            num_steps = int(self._fused.optimizer.iterations.numpy())
            take_out_beginnings(self._model, self._new_in_first_stage, num_steps)
        return {"lr": rates.rate, "loss": loss}

    def take_steps(
        self,
        epoch: tuple[int, int],
        num_steps: int,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> float:
        """Takes training steps, and nothing besides; returns the loss.

        Arguments as those of `fit`; the callbacks set the rate of each step.
        """
        config = self._config
        seed = (config.seed, *epoch)
        seed_random_layers(self._fused, *seed)
        batches = load_training_segments(
            self._records,
            config.batch_size,
            num_steps,
            seed=seed,
            num_read_threads=config.num_read_threads,
            shuffle_buffer=config.shuffle_buffer,
            num_samples=self._num_samples,
            crop=config.crop,
            part=self._part,
        )
        with damage_named(self._records, "train"):
            return self._run(batches, list(callbacks))

    def _run(
        self, batches: tf.data.Dataset, callbacks: list[keras.callbacks.Callback]
    ) -> float:
        """Takes a step for each batch; returns the mean loss."""
        history = self._fused.fit(
            batches, epochs=1, verbose=0, shuffle=False, callbacks=callbacks
        )
        return float(history.history["loss"][0])

    def _watch(self, label: str, rates: RateSetter) -> LossCheck:
        """What looks at the loss of an epoch's steps, and shows how far they are."""
        return EpochProgress(label, self._steps, self._config.batch_size, rates)

    def validate(self) -> dict[str, float]:
        """Loss and scores over the validation clips.

        A clip's probabilities are the mean over its segments, as in the scores of the
        test split; the loss is the mean over all segments, as in training.
        """
        config = self._config
        copy_weights(self._model, self._predictor)
        clips = segment_clips(
            iterate_val_clips(self._records),
            self._num_samples,
            config.validation,
            config.num_chunks,
        )
        losses: list[float] = []
        sizes: list[int] = []
        truth, probabilities = [], []
        for outputs, labels in predict_pairs(self._predictor, clips):
            segments = outputs[0]
            repeated = np.broadcast_to(labels, segments.shape)
            losses.append(binary_cross_entropy(repeated, segments))
            sizes.append(len(segments))
            truth.append(labels)
            probabilities.append(segments.mean(axis=0))
        loss = float(np.average(losses, weights=sizes))
        penalty = float(sum(np.asarray(term) for term in self._model.losses))
        pair = np.stack(truth), np.stack(probabilities)
        scores = macro_scores(*pair, self._metrics)
        return {
            "val_loss": loss + penalty,
            **{f"val_{name}": value for name, value in scores.items()},
        }
