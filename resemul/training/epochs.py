"""One epoch: a pass of steps, then one over the validation clips."""

import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from resemul.audio.segments import choose_segments
from resemul.configs import Stage, TrainConfig
from resemul.evaluation.metrics import (
    binary_cross_entropy,
    macro,
    pr_auc_per_tag,
    roc_auc_per_tag,
)
from resemul.prediction.batches import choose_jit, predict_each
from resemul.prediction.fused import copy_weights, fuse_for_prediction
from resemul.prediction.precision import choose_precision
from resemul.records import (
    RecordSet,
    count_examples,
    damage_named,
    load_segments,
    load_training_segments,
)
from resemul.training.fused_model import fuse_for_training
from resemul.training.logs import EpochProgress
from resemul.training.optimizers import make_optimizer
from resemul.training.state import seed_random_layers
from resemul.training.statistics import new_normalizations, take_out_beginnings


class EpochRunner:
    """Trains and validates a model, epoch by epoch."""

    def __init__(
        self, model: keras.Model, records: RecordSet, config: TrainConfig
    ) -> None:
        self._model = model
        # Takes the steps; its weights are copied to `model` after each epoch.
        self._fused = fuse_for_training(
            model, choose_precision(config.precision), config.freeze_body
        )
        self._predictor = fuse_for_prediction(model)
        # Later stages start from statistics that are corrected already.
        self._new_in_first_stage = (
            [] if config.freeze_body else new_normalizations(model)
        )
        self._records = records
        self._config = config
        self._num_samples = int(model.input_shape[-1])
        self._lr = 0.0
        num_examples = count_examples(records, self._num_samples, config.crop)
        self._steps = config.steps_per_epoch or math.ceil(
            num_examples / config.batch_size
        )

    def compile(self, stage: Stage) -> None:
        """Begins a stage with the model's weights and a fresh optimizer."""
        self._lr = stage.lr
        optimizer = make_optimizer(stage, self._config, self._steps)
        self._fused.set_weights(self._model.get_weights())
        self._fused.compile(
            optimizer=optimizer,
            loss="binary_crossentropy",
            jit_compile=choose_jit(),
            auto_scale_loss=False,
        )
        optimizer.build(self._fused.trainable_variables)

    def set_rate(self, lr: float) -> None:
        """Sets the learning rate, where it is a function of the epochs so far."""
        if self._config.lr_schedule == "plateau":
            self._fused.optimizer.learning_rate = lr
        self._lr = lr

    def variables(self) -> list[Any]:
        """All that an epoch changes: weights and optimizer state."""
        return [*self._fused.weights, *self._fused.optimizer.variables]

    def fit(self, label: str, epoch: tuple[int, int]) -> float:
        """Trains for one epoch; returns the mean training loss.

        Order and dropout depend on the seed and on `epoch`, its stage and number.
        """
        seed = (self._config.seed, *epoch)
        seed_random_layers(self._fused, *seed)
        batch_size = self._config.batch_size
        batches = load_training_segments(
            self._records,
            batch_size,
            self._steps,
            seed=seed,
            num_read_threads=self._config.num_read_threads,
            shuffle_buffer=self._config.shuffle_buffer,
            num_samples=self._num_samples,
            crop=self._config.crop,
        )
        bar = EpochProgress(label, self._steps, batch_size, self._lr)
        with damage_named(self._records, "train"):
            history = self._fused.fit(
                batches, epochs=1, verbose=0, shuffle=False, callbacks=[bar]
            )
        self._model.set_weights(self._fused.get_weights())
        if epoch[0] == 0:
            num_steps = int(self._fused.optimizer.iterations)
            take_out_beginnings(self._model, self._new_in_first_stage, num_steps)
        return float(history.history["loss"][0])

    def validate(self) -> dict[str, float]:
        """Loss and scores over the validation records.

        A record counts as a clip, whose probabilities are the mean over its windows;
        the loss is the mean over all windows.
        """
        labels: list[np.ndarray] = []
        copy_weights(self._model, self._predictor)
        outputs = [
            output[0]
            for output in predict_each(
                self._predictor,
                self._validation_windows(labels),
                self._config.batch_size,
            )
        ]
        truth = np.stack(labels)
        probabilities = np.stack([windows.mean(axis=0) for windows in outputs])
        repeated = np.repeat(truth, [len(windows) for windows in outputs], axis=0)
        loss = binary_cross_entropy(repeated, np.concatenate(outputs))
        penalty = float(sum(np.asarray(loss) for loss in self._model.losses))
        return {
            "val_loss": loss + penalty,
            "val_roc_auc": macro(roc_auc_per_tag(truth, probabilities)),
            "val_pr_auc": macro(pr_auc_per_tag(truth, probabilities)),
        }

    def _validation_windows(self, labels: list[np.ndarray]) -> Iterator[np.ndarray]:
        """Yields the windows of each record, whose labels it adds to `labels`."""
        config = self._config
        batches = load_segments(self._records, "val", config.batch_size)
        with damage_named(self._records, "val"):
            for waveforms, batch_labels in batches.as_numpy_iterator():
                for waveform, clip_labels in zip(waveforms, batch_labels, strict=True):
                    # Drawn once: an epoch's score changes with the weights alone.
                    seed = len(labels)
                    labels.append(clip_labels)
                    yield choose_segments(
                        waveform,
                        self._num_samples,
                        config.validation,
                        config.num_chunks,
                        seed,
                    )
