"""Tagging a user's own audio with a trained model."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from resemul.audio import load_waveform, split_segments
from resemul.checkpoints.card import ModelCard
from resemul.checkpoints.model_file import install_pretrained, load_model
from resemul.constants import DEFAULT_THRESHOLD
from resemul.errors import AudioError, ConfigError
from resemul.prediction.batches import BATCH_SIZE, predict_clips
from resemul.prediction.fused import fuse_for_prediction


@dataclass(frozen=True)
class TaggedFile:
    """What became of one file: its probabilities, or the reason why it has none.

    `probabilities` is float32 `(tags,)`, in the order of the card's tags.
    """

    path: Path
    probabilities: np.ndarray | None
    error: str = ""


class Tagger:
    """A model that is loaded once and then tags any number of files."""

    def __init__(self, model: keras.Model, card: ModelCard) -> None:
        self._model = fuse_for_prediction(model)
        self.card = card

    @classmethod
    def from_file(cls, path: Path) -> "Tagger":
        """Loads a model file and its card."""
        return cls(*load_model(path))

    @classmethod
    def from_pretrained(cls, name: str) -> "Tagger":
        """Loads published weights, fetching them the first time.

        Raises:
            WeightsError: no such name.
            DownloadError: the weights are not there yet and cannot be fetched.
        """
        return cls.from_file(install_pretrained(name))

    @property
    def tags(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(self.card.tags)

    @property
    def thresholds(self) -> np.ndarray:
        """Probabilities from which the tags count as present: float64 `(tags,)`.

        `DEFAULT_THRESHOLD` for a tag that none could be fitted for.

        Raises:
            ConfigError: none have been fitted.
        """
        if not self.card.thresholds:
            raise ConfigError(
                "the model has no fitted thresholds; 'resemul thresholds MODEL "
                "--data-dir PATH' fits them on the validation split of a data set"
            )
        fitted = self.card.thresholds
        return np.array([fitted.get(tag, DEFAULT_THRESHOLD) for tag in self.tags])

    def tag_waveform(self, waveform: np.ndarray) -> np.ndarray:
        """Returns the probabilities `(tags,)` of a waveform `(n,)`.

        They are the means over its segments. The waveform is float32 in [-1, 1] at
        the card's `sample_rate`; one shorter than a segment is padded with zeros, of
        a longer one the part after the last whole segment is not used.
        """
        return next(predict_clips(self._model, [self._split(waveform)]))[0]

    def tag_file(self, path: Path) -> np.ndarray:
        """Returns the probabilities `(tags,)` of a whole audio file.

        Raises:
            AudioError: the file cannot be read.
        """
        return self.tag_waveform(self._load(path))

    def tag_files(
        self, paths: Iterable[Path], batch_size: int = BATCH_SIZE
    ) -> Iterator[TaggedFile]:
        """Tags file after file, in order; one that cannot be read stops nothing.

        Batches reach across files, so a file is yielded once its last batch is full.
        """
        pending: list[TaggedFile] = []

        def clips() -> Iterator[np.ndarray]:
            for path in paths:
                try:
                    segments = self._split(self._load(path))
                except AudioError as error:
                    pending.append(TaggedFile(path, None, str(error)))
                    continue
                pending.append(TaggedFile(path, None))
                yield segments

        for outputs in predict_clips(self._model, clips(), batch_size):
            while pending[0].error:
                yield pending.pop(0)
            yield TaggedFile(pending.pop(0).path, outputs[0])
        yield from pending

    def _load(self, path: Path) -> np.ndarray:
        return load_waveform(path, self.card.sample_rate, max_seconds=None)

    def _split(self, waveform: np.ndarray) -> np.ndarray:
        num_missing = self.card.num_samples - len(waveform)
        if num_missing > 0:
            waveform = np.pad(waveform, (0, num_missing))
        return split_segments(waveform, self.card.num_samples)
