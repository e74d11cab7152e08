"""A model that is loaded once and then tags any number of files."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from resemul.audio.resample import convert_array
from resemul.audio.source import Source, source_name
from resemul.checkpoints.card import ModelCard
from resemul.configs.tagging import DEFAULT_MODELS, HearingConfig
from resemul.constants import DEFAULT_THRESHOLD
from resemul.errors import AudioError, ConfigError
from resemul.tagging.gathered import Gathered
from resemul.tagging.listening import (
    Heard,
    Listening,
    Piece,
    listen,
    listen_to_blocks,
)
from resemul.tagging.results import FAILED, SHORT, SILENT, TAGGED, TagResult

if TYPE_CHECKING:
    from resemul.prediction.runtime import Runtime


class Tagger:
    """Tags music with one model.

    Examples:
        >>> result = tagger("song.wav")
        >>> result.status, result.seconds
        ('tagged', 0.75)
        >>> result.top(2)[0]["label"]
        'loud'
        >>> result.timeline.scores.shape  # (segments, tags)
        (3, 2)
        >>> tagger(["song.wav", "gone.wav"])[1].error
        'gone.wav does not exist'
        >>> tagger(array, 44_100).status
        'short'

    Threads may share a tagger: it holds nothing that changes. A process that was
    forked should make its own.

    Args:
        model: the name of published weights, which are fetched the first time; the
            path of a model file; or a `Runtime` that is open already.
        runtime: `onnx`, `keras`, or `auto` for the lightest there is.
        hop: seconds from one segment to the next; None takes the model's own.
        tail: what is left after the last whole segment of a file gets one more that
            ends with the file (`anchor`), or is dropped (`drop`).
        trust: whether a model file may name code of its own.

    Raises:
        WeightsError: there is no such model, or it cannot be read.
        DownloadError: it is not here yet and cannot be fetched.
        ConfigError: an option has no such value.
    """

    def __init__(
        self,
        model: "str | os.PathLike[str] | Runtime" = DEFAULT_MODELS[0],
        *,
        runtime: str = "auto",
        hop: float | None = None,
        tail: str = "anchor",
        trust: bool = False,
    ) -> None:
        hearing = HearingConfig(hop, tail)
        if isinstance(model, str | os.PathLike):
            from resemul.prediction.runtime import open_runtime

            self.name = os.fspath(model)
            self.runtime = open_runtime(self.name, runtime, trust=trust)
        else:
            self.name = model.card.model
            self.runtime = model
        self.listening = _listening_of(self.card, hearing)

    @property
    def card(self) -> ModelCard:
        """What is known of the model."""
        return self.runtime.card

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
                f"{self.name} has no fitted thresholds; 'resemul thresholds MODEL "
                "--data-dir PATH' fits them on the validation split of a data set, or "
                "take --calibrate quantile"
            )
        fitted = self.card.thresholds
        return np.array([fitted.get(tag, DEFAULT_THRESHOLD) for tag in self.tags])

    @overload
    def __call__(self, source: Sequence[Any], sample_rate: None = ...) -> Any: ...

    @overload
    def __call__(
        self, source: Source | np.ndarray, sample_rate: int | None = ...
    ) -> TagResult: ...

    def __call__(
        self,
        source: Any,
        sample_rate: int | None = None,
    ) -> TagResult | list[TagResult]:
        """Tags a file, or several.

        Args:
            source: a path, bytes, or an open file; an array `(n,)`, or with the
                channels along its shorter axis; or a list of paths, bytes, files.
            sample_rate: of an array, in Hz.

        Returns:
            A result; of a list a list, with a result for each that says what failed.

        Raises:
            AudioError: the one file cannot be read.
        """
        if isinstance(source, list | tuple):
            return list(self.tag_each(source))
        return self._tag(source, sample_rate)

    def tag_each(self, sources: Iterable[Source]) -> Iterator[TagResult]:
        """Tags file after file; one that cannot be read stops nothing."""
        for source in sources:
            try:
                yield self._tag(source)
            except AudioError as error:
                yield self.failed(_path_of(source), str(error))

    def embed(
        self, source: Source | np.ndarray, sample_rate: int | None = None
    ) -> np.ndarray:
        """The layer before the tags, per segment: float32 `(segments, dimensions)`.

        Raises:
            AudioError: the file cannot be read.
        """
        gathered = self.gather(source, sample_rate, with_embeddings=True)
        embeddings = gathered.embeddings()
        assert embeddings is not None
        return embeddings

    def predict(self, samples: np.ndarray) -> np.ndarray:
        """Probabilities `(segments, tags)` of segments `(segments, num_samples)`."""
        return self._in_batches(self.runtime.predict, samples)

    def embed_segments(self, samples: np.ndarray) -> np.ndarray:
        """Embeddings `(segments, dimensions)` of segments `(segments, num_samples)`."""
        return self._in_batches(self.runtime.embed, samples)

    def _in_batches(
        self, function: Callable[[np.ndarray], np.ndarray], samples: np.ndarray
    ) -> np.ndarray:
        size = self.listening.piece_size
        parts = [
            np.asarray(function(samples[start : start + size]), "float32")
            for start in range(0, len(samples), size)
        ]
        return np.concatenate(parts)

    def gather(
        self,
        source: Source | np.ndarray,
        sample_rate: int | None = None,
        with_embeddings: bool = False,
    ) -> Gathered:
        """All that the model says of a file, segment by segment, be it silent or not.

        Raises:
            AudioError: the file cannot be read.
        """
        gathered = Gathered()
        for piece in self._listen(source, sample_rate):
            if isinstance(piece, Heard):
                gathered.heard = piece
            else:
                embeddings = (
                    self.embed_segments(piece.samples) if with_embeddings else None
                )
                gathered.add(piece, self.predict(piece.samples), embeddings)
        return gathered

    def _tag(
        self, source: Source | np.ndarray, sample_rate: int | None = None
    ) -> TagResult:
        gathered = self.gather(source, sample_rate)
        assert gathered.heard is not None
        return self.result(_path_of(source), gathered.heard, gathered)

    def _listen(
        self, source: Source | np.ndarray, sample_rate: int | None
    ) -> Iterator[Piece | Heard]:
        # The envelope costs next to nothing, and pictures have the waveform above.
        listening = dataclasses.replace(self.listening, with_envelope=True)
        if not isinstance(source, np.ndarray):
            return listen(source, listening)
        if sample_rate is None:
            raise ConfigError("an array needs its sample_rate: tagger(array, 44_100)")
        waveform = convert_array(source, sample_rate, listening.audio)
        return listen_to_blocks([waveform], listening)

    def result(self, path: str, heard: Heard, gathered: Gathered) -> TagResult:
        """What a file's pieces and their scores come to."""
        status = TAGGED
        if heard.is_silent:
            status = SILENT
        elif heard.is_short:
            status = SHORT
        result = TagResult(
            path,
            self.name,
            status,
            self.tags,
            seconds=heard.seconds,
            envelope=heard.envelope,
            model_sha256=self.card.sha256,
        )
        if heard.is_silent:
            return result
        timeline = gathered.timeline()
        return result.replace(
            scores=timeline.scores.mean(axis=0),
            timeline=timeline,
            embeddings=gathered.embeddings(),
        )

    def failed(self, path: str, error: str) -> TagResult:
        """The result of a file that cannot be tagged."""
        sha256 = self.card.sha256
        return TagResult(
            path, self.name, FAILED, self.tags, error=error, model_sha256=sha256
        )


def _listening_of(card: ModelCard, hearing: HearingConfig) -> Listening:
    audio = card.audio
    hop = audio.hop or card.num_samples
    if hearing.hop is not None:
        hop = max(1, round(hearing.hop * audio.sample_rate))
    return Listening(audio, card.num_samples, hop, hearing.tail)


def _path_of(source: Source | np.ndarray) -> str:
    if isinstance(source, str | os.PathLike):
        return str(Path(source))
    return "" if isinstance(source, np.ndarray) else source_name(source)
