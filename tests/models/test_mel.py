import numpy as np
import pytest
from reference_mel import mel_filter

from resemul.models.mel import hz_to_mel, mel_filter_bank, mel_to_hz


@pytest.mark.parametrize(
    ("rate", "fft_size", "num_bands", "htk", "area_norm"),
    [
        (12_000, 512, 96, False, True),
        (11_025, 2048, 128, False, True),
        (16_000, 512, 96, True, False),
        (16_000, 512, 128, True, False),
    ],
)
def test_filter_bank_is_that_of_the_formula(rate, fft_size, num_bands, htk, area_norm):
    filters = mel_filter_bank(
        rate,
        fft_size,
        num_bands,
        "htk" if htk else "slaney",
        "slaney" if area_norm else None,
    )
    expected = mel_filter(rate, fft_size, num_bands, htk, area_norm)
    np.testing.assert_allclose(filters, expected, atol=1e-12)


def test_htk_scale_has_1000_mels_at_1_khz():
    assert hz_to_mel(np.array(1000.0), "htk") == pytest.approx(999.99, abs=0.01)


def test_slaney_scale_is_linear_up_to_1_khz_and_then_a_logarithm():
    hz = np.array([0.0, 500.0, 1000.0, 6400.0])
    np.testing.assert_allclose(hz_to_mel(hz, "slaney"), [0, 7.5, 15, 42])


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_mel_to_hz_is_the_inverse(scale):
    hz = np.linspace(0, 11_025, 50)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz, scale), scale), hz, atol=1e-9)


def test_bands_lie_within_the_limits():
    filters = mel_filter_bank(16_000, 512, 20, low_hz=1000, high_hz=4000)
    hz = np.flatnonzero(filters.any(axis=1)) * 16_000 / 512
    assert hz.min() > 1000
    assert hz.max() < 4000


def test_unknown_scale_or_norm_is_refused():
    with pytest.raises(ValueError, match="scale must be one of"):
        mel_filter_bank(16_000, 512, 20, scale="bark")
    with pytest.raises(ValueError, match="norm must be"):
        mel_filter_bank(16_000, 512, 20, norm="l1")
