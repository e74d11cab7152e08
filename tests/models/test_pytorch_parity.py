"""Every model against an independent one in PyTorch with the same weights.

Input lengths are the published ones, so that each padding meets the sizes it was
written for; channels are few, so that it does not take long.
"""

import keras
import numpy as np
import pytest

torch = pytest.importorskip("torch")

import reference_mel  # noqa: E402
import torch_models  # noqa: E402
import torch_pons  # noqa: E402

from resemul.configs import MODEL_ENTRIES  # noqa: E402
from resemul.models import build_model  # noqa: E402

NUM_TAGS = 7
TOLERANCE = 1e-5


def image(num_bands):
    return lambda waveform: reference_mel.torchaudio_db(waveform, num_bands)


def as_it_is(waveform):
    return waveform


# Name in MODELS: options, module, its arguments after the tags, its input.
CASES = {
    "fcn4": (
        {"channels": 4},
        torch_models.FCN4,
        (4,),
        reference_mel.librosa_amplitude_db,
    ),
    "fcn5": ({"channels": 8}, torch_models.FCN5, (8,), image(96)),
    "fcn5 128 bands": (
        {"channels": 8, "num_bands": 128},
        torch_models.FCN5,
        (8,),
        image(128),
    ),
    "short_chunk_cnn": ({"channels": 8}, torch_models.ShortChunk, (8,), image(128)),
    "short_chunk_cnn_res": (
        {"channels": 8},
        torch_models.ShortChunkRes,
        (8,),
        image(128),
    ),
    "short_chunk_cnn_res 10 s": (
        {"channels": 8, "num_samples": 160_000},
        torch_models.ShortChunkRes,
        (8,),
        image(128),
    ),
    "won_sample_cnn": ({"channels": 8}, torch_models.SampleCNN, (8,), as_it_is),
    "won_sample_cnn_se": ({"channels": 8}, torch_models.SampleCNNSE, (8,), as_it_is),
    "multi_scale_cnn": (
        {"channels": 2},
        torch_models.MultiScale,
        (2,),
        reference_mel.librosa_natural_log,
    ),
    "multi_scale_cnn average": (
        {"channels": 2, "second_pool": "average"},
        torch_models.MultiScale,
        (2, "average"),
        reference_mel.librosa_natural_log,
    ),
    "pons_waveform": (
        {"channels": 8, "back_end_channels": 16},
        torch_pons.PonsWaveform,
        (8, 16),
        as_it_is,
    ),
    "pons_log_mel": (
        {"channels": 2, "back_end_channels": 16},
        torch_pons.PonsLogMel,
        (2, 16),
        reference_mel.librosa_power_db,
    ),
}


def draw(module_class, arguments, features):
    """A module whose batch statistics are about those of its input."""
    torch.manual_seed(0)
    module = module_class(NUM_TAGS, *arguments)
    norms = [
        m
        for m in module.modules()
        if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)
    ]
    for norm in norms:
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(norm.bias, -0.5, 0.5)
        # The next pass stores its own statistics.
        norm.momentum = 1.0
    with torch.no_grad():
        module.train()(features)
        for norm in norms:
            # Where two clips are alike, dividing by their variance is all rounding.
            norm.running_var += 0.1
        getattr(module, module.top).weight *= 5
    return module.eval()


def copy_weights(module, model):
    """Into the Keras layers of the same names; all of them must be met."""
    left = {layer.name for layer in model.layers if layer.weights}
    for name, layer in module.named_modules():
        state = {key: value.numpy() for key, value in layer.state_dict().items()}
        if "weight" not in state:
            continue
        weights = [state["weight"], *([state["bias"]] if "bias" in state else [])]
        target = model.get_layer(
            "tags" if name == module.top else name.replace(".", "_")
        )
        if isinstance(target, keras.layers.BatchNormalization):
            weights += [state["running_mean"], state["running_var"]]
        else:
            # (out, in, ...) to (..., in, out)
            kernel = np.moveaxis(weights[0], (0, 1), (-1, -2))
            weights[0] = kernel.reshape(target.kernel.shape)
        target.set_weights(weights)
        left.remove(target.name)
    assert not left


def check(case, make_waveforms):
    options, module_class, arguments, spectrogram = CASES[case]
    model = build_model(case.split()[0], NUM_TAGS, **options)
    waveforms = make_waveforms(model.input_shape[1])
    features = np.stack([spectrogram(waveform) for waveform in waveforms])
    features = torch.from_numpy(features.astype("float32"))
    module = draw(module_class, arguments, features)
    copy_weights(module, model)
    with torch.no_grad():
        expected = module(features).numpy()
    # Tags that are all alike, or clips that are, would agree whatever the layers do.
    assert expected.std() > 0.05
    assert np.abs(expected[0] - expected[1]).max() > 100 * TOLERANCE
    outputs = model.predict_on_batch(waveforms)
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("case", CASES)
def test_model_gives_what_pytorch_gives_for_a_sweep(case):
    def make_waveforms(num_samples):
        sweep = reference_mel.sweep(num_samples)
        return np.stack([sweep, np.roll(sweep[::-1] * 3, num_samples // 3)])

    check(case, make_waveforms)


@pytest.mark.parametrize("case", CASES)
def test_model_gives_what_pytorch_gives_for_a_real_clip(case, real_clip):
    name, options = case.split()[0], CASES[case][0]
    clip = real_clip(MODEL_ENTRIES[name].config(**options).sample_rate)

    def make_waveforms(num_samples):
        clip_padded = np.pad(clip, (0, max(0, num_samples - len(clip))))
        return np.stack([clip_padded[:num_samples], clip_padded[-num_samples:]])

    check(case, make_waveforms)
