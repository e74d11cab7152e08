"""What TensorFlow does in some training steps, for TensorBoard's tab "profile"."""

import logging
from pathlib import Path

import keras
import tensorflow as tf

logger = logging.getLogger(__name__)


class ProfileSteps(keras.callbacks.Callback):
    """Records steps of the first epoch that it is in, below `<folder>/plugins/profile`.

    Args:
        folder: of the run.
        first: step of the epoch, from 1.
        last: the last step that is recorded; an epoch may be over before it.
    """

    def __init__(self, folder: Path, first: int, last: int) -> None:
        super().__init__()
        self._folder, self._steps = folder, (first, last)
        self._is_running = self._is_done = False

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Begins before the first step."""
        if batch + 1 == self._steps[0] and not self._is_done:
            tf.profiler.experimental.start(str(self._folder))
            self._is_running = True

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Ends after the last step."""
        if batch + 1 >= self._steps[1]:
            self._stop()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Ends with the epoch."""
        self._stop()

    def _stop(self) -> None:
        if self._is_running:
            tf.profiler.experimental.stop()
            logger.info("profile: tensorboard --logdir %s", self._folder)
            self._is_running, self._is_done = False, True
