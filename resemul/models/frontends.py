"""Spectrograms computed inside a model, so that one file tags audio by itself."""

from typing import Any

import keras
import numpy as np
from keras import ops

from resemul.errors import ConfigError
from resemul.models.mel import mel_filter_bank
from resemul.models.pytorch_style import BN_EPSILON, BN_MOMENTUM

# Decades to units: what log10 is multiplied by. "amplitude_db" is librosa's
# `amplitude_to_db`, given a power.
LOG_FACTORS = {
    "db": 10.0,
    "amplitude_db": 20.0,
    "natural": float(np.log(10)),
    "one_plus": 1.0,
}
# The largest number of half precision.
FLOAT16_MAX = 65_504.0


@keras.saving.register_keras_serializable("resemul")
class LogMel(keras.layers.Layer):
    """Log-mel spectrogram: waveform `(batch, samples)` to `(batch, bands, frames)`.

    It has no weights, and gives float32 under any precision policy. Windows are
    periodic Hann windows of the length of the transform.

    Args:
        sample_rate: of the waveform, in Hz.
        fft_size: samples in a window.
        hop: samples from one window to the next.
        num_bands: mel bands, lowest first.
        num_frames: crops the end, or appends silence. None keeps what there is.
        padding: "reflect" or "zeros" puts half a window at either end, so that
            frame i is centred on sample i * hop; None begins with the first sample.
        power: exponent of the magnitudes: 2 for power, 1 for amplitude.
        mel_scale: "htk" or "slaney"; see `mel.mel_filter_bank`.
        mel_norm: "slaney" gives each band the same area, None the same height.
        low_hz: lower edge of the lowest band.
        high_hz: upper edge of the highest band; None is half the sample rate.
        half_precision: rounds the bands to float16, and limits them to its largest
            number.
        log: "db", "amplitude_db" (20 log10), "natural", "one_plus" (log10 of one plus
            `gain` times the band), or None for no logarithm.
        gain: of "one_plus".
        floor: smaller values are raised to this before the logarithm.
        reference: what becomes 0: a number, or "max" for the clip's largest value.
        top_db: values more than this below the clip's largest are raised to that,
            in the unit of `log`. None: no limit.
        dft: "fft", in float64 where there is such a thing, or "conv": a convolution
            with the sines and cosines, in float32. The latter needs no operation
            that an exported model cannot have, and is fast on CPUs. But GPUs that
            round the factors of convolutions (TensorFloat-32) lose with it what is
            60 dB below the loudest.
    """

    def __init__(
        self,
        sample_rate: int,
        fft_size: int,
        hop: int,
        num_bands: int,
        *,
        num_frames: int | None = None,
        padding: str | None = "reflect",
        power: float = 2.0,
        mel_scale: str = "slaney",
        mel_norm: str | None = "slaney",
        low_hz: float = 0.0,
        high_hz: float | None = None,
        half_precision: bool = False,
        log: str | None = "db",
        gain: float = 1.0,
        floor: float = 1e-10,
        reference: float | str = 1.0,
        top_db: float | None = None,
        dft: str = "fft",
        **kwargs: Any,
    ) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.sample_rate = sample_rate
        self.fft_size = fft_size
        self.hop = hop
        self.num_bands = num_bands
        self.num_frames = num_frames
        self.padding = _one_of("padding", padding, ("reflect", "zeros", None))
        self.power = power
        self.mel_scale = mel_scale
        self.mel_norm = mel_norm
        self.low_hz = low_hz
        self.high_hz = high_hz
        self.half_precision = half_precision
        self.log = _one_of("log", log, (*LOG_FACTORS, None))
        self.gain = gain
        self.floor = floor
        self.reference = reference
        self.top_db = top_db
        self.dft = _one_of("dft", dft, ("fft", "conv"))
        self._filters = mel_filter_bank(
            sample_rate, fft_size, num_bands, mel_scale, mel_norm, low_hz, high_hz
        )

    def get_config(self) -> dict[str, Any]:
        names = (
            "sample_rate fft_size hop num_bands num_frames padding power mel_scale "
            "mel_norm low_hz high_hz half_precision log gain floor reference top_db dft"
        )
        return super().get_config() | {
            name: getattr(self, name) for name in names.split()
        }

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, num_samples = input_shape
        return batch, self.num_bands, self.num_frames or self._count(num_samples)

    def call(self, waveform: Any) -> Any:
        if self.padding:
            half = self.fft_size // 2
            mode = "constant" if self.padding == "zeros" else "reflect"
            waveform = ops.pad(waveform, ((0, 0), (half, half)), mode=mode)
        if self.dft == "fft" and _has_float64(waveform):
            # In float32, a band 90 dB below the loudest one is off by 0.4 dB.
            waveform = ops.cast(waveform, "float64")
        real, imaginary = self._transform(waveform)
        # (batch, frames, bins)
        magnitudes = ops.square(real) + ops.square(imaginary)
        if self.power != 2:
            magnitudes = ops.power(magnitudes, self.power / 2)
        bands = ops.matmul(magnitudes, ops.cast(self._filters, magnitudes.dtype))
        # (batch, frames, num_bands)
        bands = self._fit_frames(ops.cast(bands, "float32"))
        if self.half_precision:
            bands = ops.cast(ops.minimum(bands, FLOAT16_MAX), "float16")
            bands = ops.cast(bands, "float32")
        return ops.transpose(self._take_log(bands), (0, 2, 1))

    def _count(self, num_samples: int) -> int:
        padding = 2 * (self.fft_size // 2) if self.padding else 0
        count = (num_samples + padding - self.fft_size) // self.hop + 1
        if count < 1 or (self.padding == "reflect" and num_samples <= padding // 2):
            raise ValueError(
                f"{num_samples} samples are too few for windows of {self.fft_size}"
            )
        return count

    def _transform(self, waveform: Any) -> tuple[Any, Any]:
        """Real and imaginary parts, `(batch, frames, bins)` each."""
        time = np.arange(self.fft_size)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * time / self.fft_size)
        if self.dft == "fft":
            frames = ops.extract_sequences(waveform, self.fft_size, self.hop)
            return ops.rfft(frames * ops.cast(window, frames.dtype), self.fft_size)
        bins = np.arange(self.fft_size // 2 + 1)
        # Reduced before it is multiplied by pi, as large angles are inexact.
        turns = time[:, None] * bins % self.fft_size / self.fft_size
        waves = np.exp(-2j * np.pi * turns) * window[:, None]
        kernel = np.concatenate([waves.real, waves.imag], axis=1)[:, None, :]
        both = ops.conv(
            ops.expand_dims(waveform, -1), kernel.astype("float32"), strides=self.hop
        )
        return both[..., : len(bins)], both[..., len(bins) :]

    def _fit_frames(self, bands: Any) -> Any:
        if self.num_frames is None:
            return bands
        missing = self.num_frames - bands.shape[1]
        if missing > 0:
            return ops.pad(bands, ((0, 0), (0, missing), (0, 0)))
        return bands[:, : self.num_frames]

    def _take_log(self, bands: Any) -> Any:
        if self.log is None:
            return bands
        factor = LOG_FACTORS[self.log] / float(np.log(10))
        if self.log == "one_plus":
            bands = self.gain * bands + 1.0
        values = factor * ops.log(ops.maximum(bands, self.floor))
        loudest = ops.max(values, axis=(1, 2), keepdims=True)
        if self.reference == "max":
            values, loudest = values - loudest, ops.zeros_like(loudest)
        elif self.reference != 1:
            shift = factor * float(np.log(max(self.reference, self.floor)))
            values, loudest = values - shift, loudest - shift
        if self.top_db is None:
            return values
        return ops.maximum(values, loudest - self.top_db)


def normalised_decibels(
    waveform: keras.KerasTensor,
    sample_rate: int,
    num_bands: int,
    dft: str,
    min_frames: int,
) -> keras.KerasTensor:
    """The input of the SMC 2020 models: an image `(batch, bands, frames, 1)`.

    Torchaudio's default spectrogram in decibels, with one mean and one variance for
    the whole of it (layer `spec_bn`).
    """
    require_frames(waveform.shape[1], 256, min_frames)
    x = LogMel(
        sample_rate,
        fft_size=512,
        hop=256,
        num_bands=num_bands,
        mel_scale="htk",
        mel_norm=None,
        dft=dft,
        name="spec",
    )(waveform)
    x = keras.layers.Reshape((*x.shape[1:], 1), dtype="float32", name="add_channel")(x)
    # In float32, as half precision has steps of 0.06 dB at -100 dB.
    return keras.layers.BatchNormalization(
        momentum=BN_MOMENTUM, epsilon=BN_EPSILON, dtype="float32", name="spec_bn"
    )(x)


def require_frames(num_samples: int, hop: int, minimum: int) -> None:
    """Raises a `ConfigError` unless there are `minimum` centred frames."""
    num_frames = num_samples // hop + 1
    if num_frames < minimum:
        raise ConfigError(
            f"num_samples must be at least {(minimum - 1) * hop} ({minimum} frames), "
            f"got {num_samples}"
        )


def _has_float64(tensor: Any) -> bool:
    # JAX makes float32 of it unless told otherwise; Apple's GPUs have none.
    device = str(getattr(tensor, "device", ""))
    return keras.backend.backend() != "jax" and "mps" not in device


def _one_of(name: str, value: Any, choices: tuple) -> Any:
    if value not in choices:
        raise ValueError(f"{name} must be one of {choices}, got {value!r}")
    return value
