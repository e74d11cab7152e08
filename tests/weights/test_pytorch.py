from pathlib import Path

import numpy as np
import pytest

from resemul.checkpoints.model_file import import_model
from resemul.errors import WeightsError
from resemul.models import MODELS
from resemul.weights.importing import import_weights
from resemul.weights.pytorch import _ARCHITECTURES
from resemul.weights.tags import TAG_PRESETS
from resemul.weights.torch_reader import read_state_dict

DATA = Path(__file__).parent / "data"
REAL_DATA = Path(__file__).parents[3] / "shared/data"
REAL_FILE = REAL_DATA / "weights/fcn-mtat.pth"
REAL_CLIP = REAL_DATA / "audio/joram-moments_of_clarity-08-solipsism-59-88.mp3"
TAGS = ("quiet", "loud", "slow")
# How far float32 computations of the same model may lie apart.
TOLERANCE = 1e-4


def _published(name):
    """A narrow model as published, its options here, and its input for a waveform."""
    import torch_modules as published

    models = {
        "fcn5": lambda: published.Fcn5(2, 3),
        "short_chunk_cnn": lambda: published.ShortChunk(2, 3),
        "short_chunk_cnn_res": lambda: published.ShortChunk(2, 3, residual=True),
        "won_sample_cnn": lambda: published.SampleCnn(2, 3),
        "won_sample_cnn_se": lambda: published.SampleCnnSE(2, 3),
        "multi_scale_cnn": lambda: published.MultiScale(1, 3, units=6),
    }
    return published.randomise(models[name]())


def _predict_here(model, card, waveforms):
    """Probabilities, and for the multi-scale model what its PyTorch code starts from.

    That code reads spectrograms from a file.
    """
    import keras

    predicted = model.predict_on_batch(waveforms)
    if card["model"] != "multi_scale_cnn":
        return predicted, waveforms
    front_end = keras.Model(model.input, model.get_layer("log_mel").output)
    return predicted, front_end.predict_on_batch(waveforms)[:, None]


@pytest.mark.parametrize("name", sorted(_ARCHITECTURES))
def test_import_computes_what_pytorch_computes(name, tmp_path):
    torch = pytest.importorskip("torch")
    published = _published(name)
    path = tmp_path / "model.pth"
    torch.save(published.state_dict(), path)
    model, facts = import_weights(path, tags=TAGS)
    assert facts["model"] == name
    assert facts["tags"] == list(TAGS)
    rng = np.random.default_rng(0)
    time = np.arange(facts["num_samples"]) / facts["sample_rate"]
    noise = rng.normal(0, 0.3, len(time))
    tone = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.01 * noise
    waveforms = np.stack([noise, tone]).astype("float32")
    actual, inputs = _predict_here(model, facts, waveforms)
    with torch.no_grad():
        expected = published(torch.from_numpy(np.array(inputs))).numpy()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE)
    # The two clips, and the tags, must differ, or nothing is compared.
    assert np.abs(expected[0] - expected[1]).max() > 100 * TOLERANCE
    assert np.ptp(expected) > 0.05


@pytest.mark.skipif(not REAL_FILE.exists(), reason="the published file is not here")
def test_import_of_the_published_fcn_finds_the_tags_of_a_real_clip():
    from resemul.audio import load_waveform

    model, card = import_model(REAL_FILE)
    assert card.source["name"] == "fcn-mtat"
    assert card.source["published_scores"]["test_roc_auc"] == 0.9002
    waveform = load_waveform(REAL_CLIP, card.sample_rate, max_seconds=None)
    start = (len(waveform) - card.num_samples) // 2
    middle = waveform[start : start + card.num_samples]
    found = dict(zip(card.tags, model.predict_on_batch(middle[None])[0], strict=True))
    # From the original code.
    expected = {
        "fast": 0.443,
        "techno": 0.334,
        "electronic": 0.257,
        "drums": 0.165,
        "synth": 0.153,
        "beat": 0.142,
    }
    assert sorted(found, key=found.get)[-6:] == list(expected)[::-1]
    for tag, probability in expected.items():
        assert found[tag] == pytest.approx(probability, abs=0.002)


def test_import_recognises_a_model_without_pytorch():
    model, facts = import_weights(DATA / "sample_cnn.pth", tags=TAGS)
    assert facts["model"] == "won_sample_cnn"
    assert facts["options"]["channels"] == 1
    assert facts["sample_rate"] == 16_000
    state = read_state_dict(DATA / "sample_cnn.pth")
    layer = model.get_layer("layer4_conv")
    # (out, in, kernel) there, (kernel, in, out) here.
    np.testing.assert_array_equal(
        layer.kernel.numpy(), state["layer4.conv.weight"].transpose(2, 1, 0)
    )
    np.testing.assert_array_equal(
        model.get_layer("layer4_bn").gamma.numpy(), state["layer4.bn.weight"]
    )


def test_import_recognises_every_architecture_that_it_lists():
    assert set(_ARCHITECTURES) <= set(MODELS)


@pytest.fixture
def save(tmp_path):
    """Saves tensors, given as arrays, as PyTorch does."""
    torch = pytest.importorskip("torch")

    def save_arrays(arrays, wrap=lambda state: state):
        state = {key: torch.from_numpy(np.array(v)) for key, v in arrays.items()}
        torch.save(wrap(state), tmp_path / "model.pth")
        return tmp_path / "model.pth"

    return save_arrays


@pytest.fixture
def state():
    return read_state_dict(DATA / "sample_cnn.pth")


@pytest.mark.parametrize("prefix", ["model.", "module.", "model.module."])
def test_import_strips_prefixes(prefix, save, state):
    named = {prefix + name: value for name, value in state.items()}
    path = save(named, lambda tensors: {"epoch": 3, "state_dict": tensors})
    assert import_weights(path, tags=TAGS)[1]["model"] == "won_sample_cnn"


def test_import_assumes_the_usual_tags_of_fifty_outputs(save, state, caplog):
    state["dense.weight"] = np.zeros((50, 4), "float32")
    state["dense.bias"] = np.zeros(50, "float32")
    _, facts = import_weights(save(state))
    assert facts["tags"] == list(TAG_PRESETS["mtt-reversed"])
    assert facts["source"]["tag_order"] == "assumed: mtt-reversed"
    assert "assuming the order 'mtt-reversed'" in caplog.text


def test_import_names_what_is_missing_on_either_side(save, state):
    del state["layer3.bn.running_var"]
    state["layer12.conv.weight"] = np.zeros((4, 4, 1), "float32")
    with pytest.raises(WeightsError) as error:
        import_weights(save(state), tags=TAGS)
    assert "file: layer3_bn/moving_variance. Missing" in str(error.value)
    assert str(error.value).endswith("model: layer12_conv/kernel")


def test_import_refuses_another_shape(save, state):
    state["layer3.conv.weight"] = np.zeros((1, 1, 5), "float32")
    with pytest.raises(WeightsError, match=r"layer3_conv/kernel has shape \(5, 1, 1\)"):
        import_weights(save(state), tags=TAGS)


def test_import_refuses_integers_for_weights(save, state):
    state["layer3.conv.bias"] = np.zeros(1, "int64")
    with pytest.raises(WeightsError, match=r"layer3\.conv\.bias holds no floats"):
        import_weights(save(state), tags=TAGS)


def test_import_refuses_a_model_that_it_does_not_know(save):
    path = save({"encoder.weight": np.zeros((2, 2), "float32")})
    with pytest.raises(WeightsError, match=r"none of .*; its layers are encoder"):
        import_weights(path)


def test_import_refuses_another_model_than_asked_for():
    with pytest.raises(WeightsError, match="of won_sample_cnn, not of fcn5"):
        import_weights(DATA / "sample_cnn.pth", "fcn5", TAGS)


def test_import_refuses_a_file_without_its_last_layer(save, state):
    del state["dense.weight"]
    with pytest.raises(WeightsError, match=r"Missing in the file: dense\.weight"):
        import_weights(save(state), tags=TAGS)


def test_import_refuses_a_number_for_a_weight(save, state):
    state["dense.weight"] = np.float32(3)
    with pytest.raises(WeightsError, match="has no dimensions"):
        import_weights(save(state), tags=TAGS)


def test_import_builds_no_giant_model(save, state):
    state["layer1.conv.weight"] = np.zeros((100_000, 1, 3), "float32")
    with pytest.raises(WeightsError, match="100000 channels"):
        import_weights(save(state), tags=TAGS)


@pytest.fixture
def fcn_state():
    pytest.importorskip("torch")
    return {k: v.numpy() for k, v in _published("fcn5").state_dict().items()}


def test_import_reads_the_number_of_bands_off_the_filters(save):
    pytest.importorskip("torch")
    import torch_modules

    published = torch_modules.randomise(torch_modules.Fcn5(1, 3, num_bands=128))
    path = save({k: v.numpy() for k, v in published.state_dict().items()})
    assert import_weights(path, tags=TAGS)[1]["options"]["num_bands"] == 128


@pytest.mark.parametrize("name", ["spec.mel_scale.fb", "spec.spectrogram.window"])
def test_import_refuses_another_spectrogram(name, save, fcn_state):
    fcn_state[name] = fcn_state[name] * 1.01
    with pytest.raises(WeightsError, match=f"{name} is not that of a spectrogram"):
        import_weights(save(fcn_state), tags=TAGS)


def test_import_does_not_guess_the_number_of_bands(save, fcn_state):
    del fcn_state["spec.mel_scale.fb"]
    with pytest.raises(WeightsError, match=r"Missing in the file: spec\.mel_scale\.fb"):
        import_weights(save(fcn_state), tags=TAGS)
