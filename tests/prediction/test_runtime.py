"""Runtimes: the same numbers, whatever computes them; the lightest that there is."""

import dataclasses
import json
import multiprocessing
import pickle
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from resemul.checkpoints.card import ModelCard, read_card, write_card
from resemul.checkpoints.model_file import save_model
from resemul.errors import ConfigError, WeightsError
from resemul.export.exporting import export_beside
from resemul.models import build_model, remove_top
from resemul.prediction.onnx_models import cached_path
from resemul.prediction.onnx_runtime import OnnxRuntime
from resemul.prediction.runtime import open_runtime

OPTIONS = {"num_samples": 32_512, "channels": 1}
CARD = ModelCard(
    model="short_chunk_cnn",
    options=OPTIONS,
    tags=["low", "high", "loud"],
    sample_rate=16_000,
    num_samples=32_512,
)


@pytest.fixture(scope="module")
def model():
    return build_model("short_chunk_cnn", 3, **OPTIONS)


@pytest.fixture(scope="module")
def _master(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    save_model(model, CARD, folder / "best.keras")
    export_beside(folder / "best.keras")
    return folder


@pytest.fixture
def folder(_master, tmp_path, monkeypatch):
    """`best.keras`, `best.onnx` and their cards; the cache is empty."""
    monkeypatch.setenv("RESEMUL_HOME", str(tmp_path / "cache"))
    return shutil.copytree(_master, tmp_path / "models")


@pytest.fixture
def waveforms():
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.1, (10, 32_512)).astype("float32")


@pytest.fixture
def no_keras(monkeypatch):
    """As if Keras were not installed."""
    real = "resemul.prediction.runtime.importlib.util.find_spec"
    from importlib.util import find_spec

    monkeypatch.setattr(real, lambda name: None if name == "keras" else find_spec(name))


def test_both_runtimes_give_what_the_model_gives(model, folder, waveforms):
    tags = model.predict_on_batch(waveforms)
    embeddings = remove_top(model).predict_on_batch(waveforms)
    for name in ("onnx", "keras"):
        runtime = open_runtime(folder / "best.keras", name)
        assert runtime.name == name
        assert runtime.card.tags == ["low", "high", "loud"]
        np.testing.assert_allclose(runtime.predict(waveforms), tags, rtol=0, atol=1e-5)
        np.testing.assert_allclose(
            runtime.embed(waveforms), embeddings, rtol=0, atol=1e-4
        )
        assert runtime.predict(waveforms[:0]).shape == (0, 3)
        assert runtime.embed(waveforms[:0]).shape == (0, embeddings.shape[1])
        with pytest.raises(ValueError, match="32512"):
            runtime.predict(waveforms[:, :100])


def test_a_batch_gives_what_its_segments_give(folder, waveforms):
    runtime = open_runtime(folder / "best.onnx")
    one_by_one = [runtime.predict(waveform[None])[0] for waveform in waveforms]
    np.testing.assert_array_equal(runtime.predict(waveforms), one_by_one)


@pytest.mark.parametrize(
    ("num_samples", "num_threads", "num_of_session"),
    [
        (32_512, 2, 1),
        # Four at a time, the other four help.
        (32_512, 8, 5),
        # 29 s, of which a file may have one: by all threads.
        (464_000, 8, 8),
    ],
)
def test_short_segments_are_computed_side_by_side(
    monkeypatch, num_samples, num_threads, num_of_session
):
    opened, sizes = [], []

    class Session:
        def run(self, outputs, inputs):
            sizes.append(len(inputs["waveform"]))
            return [inputs["waveform"][:, :3]]

    def open_session(runtime, num_threads):
        opened.append(num_threads)
        return Session()

    monkeypatch.setattr("resemul.prediction.onnx_runtime._open", open_session)
    card = dataclasses.replace(CARD, num_samples=num_samples)
    runtime = OnnxRuntime("model.onnx", card, num_threads)
    waveforms = np.arange(5.0, dtype="float32")[:, None].repeat(num_samples, axis=1)
    # In their order, whichever is done first.
    np.testing.assert_array_equal(runtime.predict(waveforms), waveforms[:, :3])
    assert opened == [num_of_session]
    assert sizes == [1] * 5


def test_the_file_beside_the_model_is_taken_without_keras(folder, no_keras):
    assert open_runtime(folder / "best.keras").path == folder / "best.onnx"
    assert open_runtime(folder / "best.onnx").path == folder / "best.onnx"
    (folder / "best.keras").unlink()
    (folder / "best.json").unlink()
    assert open_runtime(folder / "best.onnx").card.tags == CARD.tags


def test_a_model_without_one_is_exported_once_into_the_cache(folder, monkeypatch):
    (folder / "best.onnx").unlink()
    sha256 = read_card(folder / "best.keras").sha256
    runtime = open_runtime(folder / "best.keras")
    assert runtime.path == cached_path(sha256)
    assert runtime.card.export["max_difference"] < 1e-5

    def fail(*args):
        raise AssertionError("exported again")

    monkeypatch.setattr("resemul.prediction.conversion.export_model", fail)
    again = open_runtime(folder / "best.keras", "onnx")
    assert (again.name, again.path) == ("onnx", runtime.path)


def test_without_keras_a_model_that_was_not_exported_says_what_to_do(folder, no_keras):
    (folder / "best.onnx").unlink()
    for runtime in ("auto", "onnx", "keras"):
        with pytest.raises(WeightsError, match=r"Keras, which is not installed: pip"):
            open_runtime(folder / "best.keras", runtime)


def test_thresholds_that_were_fitted_since_are_there(folder):
    path = folder / "best.keras"
    write_card(dataclasses.replace(read_card(path), thresholds={"low": 0.25}), path)
    assert open_runtime(path).card.thresholds == {"low": 0.25}
    assert open_runtime(folder / "best.onnx").card.thresholds == {"low": 0.25}


def test_an_export_of_other_weights_is_not_taken(folder, model):
    other = build_model("short_chunk_cnn", 3, **OPTIONS)
    other.get_layer("tags").bias.assign([1.0, 2.0, 3.0])
    save_model(other, CARD, folder / "best.keras")
    runtime = open_runtime(folder / "best.keras")
    assert runtime.path != folder / "best.onnx"
    # Written again with the same weights, it is the same model.
    save_model(model, CARD, folder / "best.keras")
    assert open_runtime(folder / "best.keras").path == folder / "best.onnx"


def test_a_damaged_export_is_told_or_made_again(folder):
    content = bytearray((folder / "best.onnx").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (folder / "best.onnx").write_bytes(content)
    with pytest.raises(WeightsError, match="its SHA-256 differs"):
        open_runtime(folder / "best.onnx")
    assert open_runtime(folder / "best.keras").path != folder / "best.onnx"


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08"])
def test_a_file_that_is_no_model_is_told_in_one_line(folder, waveforms, content):
    path = folder / "best.onnx"
    path.write_bytes(content)
    card = json.loads((folder / "best.onnx.json").read_text()) | {"export": {}}
    (folder / "best.onnx.json").write_text(json.dumps(card))
    with pytest.raises(WeightsError) as error:
        open_runtime(path).predict(waveforms)
    assert "best.onnx is not a model that ONNX Runtime can read" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_model_that_only_keras_can_compute_is_computed_by_it(folder, waveforms):
    import keras

    waveform = keras.Input((4,), name="waveform")
    tags = keras.layers.Dense(3, activation="gelu", name="tags")(waveform)
    card = dataclasses.replace(CARD, model="own", options={}, num_samples=4)
    save_model(keras.Model(waveform, tags), card, folder / "own.keras")
    with pytest.raises(WeightsError, match="--trust"):
        open_runtime(folder / "own.keras")
    assert open_runtime(folder / "own.keras", trust=True).name == "keras"
    with pytest.raises(WeightsError, match="gelu"):
        open_runtime(folder / "own.keras", "onnx", trust=True)


def test_choices_that_cannot_be_are_told(folder):
    with pytest.raises(ConfigError, match="runtime must be one of auto, onnx, keras"):
        open_runtime(folder / "best.keras", "torch")
    with pytest.raises(WeightsError, match="Keras cannot read it"):
        open_runtime(folder / "best.onnx", "keras")
    with pytest.raises(WeightsError, match="does not exist"):
        open_runtime(folder / "gone.onnx")


def test_eight_threads_get_the_same_numbers(folder, waveforms):
    runtime = open_runtime(folder / "best.onnx")
    expected = open_runtime(folder / "best.onnx").predict(waveforms)
    results = {}
    threads = [
        threading.Thread(
            target=lambda i=i: results.update({i: runtime.predict(waveforms)})
        )
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    for result in results.values():
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-6)
    # All of them used one session.
    assert len(runtime._opened) == 1


def _predict(runtime, waveforms, queue):
    queue.put(runtime.predict(waveforms))


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_another_process_gets_the_same_numbers(folder, waveforms, start):
    runtime = OnnxRuntime(folder / "best.onnx", CARD, num_threads=2)
    expected = runtime.predict(waveforms[:2])
    context = multiprocessing.get_context(start)
    queue = context.Queue()
    args = (runtime, waveforms[:2], queue)
    process = context.Process(target=_predict, args=args)
    process.start()
    np.testing.assert_allclose(queue.get(timeout=60), expected, rtol=0, atol=1e-6)
    process.join()


def test_a_runtime_can_be_pickled_after_it_was_used(folder, waveforms):
    runtime = open_runtime(folder / "best.onnx")
    expected = runtime.predict(waveforms)
    again = pickle.loads(pickle.dumps(runtime))  # noqa: S301 - our own
    np.testing.assert_allclose(again.predict(waveforms), expected, atol=1e-6)


def test_neither_keras_nor_tensorflow_is_imported_on_this_way(folder):
    code = (
        "import sys, numpy as np\n"
        "from resemul.prediction.runtime import open_runtime\n"
        f"runtime = open_runtime({str(folder / 'best.keras')!r})\n"
        "runtime.predict(np.zeros((1, 32512), 'float32'))\n"
        "print(sorted({'keras', 'tensorflow', 'onnx', 'pandas'} & set(sys.modules)))\n"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root
    )
    assert run.stdout == "[]\n", run.stderr


def test_the_library_that_computes_neither_reports_nor_keeps_anything(folder, tmp_path):
    code = (
        "import numpy as np\n"
        "from resemul.prediction.runtime import open_runtime\n"
        f"runtime = open_runtime({str(folder / 'best.onnx')!r})\n"
        "runtime.predict(np.zeros((1, 32512), 'float32'))\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    # Automatic builds and tests are silent in any case.
    environment = {"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(home.iterdir()) == []


@pytest.fixture
def published_vgg(monkeypatch, tmp_path):
    """A file that is read as published weights of musicnn's VGG; the model in it."""
    from resemul.weights import importing
    from resemul.weights.contents import Contents

    vgg = build_model("musicnn_vgg", 50)
    arrays = {
        f"{layer.name}/{variable.name}": np.asarray(variable)
        for layer in vgg.layers
        for variable in layer.weights
    }
    source = tmp_path / "weights.pth"
    source.write_bytes(b"as somebody published them")

    def read(path, model=None, tags=None, published=None):
        facts = {
            "model": "musicnn_vgg",
            "options": {},
            "tags": [str(i) for i in range(50)],
            "sample_rate": 16_000,
            "num_samples": 48_128,
            "source": {"sha256": "0"},
        }
        return Contents("musicnn_vgg", {}, 50, arrays), facts

    monkeypatch.setattr(importing, "read_weights", read)
    return source, vgg


def test_a_file_of_another_system_becomes_onnx_without_keras(
    folder, no_keras, published_vgg, monkeypatch
):
    source, vgg = published_vgg
    runtime = open_runtime(source)
    waveforms = np.random.default_rng(1).normal(0, 0.1, (2, 48_128)).astype("float32")
    np.testing.assert_allclose(
        runtime.predict(waveforms), vgg.predict_on_batch(waveforms), rtol=0, atol=1e-5
    )
    assert runtime.card.export["graph"] == "musicnn_vgg"
    monkeypatch.setattr("resemul.weights.importing.read_weights", None)
    assert open_runtime(source).path == runtime.path


def test_published_weights_are_fetched_once_and_need_no_keras(
    folder, no_keras, published_vgg, monkeypatch
):
    fetched = []

    @contextmanager
    def fetch(entry, *args, **kwargs):
        fetched.append(entry.name)
        yield published_vgg[0]

    monkeypatch.setattr("resemul.prediction.onnx_models.fetched_pretrained", fetch)
    first = open_runtime("mtt-vgg")
    assert (first.name, first.path.name) == ("onnx", "mtt-vgg.onnx")
    assert open_runtime("mtt-vgg").path == first.path
    assert fetched == ["mtt-vgg"]
    # A damaged one is fetched again.
    first.path.write_bytes(b"damaged")
    assert open_runtime("mtt-vgg").card.sha256 == first.card.sha256
    assert fetched == ["mtt-vgg", "mtt-vgg"]
