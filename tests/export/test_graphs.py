"""The graphs that are part of the package, and weights put into them."""

import numpy as np
import onnxruntime
import pytest

from resemul.errors import WeightsError
from resemul.export.empty_graphs import empty_graph
from resemul.export.graphs import FOLDER, GRAPHS, fill_graph, find_graph
from resemul.models import build_model
from resemul.weights.registry import PRETRAINED

# The large ones take seconds to build.
SLOW = {"sample_cnn", "sample_cnn-rese", "musicnn-big"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in GRAPHS],
)
def test_a_graph_is_what_the_exporter_writes_today(name):
    stored = (FOLDER / f"{name}.onnx").read_bytes()
    assert len(stored) < 50_000
    assert stored == empty_graph(name), "run python -m resemul.export.empty_graphs"


def test_every_published_architecture_has_a_graph():
    assert {entry.model for entry in PRETRAINED.values()} <= {
        model for model, _ in GRAPHS.values()
    }
    assert {path.stem for path in FOLDER.glob("*.onnx")} == set(GRAPHS)


def test_a_graph_is_found_by_the_options_that_shape_it():
    assert find_graph("musicnn", {}) == "musicnn"
    assert find_graph("musicnn", {"dropout": 0.1, "dft": "conv"}) == "musicnn"
    big = {"mid_channels": 512, "dense_units": 500}
    assert find_graph("musicnn", big) == "musicnn-big"
    assert find_graph("musicnn", {"channels": 2}) is None
    assert find_graph("fcn4", {}) is None


@pytest.fixture(scope="module")
def vgg():
    return build_model("musicnn_vgg", 3)


def _plausible(rng, variable):
    """Statistics near 1, small kernels: so nothing saturates."""
    if len(variable.shape) == 1:
        return rng.uniform(0.5, 1.5, variable.shape)
    return rng.normal(0, 0.02, variable.shape)


@pytest.fixture
def arrays(vgg):
    rng = np.random.default_rng(0)
    return {
        f"{layer.name}/{variable.name}": _plausible(rng, variable)
        for layer in vgg.layers
        for variable in layer.weights
    }


def test_weights_in_a_graph_are_the_model(vgg, arrays):
    for layer in vgg.layers:
        for variable in layer.weights:
            variable.assign(arrays[f"{layer.name}/{variable.name}"])
    waveforms = np.random.default_rng(1).normal(0, 0.1, (2, 48_128)).astype("float32")
    content = fill_graph("musicnn_vgg", dict(reversed(arrays.items())))
    (tags,) = onnxruntime.InferenceSession(content).run(
        ["tags"], {"waveform": waveforms}
    )
    expected = vgg.predict_on_batch(waveforms)
    np.testing.assert_allclose(tags, expected, rtol=0, atol=1e-5)
    assert np.ptp(expected) > 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: a.pop("tags/kernel"),
            "w.pth does not fit .* tags/kernel is missing",
        ),
        (lambda a: a.update(more=np.zeros(3)), "more is missing, or too many"),
        (lambda a: a.update({"tags/kernel": np.zeros((3, 3))}), r"has shape \(3, 3\)"),
        (lambda a: a["spec_bn/gamma"].fill(np.nan), "spec_bn/gamma holds values"),
    ],
)
def test_weights_that_do_not_fit_are_refused(arrays, change, message):
    change(arrays)
    with pytest.raises(WeightsError, match=message):
        fill_graph("musicnn_vgg", arrays, "w.pth")
