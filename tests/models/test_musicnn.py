"""musicnn against an implementation in PyTorch, and with its published weights."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from reference_mel import sweep

from resemul.configs import MODEL_ENTRIES
from resemul.models import build_model
from resemul.models.frontends import LogMel
from resemul.weights.importing import import_weights
from resemul.weights.pretrained import fetched_pretrained
from resemul.weights.registry import PRETRAINED

sys.path.append(str(Path(__file__).parents[1] / "weights"))
from tf1_files import original_arrays

# Means over the nine whole patches of the clip, as the authors' code gives them.
JORAM = {
    "mtt-musicnn": {
        "techno": 0.5855, "electronic": 0.5408, "synth": 0.4187, "fast": 0.2723,
        "beat": 0.2129, "drums": 0.1200, "no vocals": 0.0954, "no vocal": 0.0799,
        "dance": 0.0728, "ambient": 0.0598, "beats": 0.0595,
    },
    "mtt-vgg": {
        "techno": 0.648, "electronic": 0.528, "fast": 0.395, "synth": 0.380,
        "beat": 0.200, "drums": 0.193,
    },
    "msd-musicnn": {
        "electronic": 0.2939, "instrumental": 0.1464, "ambient": 0.1246,
        "chillout": 0.1232, "rock": 0.1112, "electronica": 0.1038, "jazz": 0.0710,
        "experimental": 0.0616,
    },
    "msd-vgg": {
        "electronic": 0.3403, "experimental": 0.1169, "indie": 0.1150,
        "electronica": 0.1042, "dance": 0.1002, "rock": 0.0996,
    },
}  # fmt: skip


def segments(waveform, name):
    """The segments of a whole file, as the config of the model has them cut."""
    config = MODEL_ENTRIES[name].config()
    padded = np.pad(waveform, config.padding)
    starts = range(0, len(padded) - config.num_samples + 1, config.hop)
    return np.stack([padded[i : i + config.num_samples] for i in starts])


def randomise(model):
    """Weights that hide no mistake: scales of either sign, means, and biases."""
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = (w.shape for w in layer.weights)
            layer.set_weights(
                [
                    random.uniform(0.3, 1.5, gamma) * random.choice([-1, 1], gamma),
                    random.normal(0, 0.3, beta),
                    random.normal(0.3, 0.3, mean),
                    random.uniform(0.5, 1.5, variance),
                ]
            )
        elif layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, random.normal(0, 0.1, bias.shape)])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("musicnn", {"channels": 5, "mid_channels": 12, "dense_units": 20}),
        ("musicnn_vgg", {"channels": 16}),
    ],
)
def test_segments_get_what_pytorch_gives_the_patches_of_the_file(name, options):
    pytest.importorskip("torch")
    import torch_musicnn

    keras.utils.set_random_seed(0)
    model = build_model(name, 6, **options)
    randomise(model)
    waveform = sweep(3 * 47_872 + 5_000)
    waveform[50_000:95_000] *= 1e-3
    waveform[60_000:70_000] = 0
    inputs = segments(waveform, name)
    images = torch_musicnn.patches(waveform)
    assert len(inputs) == len(images) == 3
    found = model.get_layer("add_channel").output
    found = keras.Model(model.inputs, found).predict_on_batch(inputs)[..., 0]
    # A power that lies between two numbers of half precision may go to either.
    np.testing.assert_allclose(found, images, atol=1e-3)
    expected = torch_musicnn.NETWORKS[name](original_arrays(model), images)
    assert expected.std(axis=0).max() > 0.003
    outputs = model.predict_on_batch(inputs)
    np.testing.assert_allclose(outputs, expected, atol=1e-4)


def test_maximum_and_mean_of_a_channel_stand_side_by_side():
    model = build_model("musicnn", 2, channels=1, mid_channels=1, dense_units=1)
    ends = [model.get_layer(name).output for name in ("stack", "pool")]
    stack, pool = keras.Model(model.inputs, ends).predict_on_batch(sweep(48_128)[None])
    np.testing.assert_allclose(pool[:, 0::2], stack.max(axis=1), rtol=1e-5)
    np.testing.assert_allclose(pool[:, 1::2], stack.mean(axis=1), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dft", ["fft", "conv"])
def test_powers_are_rounded_and_limited_to_half_precision(dft):
    layer = LogMel(
        16_000, 512, 256, 96, padding=None, half_precision=True, log="one_plus",
        gain=10_000.0, dft=dft,
    )  # fmt: skip
    loud = 1e6 * sweep(1_024)[None]
    outputs = np.asarray(layer(np.stack([np.zeros(1_024), loud[0]])))
    assert (outputs[0] == 0).all()
    assert np.isfinite(outputs).all()
    assert outputs.max() == pytest.approx(np.log10(10_000 * 65_504 + 1), abs=1e-5)


def test_silence_gives_finite_probabilities():
    model = build_model("musicnn_vgg", 3, channels=2)
    tags = model.predict_on_batch(np.zeros((1, 48_128), "float32"))
    assert np.isfinite(tags).all()


@pytest.fixture(scope="module")
def published_model(tmp_path_factory):
    """Function of a name: the published model, out of the Python package."""
    folder = tmp_path_factory.mktemp("published")

    def load(name):
        with fetched_pretrained(PRETRAINED[name], folder) as path:
            return import_weights(path, published=PRETRAINED[name])

    return load


@pytest.mark.network
@pytest.mark.parametrize("name", JORAM)
def test_published_weights_give_the_published_tags(name, published_model, real_clip):
    model, facts = published_model(name)
    inputs = segments(real_clip(16_000), facts["model"])
    assert len(inputs) == 9
    tags = model.predict_on_batch(inputs).mean(axis=0)
    by_name = dict(zip(facts["tags"], tags, strict=True))
    expected = JORAM[name]
    # As many digits as are printed.
    step = 1e-3 if name == "mtt-vgg" else 1e-4
    for tag, probability in expected.items():
        assert by_name[tag] == pytest.approx(probability, abs=0.51 * step), tag
    assert sorted(by_name, key=by_name.get)[::-1][: len(expected)] == list(expected)


@pytest.mark.network
def test_published_weights_are_fetched_by_the_package_installer(published_model):
    _, facts = published_model("mtt-vgg")
    assert facts["source"]["licence"].startswith("ISC")
    assert facts["dataset"] == "mtt"
    assert len(facts["tags"]) == 50
