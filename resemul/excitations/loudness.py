"""Excitations against loudness, segment by segment (the paper's poster)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from resemul.errors import DatasetError
from resemul.excitations.extract import build_excitation_model
from resemul.prediction.batches import predict_pairs

if TYPE_CHECKING:
    import keras

# dB full scale; the smallest step of 16-bit audio. Quieter segments are silence,
# whose level in dB says nothing but would pull every regression line.
SILENCE_DB = -90.0


@dataclass(frozen=True)
class SegmentLoudness:
    """What was measured, one row per segment that is not silence.

    `loudness_db`: float64 `(segments,)`, RMS in dB full scale. `excitations`:
    float32 `(segments, channels)` of one depth, in (0, 1).
    """

    loudness_db: np.ndarray
    excitations: np.ndarray
    depth: int
    num_silent: int


@dataclass(frozen=True)
class LoudnessFit:
    """Least-squares lines, `excitation = intercepts + slopes * loudness_db`.

    Both float64 `(channels,)`; a slope is in excitation per dB.
    """

    slopes: np.ndarray
    intercepts: np.ndarray

    @property
    def num_positive(self) -> int:
        """Channels that are let through more when it is loud."""
        return int((self.slopes > 0).sum())

    @property
    def num_negative(self) -> int:
        """Channels that are held back when it is loud."""
        return int((self.slopes < 0).sum())


def measure_loudness(
    model: "keras.Model",
    clips: Iterable[tuple[np.ndarray, np.ndarray]],
    depth: int = 0,
    batch_size: int | None = None,
) -> SegmentLoudness:
    """Measures level and excitation of every segment.

    Args:
        model: one with blocks `se` or `rese`.
        clips: pairs of waveforms `(segments, num_samples)` and labels, not used.
        depth: of the excitations; 0 is the first block.
        batch_size: most segments in a batch; None for what their length allows.

    Raises:
        WeightsError: the model has no excitations.
    """
    from resemul.prediction.fused import fuse_for_prediction

    _, excitation_model = build_excitation_model(model, [depth])
    fused = fuse_for_prediction(excitation_model)
    rows = [
        (level, outputs[0].reshape(-1))
        for outputs, level in predict_pairs(fused, _segments(clips), batch_size)
    ]
    levels, excitations = zip(*rows, strict=True) if rows else ((), ())
    loudness = np.array(levels)
    heard = loudness >= SILENCE_DB
    return SegmentLoudness(
        loudness_db=loudness[heard],
        excitations=np.stack(excitations)[heard],
        depth=depth,
        num_silent=int((~heard).sum()),
    )


def _segments(
    clips: Iterable[tuple[np.ndarray, np.ndarray]],
) -> Iterator[tuple[np.ndarray, float]]:
    """Each segment as a clip of its own, `(1, num_samples)`, and its level."""
    for waveforms, _ in clips:
        for waveform in waveforms:
            yield waveform[np.newaxis], level_db(waveform)


def loudness_slopes(measured: SegmentLoudness) -> LoudnessFit:
    """Fits one line per channel.

    Raises:
        DatasetError: there are no two segments of different levels.
    """
    if len(set(measured.loudness_db)) < 2:
        raise DatasetError(
            f"{len(measured.loudness_db)} segments of one level, and "
            f"{measured.num_silent} of silence, give no slope against loudness"
        )
    deviation = measured.loudness_db - measured.loudness_db.mean()
    mean = measured.excitations.mean(axis=0, dtype="float64")
    slopes = deviation @ (measured.excitations - mean) / (deviation @ deviation)
    return LoudnessFit(slopes, mean - slopes * measured.loudness_db.mean())


def level_db(waveform: np.ndarray) -> float:
    """RMS of a waveform `(n,)` in dB full scale; a full square wave has 0 dB."""
    power = np.mean(np.square(waveform, dtype="float64"))
    return float(10 * np.log10(power)) if power > 0 else -np.inf
