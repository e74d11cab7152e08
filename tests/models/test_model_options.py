"""Options of the models that cannot work, and what is said of them."""

import keras
import pytest

from resemul.errors import ConfigError
from resemul.models import MODELS, build_model


def shapes_only(name, num_tags=50, **options):
    # No weights are drawn.
    with keras.StatelessScope():
        return build_model(name, num_tags, **options)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("fcn4", {"num_samples": 158 * 256}, "at least 40704 .160 frames., got 40448"),
        ("fcn5", {"num_samples": 1278 * 256}, r"at least 327424 \(1280 frames\)"),
        ("fcn5", {"num_samples": 2559 * 256}, "at most 2559 frames, 655104 gives 2560"),
        ("fcn5", {"num_bands": 95}, "num_bands must be 96 to 191, got 95"),
        ("fcn5", {"dft": "dct"}, "dft must be one of fft, conv, got 'dct'"),
        ("short_chunk_cnn", {"num_samples": 126 * 256}, "128 frames"),
        ("won_sample_cnn", {"num_samples": 59_046}, "59047 to 118095, got 59046"),
        ("won_sample_cnn_se", {"num_samples": 118_096}, "59047 to 118095"),
        ("multi_scale_cnn", {"second_pool": "min"}, "second_pool must be one of max"),
        ("multi_scale_cnn", {"num_samples": 62 * 512}, "64 frames"),
        ("pons_waveform", {"num_samples": 19_000}, "at least 8 frames .* gives 7"),
        ("pons_log_mel", {"num_samples": 4000}, "at least 4096"),
        ("pons_log_mel", {"channels": 0}, "channels must be at least 1, got 0"),
        ("short_chunk_cnn_res", {"dropout": 1.0}, "at least 0 and below 1, got 1.0"),
    ],
)
def test_options_that_cannot_work_are_refused(name, options, message):
    with pytest.raises(ConfigError, match=message):
        shapes_only(name, **options)


@pytest.mark.parametrize("name", MODELS)
def test_far_too_short_inputs_are_refused(name):
    with pytest.raises(ConfigError, match="num_samples"):
        shapes_only(name, num_samples=100)


def test_a_model_with_top_needs_a_number_of_tags():
    with pytest.raises(ConfigError, match="num_tags must be at least 1, got None"):
        build_model("fcn5")
