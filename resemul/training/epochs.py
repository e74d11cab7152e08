"""One epoch: a pass of SGD, then one over the validation segments."""

import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from resemul.configs import TrainConfig
from resemul.metrics import (
    binary_cross_entropy,
    macro,
    pr_auc_per_tag,
    roc_auc_per_tag,
)
from resemul.precision import choose_precision
from resemul.prediction import (
    choose_jit,
    copy_weights,
    make_prediction_twin,
    predict_segments,
)
from resemul.records import (
    RecordSet,
    damage_named,
    load_segments,
    load_training_segments,
)
from resemul.training.logs import EpochProgress
from resemul.training.state import seed_random_layers
from resemul.training.twin import make_training_twin


class EpochRunner:
    """Trains and validates a model, epoch by epoch."""

    def __init__(
        self, model: keras.Model, records: RecordSet, config: TrainConfig
    ) -> None:
        self._model = model
        # Takes the steps; its weights are copied to `model` after each epoch.
        self._twin = make_training_twin(model, choose_precision(config.precision))
        self._predictor = make_prediction_twin(model)
        self._records = records
        self._config = config
        self._lr = config.lr
        self._steps = config.steps_per_epoch or math.ceil(
            records.num_segments["train"] / config.batch_size
        )

    def compile(self, lr: float) -> None:
        """Begins anew with the model's weights and a fresh optimizer at `lr`."""
        self._lr = lr
        schedule = keras.optimizers.schedules.InverseTimeDecay(
            lr, decay_steps=1, decay_rate=self._config.lr_time_decay
        )
        optimizer = keras.optimizers.SGD(
            schedule, momentum=self._config.momentum, nesterov=True
        )
        self._twin.set_weights(self._model.get_weights())
        self._twin.compile(
            optimizer=optimizer, loss="binary_crossentropy", jit_compile=choose_jit()
        )
        optimizer.build(self._twin.trainable_variables)

    def variables(self) -> list[Any]:
        """All that an epoch changes: weights and optimizer state."""
        return [*self._twin.weights, *self._twin.optimizer.variables]

    def fit(self, label: str, epoch: tuple[int, int]) -> float:
        """Trains for one epoch; returns the mean training loss.

        Order and dropout depend on the seed and on `epoch`, its stage and number.
        """
        seed = (self._config.seed, *epoch)
        seed_random_layers(self._twin, *seed)
        batch_size = self._config.batch_size
        batches = load_training_segments(
            self._records,
            batch_size,
            self._steps,
            seed=seed,
            num_read_threads=self._config.num_read_threads,
            shuffle_buffer=self._config.shuffle_buffer,
        )
        bar = EpochProgress(label, self._steps, batch_size, self._lr)
        with damage_named(self._records, "train"):
            history = self._twin.fit(
                batches, epochs=1, verbose=0, shuffle=False, callbacks=[bar]
            )
        self._model.set_weights(self._twin.get_weights())
        return float(history.history["loss"][0])

    def validate(self) -> dict[str, float]:
        """Loss and scores over the validation segments, each counted as a clip."""
        labels: list[np.ndarray] = []

        def waveforms() -> Iterator[np.ndarray]:
            batches = load_segments(self._records, "val", self._config.batch_size)
            with damage_named(self._records, "val"):
                for batch, batch_labels in batches.as_numpy_iterator():
                    labels.append(batch_labels)
                    yield batch

        copy_weights(self._model, self._predictor)
        outputs = predict_segments(self._predictor, waveforms())
        probabilities = np.concatenate(list(outputs))
        truth = np.concatenate(labels)
        penalty = float(sum(np.asarray(loss) for loss in self._model.losses))
        return {
            "val_loss": binary_cross_entropy(truth, probabilities) + penalty,
            "val_roc_auc": macro(roc_auc_per_tag(truth, probabilities)),
            "val_pr_auc": macro(pr_auc_per_tag(truth, probabilities)),
        }
