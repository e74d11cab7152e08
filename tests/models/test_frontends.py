"""`LogMel` against the libraries whose spectrograms the models were published with.

`data/log_mel.npz` holds what librosa 0.11.0 and torchaudio 2.11.0 make of
`sweep(12_000)`. They compute in float32, so that their own errors limit the
agreement: up to 8e-4 dB, where a band is 70 dB below the loudest.
"""

from pathlib import Path

import keras
import numpy as np
import pytest
import reference_mel
from reference_mel import sweep

from resemul.models.frontends import LogMel

STORED = np.load(Path(__file__).parent / "data" / "log_mel.npz")
TORCHAUDIO = {
    "sample_rate": 16_000,
    "fft_size": 512,
    "hop": 256,
    "mel_scale": "htk",
    "mel_norm": None,
}
LIBROSA = {"sample_rate": 16_000, "fft_size": 2048, "hop": 512}
# Key in the stored outputs: options, and the largest difference.
SETTINGS = {
    "fcn4": (
        {
            "sample_rate": 12_000,
            "fft_size": 512,
            "hop": 256,
            "num_bands": 96,
            "log": "amplitude_db",
            "floor": 1e-5,
            "top_db": 80.0,
        },
        1e-4,
    ),
    "multi_scale_cnn": (
        {
            **LIBROSA,
            "sample_rate": 11_025,
            "num_bands": 128,
            "log": "natural",
            "floor": 1e-20,
        },
        1e-4,
    ),
    "pons_log_mel": ({**LIBROSA, "num_bands": 96, "top_db": 80.0}, 1e-4),
    "zeros": (
        {**LIBROSA, "num_bands": 40, "padding": "zeros", "reference": 2.0},
        1e-4,
    ),
    "peak": (
        {
            **LIBROSA,
            "num_bands": 64,
            "low_hz": 50.0,
            "high_hz": 7000.0,
            "mel_scale": "htk",
            "mel_norm": None,
            "power": 1.0,
            "padding": None,
            "reference": "max",
            "top_db": 60.0,
        },
        1e-4,
    ),
    "torchaudio_96": ({**TORCHAUDIO, "num_bands": 96}, 1e-3),
    "torchaudio_128": ({**TORCHAUDIO, "num_bands": 128}, 1e-3),
}
FORMULAS = {
    "fcn4": reference_mel.librosa_amplitude_db,
    "multi_scale_cnn": reference_mel.librosa_natural_log,
    "pons_log_mel": reference_mel.librosa_power_db,
    "torchaudio_96": lambda waveform: reference_mel.torchaudio_db(waveform, 96),
    "torchaudio_128": lambda waveform: reference_mel.torchaudio_db(waveform, 128),
}


def run(layer: LogMel, waveform: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(layer(waveform[None]))[0]


@pytest.mark.parametrize("dft", ["fft", "conv"])
@pytest.mark.parametrize("name", SETTINGS)
def test_log_mel_is_that_of_the_library(name, dft):
    options, tolerance = SETTINGS[name]
    output = run(LogMel(**options, dft=dft), sweep(12_000))
    assert output.dtype == "float32"
    np.testing.assert_allclose(output, STORED[name], rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", FORMULAS)
def test_log_mel_of_noise_is_that_of_the_formula(name):
    options, _ = SETTINGS[name]
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, 3 * options["sample_rate"]).astype("float32")
    output = run(LogMel(**options), noise)
    np.testing.assert_allclose(output, FORMULAS[name](noise), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", FORMULAS)
def test_log_mel_of_a_real_clip_is_that_of_the_formula(name, real_clip):
    options, _ = SETTINGS[name]
    waveform = real_clip(options["sample_rate"])
    output = run(LogMel(**options), waveform)
    np.testing.assert_allclose(output, FORMULAS[name](waveform), rtol=0, atol=1e-4)


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="JAX has no float64 by default"
)
@pytest.mark.parametrize("name", FORMULAS)
def test_log_mel_is_exact_90_db_below_the_loudest(name):
    options, _ = SETTINGS[name]
    rng = np.random.default_rng(0)
    tone = np.sin(2 * np.pi * 0.02 * np.arange(20_000))
    waveform = (tone + rng.normal(0, 1e-5, 20_000)).astype("float32")
    output = run(LogMel(**options), waveform)
    np.testing.assert_allclose(output, FORMULAS[name](waveform), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["fcn4", "multi_scale_cnn", "pons_log_mel"])
def test_convolution_is_as_exact_where_windows_are_long(name, real_clip):
    options, _ = SETTINGS[name]
    waveform = real_clip(options["sample_rate"])
    output = run(LogMel(**options, dft="conv"), waveform)
    # In dB. Kernels of oneDNN sum in another order than TensorFlow's own: on CPUs where
    # it is on, 20 of 87,456 numbers were off by up to 2e-4 instead of 1e-4.
    np.testing.assert_allclose(output, FORMULAS[name](waveform), rtol=0, atol=3e-4)


def test_convolution_in_float32_loses_only_the_quietest(real_clip):
    waveform = real_clip(16_000)
    expected = FORMULAS["torchaudio_96"](waveform)
    output = run(LogMel(**TORCHAUDIO, num_bands=96, dft="conv"), waveform)
    near = expected > expected.max() - 60
    np.testing.assert_allclose(output[near], expected[near], rtol=0, atol=1e-3)
    np.testing.assert_allclose(output, expected, rtol=0, atol=0.2)


def test_top_db_counts_from_each_clips_own_maximum():
    layer = LogMel(**LIBROSA, num_bands=40, top_db=20.0)
    loud = sweep(12_000)
    both = keras.ops.convert_to_numpy(layer(np.stack([loud, loud / 100])))
    for output in both:
        assert output.max() - output.min() == pytest.approx(20, abs=1e-4)
    assert both[0].max() - both[1].max() == pytest.approx(40, abs=1e-4)


def test_no_log_gives_power():
    options = {**LIBROSA, "num_bands": 40}
    power = run(LogMel(**options, log=None), sweep(12_000))
    decibels = run(LogMel(**options), sweep(12_000))
    np.testing.assert_allclose(10 * np.log10(np.maximum(power, 1e-10)), decibels, 1e-5)


def test_num_frames_crops_the_end_or_appends_silence():
    options = {**LIBROSA, "num_bands": 40, "floor": 1e-6}
    whole = run(LogMel(**options), sweep(12_000))
    cropped = LogMel(**options, num_frames=10)
    padded = LogMel(**options, num_frames=30)
    assert whole.shape == (40, 24)
    np.testing.assert_array_equal(run(cropped, sweep(12_000)), whole[:, :10])
    output = run(padded, sweep(12_000))
    np.testing.assert_array_equal(output[:, :24], whole)
    np.testing.assert_allclose(output[:, 24:], -60, atol=1e-4)
    assert padded.compute_output_shape((None, 12_000)) == (None, 40, 30)


@pytest.mark.parametrize("num_samples", [12_000, 12_287, 12_288, 12_289])
@pytest.mark.parametrize("padding", ["reflect", "zeros", None])
@pytest.mark.parametrize("dft", ["fft", "conv"])
def test_declared_shape_is_the_real_one(num_samples, padding, dft):
    layer = LogMel(**LIBROSA, num_bands=40, padding=padding, dft=dft)
    declared = layer.compute_output_shape((None, num_samples))
    assert run(layer, sweep(num_samples)).shape == declared[1:]


def test_silence_is_the_floor_and_finite():
    for reference in (1.0, "max"):
        layer = LogMel(**LIBROSA, num_bands=40, reference=reference, top_db=80.0)
        expected = 0 if reference == "max" else -100
        np.testing.assert_allclose(run(layer, np.zeros(12_000, "float32")), expected)


def test_output_is_float32_and_the_same_in_mixed_precision():
    expected = run(LogMel(**LIBROSA, num_bands=40), sweep(12_000))
    keras.config.set_dtype_policy("mixed_float16")
    try:
        output = run(LogMel(**LIBROSA, num_bands=40), sweep(12_000))
    finally:
        keras.config.set_dtype_policy("float32")
    assert output.dtype == "float32"
    np.testing.assert_array_equal(output, expected)


def test_config_holds_every_option():
    options, _ = SETTINGS["peak"]
    layer = LogMel(**options, dft="conv", num_frames=7, log="natural", floor=1e-3)
    again = LogMel.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    np.testing.assert_array_equal(run(again, sweep(12_000)), run(layer, sweep(12_000)))


def test_too_few_samples_for_a_window_are_refused():
    layer = LogMel(**LIBROSA, num_bands=40)
    with pytest.raises(
        ValueError, match="1024 samples are too few for windows of 2048"
    ):
        layer.compute_output_shape((None, 1024))


@pytest.mark.parametrize(
    "options", [{"log": "bel"}, {"padding": "mirror"}, {"dft": "dct"}]
)
def test_unknown_choices_are_refused(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be one of"):
        LogMel(**LIBROSA, num_bands=40, **options)
