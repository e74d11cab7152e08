"""Bounds of the options of loading audio."""

import pytest

from resemul.configs import AUDIO_SUFFIXES, AudioConfig
from resemul.errors import ConfigError


def test_defaults_are_those_of_a_card_that_says_nothing():
    assert AudioConfig() == AudioConfig(22_050, "ffmpeg", "swr", 0, None, "zeros")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_rate": 1}, "sample_rate must be 1000 to 768000 Hz, got 1"),
        ({"mix": "left"}, "mix must be one of ffmpeg, mean, got 'left'"),
        ({"resampler": "soxr"}, "resampler must be one of swr, swr-long"),
        ({"padding": -1}, "padding must be at least 0"),
        ({"hop": 0}, "hop must be at least 1 sample"),
        ({"short": "drop"}, "short must be one of zeros, repeat"),
    ],
)
def test_an_option_out_of_bounds_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        AudioConfig(**options)


def test_suffixes_are_in_order_and_in_lower_case():
    assert list(AUDIO_SUFFIXES) == sorted({s.lower() for s in AUDIO_SUFFIXES})
