"""The PyTorch peer that the benchmarks compare with is the same network."""

import keras
import numpy as np
import pytest
from torch_weights import fill_all

from resemul.models import build_model

torch = pytest.importorskip("torch")
peer = pytest.importorskip("benchmarks.peer")


@pytest.mark.parametrize("flat_images", [False, True])
def test_peer_gives_the_outputs_of_the_sample_cnn(flat_images):
    keras.utils.set_random_seed(0)
    model = build_model("sample_cnn", 3, init_features=4, alpha=2)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights(
                [random.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()]
            )
    theirs = peer.Peer(3, init_features=4, alpha=2, flat_images=flat_images).eval()
    pairs = {
        "stem": "stem_conv",
        "stem_bn": "stem_bn",
        "dense": "head_dense",
        "dense_bn": "head_bn",
        "tags": "tags",
    }
    for number in range(1, 10):
        for part in ("conv", "bn", "expand", "excitation"):
            pairs[f"blocks.{number - 1}.{part}"] = f"block{number}_{part}"
    fill_all(theirs, model, pairs)
    waveforms = random.normal(0, 0.2, (2, 59049)).astype("float32")
    expected = np.asarray(model(waveforms))
    with torch.no_grad():
        found = theirs(torch.from_numpy(waveforms)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
