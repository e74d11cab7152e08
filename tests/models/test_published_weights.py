"""FCN-5 with the weights and on the clip of which the published outputs are known."""

import keras
import pytest

from resemul.models import build_model

# In order, as published.
EXPECTED = {
    "fast": 0.443,
    "techno": 0.334,
    "electronic": 0.257,
    "drums": 0.165,
    "synth": 0.153,
    "beat": 0.142,
}
# Where these tags are among the 50 outputs.
OUTPUTS = {
    "fast": 8,
    "techno": 3,
    "electronic": 6,
    "drums": 5,
    "synth": 14,
    "beat": 11,
}


@pytest.mark.parametrize("dft", ["fft", "conv"])
def test_published_fcn_gives_the_published_probabilities(fcn_weights, real_clip, dft):
    torch = pytest.importorskip("torch")
    state = torch.load(fcn_weights, weights_only=True, map_location="cpu")
    model = build_model("fcn5", 50, dft=dft)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(_weights_of(layer, state))
    waveform = real_clip(16_000)
    offset = (len(waveform) - 464_000) // 2
    tags = model.predict_on_batch(waveform[None, offset : offset + 464_000])[0]
    assert sorted(range(50), key=lambda i: -tags[i])[:6] == list(OUTPUTS.values())
    for tag, expected in EXPECTED.items():
        assert tags[OUTPUTS[tag]] == pytest.approx(expected, abs=6e-4), tag


def _weights_of(layer, state):
    name = {"tags": "dense"}.get(layer.name, layer.name)
    if name.startswith("layer"):
        name = name.replace("_", ".")
    keys = ["weight", "bias"]
    if isinstance(layer, keras.layers.BatchNormalization):
        keys += ["running_mean", "running_var"]
    weights = [state[f"{name}.{key}"].numpy() for key in keys]
    if isinstance(layer, keras.layers.Dense):
        weights[0] = weights[0].T
    if isinstance(layer, keras.layers.Conv2D):
        weights[0] = weights[0].transpose(2, 3, 1, 0)
    return weights
