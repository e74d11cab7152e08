import time

import h5py
import keras
import numpy as np
import pytest
from original_hdf5 import Layout, original_names, write_original

from resemul.checkpoints.model_file import load_model
from resemul.datasets.tags import MTT_TOP_50
from resemul.errors import WeightsError
from resemul.models import build_model
from resemul.weights.importing import import_weights

BLOCKS = ("se", "rese", "res", "basic")


@pytest.fixture(scope="module")
def models():
    """A small model with random weights per block; with multi-level aggregation."""
    return {block: _random_model(block) for block in BLOCKS}


@pytest.fixture(scope="module")
def waveforms():
    return np.random.default_rng(0).uniform(-1, 1, (2, 59049)).astype("float32")


def _random_model(block, multi=True, alpha=3, init_features=2, num_tags=50):
    model = build_model(
        "sample_cnn",
        num_tags,
        block=block,
        multi=multi,
        alpha=alpha,
        init_features=init_features,
    )
    rng = np.random.default_rng(1)
    # Variances must be positive, and all numbers different.
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in model.get_weights()])
    return model


@pytest.fixture
def se_file(models, tmp_path):
    return write_original(models["se"], "se", tmp_path / "model.hdf5")


def _assert_same(imported, model):
    for ours, theirs in zip(imported.weights, model.weights, strict=True):
        assert ours.path == theirs.path
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize("block", BLOCKS)
def test_import_gives_the_model_with_each_block(block, models, tmp_path):
    path = write_original(models[block], block, tmp_path / "model.hdf5")
    imported, facts = import_weights(path)
    _assert_same(imported, models[block])
    assert facts["model"] == "sample_cnn"
    assert facts["options"]["block"] == block
    assert facts["options"]["multi"] is True
    assert facts["options"]["init_features"] == 2
    assert facts["tags"] == list(MTT_TOP_50)
    assert facts["sample_rate"] == 22_050
    assert facts["num_samples"] == 59_049


def test_import_gives_the_same_predictions(models, waveforms, se_file):
    imported, _ = import_weights(se_file)
    expected = models["se"](waveforms, training=False)
    actual = imported(waveforms, training=False)
    np.testing.assert_array_equal(np.asarray(actual), np.asarray(expected))


@pytest.mark.parametrize("block", BLOCKS)
def test_import_finds_models_without_multi_level_aggregation(block, tmp_path):
    model = _random_model(block, multi=False)
    path = write_original(model, block, tmp_path / "model.hdf5")
    imported, facts = import_weights(path)
    _assert_same(imported, model)
    assert facts["options"]["multi"] is False


@pytest.mark.parametrize(("alpha", "init_features"), [(1, 4), (16, 1), (5, 3)])
def test_import_reads_widths_off_the_shapes(alpha, init_features, tmp_path):
    model = _random_model("rese", alpha=alpha, init_features=init_features)
    path = write_original(model, "rese", tmp_path / "model.hdf5")
    _, facts = import_weights(path)
    assert facts["options"]["alpha"] == alpha
    assert facts["options"]["init_features"] == init_features


@pytest.mark.parametrize(
    "layout",
    [
        Layout(whole_model=False),
        Layout(whole_model=False, text_type=str),
        Layout(optimizer=False),
        Layout(text_type=str),
        Layout(stage=1),
        Layout(stage=4, whole_model=False),
    ],
)
def test_import_reads_every_layout(layout, models, tmp_path):
    path = write_original(models["rese"], "rese", tmp_path / "model.h5", layout)
    imported, _ = import_weights(path)
    _assert_same(imported, models["rese"])


def test_original_names_of_a_later_stage_cross_the_number_of_digits():
    # conv1d_9 comes before conv1d_10 by number, not as text.
    assert "conv1d_10" in original_names("se")
    assert {"conv1d_91", "conv1d_100"} <= set(original_names("se", stage=9))


def test_import_reads_names_that_cross_the_number_of_digits(models, tmp_path):
    path = write_original(models["se"], "se", tmp_path / "m.h5", Layout(stage=9))
    _assert_same(import_weights(path)[0], models["se"])


def test_import_takes_given_tags(tmp_path):
    model = _random_model("basic", num_tags=2)
    path = write_original(model, "basic", tmp_path / "model.hdf5")
    _, facts = import_weights(path, tags=["quiet", "loud"])
    assert facts["tags"] == ["quiet", "loud"]
    assert facts["source"]["tag_order"] == "given"


def test_import_without_tags_says_how_to_give_them(tmp_path):
    model = _random_model("basic", num_tags=2)
    path = write_original(model, "basic", tmp_path / "model.hdf5")
    with pytest.raises(WeightsError, match=r"2 outputs .* --tags"):
        import_weights(path)


def test_import_refuses_another_number_of_tags(se_file):
    with pytest.raises(WeightsError, match="50 outputs, but 1 tags"):
        import_weights(se_file, tags=["loud"])


def test_import_refuses_another_model(se_file):
    with pytest.raises(WeightsError, match="read as sample_cnn, not as fcn"):
        import_weights(se_file, "fcn")


def test_load_model_takes_a_file_of_the_original(se_file, models):
    model, card = load_model(se_file)
    _assert_same(model, models["se"])
    assert card.tags == list(MTT_TOP_50)
    assert card.source["file"] == "model.hdf5"
    assert len(card.source["sha256"]) == 64


def test_import_names_what_is_missing(models, tmp_path):
    layout = Layout(without={"conv1d_7", "dense_2"})
    path = write_original(models["se"], "se", tmp_path / "model.h5", layout)
    with pytest.raises(WeightsError) as error:
        import_weights(path)
    assert "Missing in the file: " in str(error.value)
    for name in ("block6_conv/kernel", "block6_conv/bias", "block1_excitation/kernel"):
        assert name in str(error.value)
    assert str(error.value).endswith("Missing in the model: nothing")


def test_import_names_what_is_left_over(se_file):
    with h5py.File(se_file, "r+") as file:
        file["model_weights/lstm_1/lstm_1/kernel:0"] = np.zeros((2, 2), "float32")
    with pytest.raises(WeightsError, match=r"file: nothing.*model: .*lstm_1/kernel:0"):
        import_weights(se_file)


def test_import_refuses_a_surplus_layer(se_file):
    with h5py.File(se_file, "r+") as file:
        root = file["model_weights"]
        root["dense_21/dense_21/kernel:0"] = np.zeros((2, 2), "float32")
    with pytest.raises(WeightsError, match="dense_21/kernel:0"):
        import_weights(se_file)


def test_import_refuses_another_shape(se_file):
    name = "model_weights/conv1d_4/conv1d_4/kernel:0"
    with h5py.File(se_file, "r+") as file:
        shape = file[name].shape
        del file[name]
        file[name] = np.zeros((5, *shape[1:]), "float32")
    with pytest.raises(WeightsError, match=r"conv1d_4/kernel:0' has shape \(5,"):
        import_weights(se_file)


def test_import_refuses_values_that_are_not_finite(se_file):
    with h5py.File(se_file, "r+") as file:
        file["model_weights/dense_20/dense_20/bias:0"][3] = np.nan
    with pytest.raises(WeightsError, match="tags/bias holds values"):
        import_weights(se_file)


def test_import_refuses_a_missing_file(tmp_path):
    with pytest.raises(WeightsError, match="does not exist"):
        import_weights(tmp_path / "no.hdf5")


@pytest.mark.parametrize("content", [b"", b"text", b"\x89HDF\r\n\x1a\n"])
def test_import_refuses_what_is_no_hdf5(content, tmp_path):
    path = tmp_path / "model.hdf5"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"model\.hdf5"):
        import_weights(path)


@pytest.mark.parametrize("kept", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_import_refuses_a_truncated_file(kept, se_file):
    content = se_file.read_bytes()
    se_file.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(WeightsError, match=r"model\.hdf5"):
        import_weights(se_file)


def test_import_of_damaged_files_gives_errors_of_its_own(se_file):
    content = se_file.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(15):
        damaged = bytearray(content)
        start = int(rng.integers(len(content)))
        damaged[start : start + 64] = rng.bytes(64)
        se_file.write_bytes(damaged[: len(content)])
        try:
            import_weights(se_file)
        except WeightsError as error:
            assert "model.hdf5" in str(error)  # noqa: PT017 - or none at all


def test_import_refuses_an_hdf5_file_of_something_else(tmp_path):
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(WeightsError, match="no sample-level CNN"):
        import_weights(path)


@pytest.mark.parametrize(
    "link", [h5py.ExternalLink("other.h5", "/kernel"), h5py.SoftLink("/other")]
)
def test_import_follows_no_link(link, se_file, tmp_path):
    name = "model_weights/conv1d_1/conv1d_1/kernel:0"
    with h5py.File(se_file, "r+") as file:
        kernel = file[name][()]
        del file[name]
        file[name] = link
        file["other"] = kernel
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["kernel"] = kernel
    with pytest.raises(WeightsError, match="is a link"):
        import_weights(se_file)


def test_import_opens_no_array_in_another_file(se_file, tmp_path):
    name = "model_weights/dense_20/dense_20/bias:0"
    (tmp_path / "secret").write_bytes(b"x" * 200)
    with h5py.File(se_file, "r+") as file:
        del file[name]
        external = [(str(tmp_path / "secret"), 0, 200)]
        file.create_dataset(name, (50,), "float32", external=external)
    with pytest.raises(WeightsError, match="no plain array"):
        import_weights(se_file)


def test_import_allocates_nothing_for_sizes_that_are_only_claimed(se_file):
    name = "model_weights/dense_19/dense_19/kernel:0"
    with h5py.File(se_file, "r+") as file:
        del file[name]
        file.create_dataset(name, (1 << 20, 1 << 20), "float32", chunks=(64, 64))
    with pytest.raises(WeightsError, match="no data"):
        import_weights(se_file)


def test_import_builds_no_giant_model_from_a_claim(se_file):
    name = "model_weights/conv1d_1/conv1d_1/kernel:0"
    with h5py.File(se_file, "r+") as file:
        del file[name]
        shape = (3, 1, 1 << 40)
        file.create_dataset(name, shape, "float32", chunks=(3, 1, 64))[0, 0, 0] = 1
    started = time.monotonic()
    with pytest.raises(WeightsError, match="1099511627776 channels"):
        import_weights(se_file)
    assert time.monotonic() - started < 5


def test_import_survives_a_group_that_contains_itself(se_file):
    with h5py.File(se_file, "r+") as file:
        group = file["model_weights/conv1d_1"]
        for number in range(50):
            group[f"again{number}"] = group
    with pytest.raises(WeightsError, match=r"holds more than|nested too deep"):
        import_weights(se_file)


def test_imported_model_is_saved_as_one_that_keras_opens(se_file, tmp_path, waveforms):
    from resemul.checkpoints.model_file import import_model, save_model

    model, card = import_model(se_file)
    save_model(model, card, tmp_path / "model.keras")
    again, card_again = load_model(tmp_path / "model.keras")
    assert card_again.source == card.source
    for opened in (again, keras.saving.load_model(tmp_path / "model.keras")):
        np.testing.assert_array_equal(
            opened.predict_on_batch(waveforms), model.predict_on_batch(waveforms)
        )
