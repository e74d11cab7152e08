"""What the tagging stage compares are the same network, front end and clips."""

import math
import wave

import keras
import numpy as np
import pytest
from torch_weights import fill_all, randomise

from resemul.configs import MODEL_ENTRIES
from resemul.models import build_model

harness = pytest.importorskip("benchmarks.harness")
tagging = pytest.importorskip("benchmarks.tagging")

SMALL = {"channels": 5, "mid_channels": 12, "dense_units": 20}


@pytest.fixture(scope="module")
def small_musicnn():
    """A narrow musicnn whose weights hide no mistake."""
    keras.utils.set_random_seed(0)
    model = build_model("musicnn", 6, **SMALL)
    randomise(model)
    return model


@pytest.fixture(scope="module")
def segments():
    """Three segments of tones that get louder, side by side in one waveform."""
    config = MODEL_ENTRIES["musicnn"].config()
    waveform = tones(3 * config.hop)
    padded = np.pad(waveform, config.padding)
    starts = range(0, 3 * config.hop, config.hop)
    return np.stack([padded[i : i + config.num_samples] for i in starts])


def tones(num_samples):
    """A low and a high tone, louder and louder, in 16-bit steps: float32 `(n,)`."""
    time = np.arange(num_samples) / 16_000
    wave = np.sin(2 * np.pi * 220 * time) + np.sin(2 * np.pi * 3_100 * time)
    steps = np.round(8_000 * np.linspace(0.02, 1, num_samples) * wave)
    return (steps / 32_768).astype("float32")


def images_of(model, segments):
    """What our front end makes of segments: float32 `(n, 187, 96)`."""
    image = model.get_layer("add_channel").output
    return keras.Model(model.inputs, image).predict_on_batch(segments)[..., 0]


def test_network_in_pytorch_gives_our_outputs(small_musicnn, segments):
    torch = pytest.importorskip("torch")
    from benchmarks.peer_musicnn import MusicnnPeer

    peer = MusicnnPeer(6, **SMALL).eval()
    names = ("timbre1", "timbre2", "tempo1", "tempo2", "tempo3")
    pairs = {f"front.{i}": name for i, name in enumerate(names)}
    pairs |= {name: name for name in ("mid1", "mid2", "mid3")}
    pairs = {
        f"{theirs}.{part}": f"{ours}_{part}"
        for theirs, ours in pairs.items()
        for part in ("conv", "bn")
    }
    pairs |= {n: n for n in ("spec_bn", "pool_bn", "dense", "dense_bn", "tags")}
    fill_all(peer, small_musicnn, pairs)
    images = images_of(small_musicnn, segments).transpose(0, 2, 1)
    with torch.inference_mode():
        found = peer(torch.from_numpy(images.copy())).numpy()
    expected = small_musicnn.predict_on_batch(segments)
    assert expected.std(axis=0).max() > 0.003
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_graph_of_the_original_gives_our_outputs(small_musicnn, segments, tmp_path):
    from benchmarks.original_musicnn import save_arrays, tag_images

    save_arrays(small_musicnn, tmp_path / "musicnn")
    images = images_of(small_musicnn, segments)
    expected = small_musicnn.predict_on_batch(segments)
    for _ in range(2):  # anew for each file
        found = tag_images(tmp_path / "musicnn", images)
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
def test_images_of_librosa_are_ours(small_musicnn, segments, tmp_path):
    pytest.importorskip("librosa")
    from benchmarks.librosa_images import images_of as images_of_librosa

    path = tmp_path / "tones.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        samples = tones(3 * 47_872) * 32_768
        file.writeframes(samples.astype("<i2").tobytes())
    found = images_of_librosa(path)
    # A power that lies between two numbers of half precision may go to either.
    np.testing.assert_allclose(found, images_of(small_musicnn, segments), atol=1e-3)


def test_multiplications_are_those_of_the_layers():
    from benchmarks.machine import musicnn_flop

    model = build_model("musicnn", 2)
    total = sum(
        2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in model.layers
        if layer.name.endswith("_conv")
    )
    assert musicnn_flop() == total
    assert total / 2 == pytest.approx(1.4e9, rel=0.01)


def test_untrained_model_is_exported_and_tags_clips(tmp_path, monkeypatch):
    from benchmarks import material, untrained
    from resemul.export.exporting import export_model

    for module in (material, untrained):
        monkeypatch.setattr(module, "FOLDER", tmp_path)
    monkeypatch.setattr(tagging, "NUM_CLIPS", 2)
    monkeypatch.setitem(tagging.MODELS, "musicnn", 1)
    path = untrained.onnx_path("musicnn")
    path.parent.mkdir()
    export_model(*untrained.build_untrained("musicnn", **SMALL), path, "onnx")
    tagging.setup_resemul("musicnn")()


def test_table_has_files_per_minute_and_ratios():
    seconds = {
        tagging.ORIGINAL: 16.0,
        tagging.PYTORCH: 8.0,
        tagging.BARE: 0.5,
        "resemul, fcn5, ONNX Runtime": 12.0,
    }
    measured = [harness.Measurement(n, [s], [s]) for n, s in seconds.items()]
    missing = harness.Measurement("resemul, musicnn, ONNX Runtime", problem="none")
    product = harness.Measurement("matrix product, float32", [0.1])
    text = tagging.render(tagging.ways(), [*measured, missing], product)
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    files = {row[0].removeprefix("| "): row[1] for row in rows}
    assert files[tagging.ORIGINAL] == "60"
    assert files[tagging.PYTORCH] == "120"
    assert files["resemul, fcn5, ONNX Runtime"] == "960"
    # Of 580 GFLOP/s, 25.2 for each of 16 files in 8 s.
    assert rows[3][3] == "9%"
    assert rows[5][-3:] == ["16.00", "8.00", "0.50 |"]
    assert rows[6][1] == "none"
