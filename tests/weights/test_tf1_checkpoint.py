"""Checkpoints of TensorFlow 1: what is in them, and hostile ones."""

import zipfile

import keras
import numpy as np
import pytest
from tf1_files import (
    HEADER,
    bundle,
    entry,
    field,
    masked,
    slow_crc32c,
    table,
    write_checkpoint,
)

from resemul.errors import WeightsError
from resemul.models import build_model
from resemul.weights.crc32c import crc32c
from resemul.weights.importing import import_weights
from resemul.weights.musicnn import read_tf1
from resemul.weights.tf1_checkpoint import read_bundle

SMALL = {
    "musicnn": {"channels": 2, "mid_channels": 4, "dense_units": 8},
    "musicnn_vgg": {"channels": 3},
}
ARRAYS = {
    "a/kernel": np.arange(6).reshape(2, 3),
    "a/kernel/Adam": np.ones((2, 3)),
    "ab/bias": np.array([0.5, -1.5]),
    "scalar": np.float32(7),
    **{f"layer_{i:02d}/gamma": np.full(3, i) for i in range(12)},
}


def read(index, data):
    return read_bundle(index, data, lambda name: "/Adam" not in name)


def one(place, data=bytes(8)):
    """A checkpoint of one tensor `x`."""
    return table([HEADER, (b"x", place)]), data


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 64, 1000, 4099])
def test_checksum_is_that_of_the_definition(size):
    content = np.random.default_rng(size).bytes(size)
    assert crc32c(content) == slow_crc32c(content)


def test_checksum_of_the_known_text():
    # RFC 3720, B.4, and the usual check value.
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"123456789") == 0xE3069283


def test_tensors_are_read_by_name():
    found = read(*bundle(ARRAYS))
    assert found.keys() == ARRAYS.keys() - {"a/kernel/Adam"}
    for name, array in found.items():
        assert array.dtype == "float32"
        np.testing.assert_array_equal(array, ARRAYS[name])


def test_what_tensorflow_writes_is_read(tmp_path):
    tf = pytest.importorskip("tensorflow")
    names = sorted(ARRAYS)
    tensors = [tf.constant(ARRAYS[name], tf.float32) for name in names]
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "x"),
        tensor_names=[*names, "step"],
        shape_and_slices=[""] * (len(names) + 1),
        tensors=[*tensors, tf.constant(3, tf.int64)],
    )
    found = read(
        (tmp_path / "x.index").read_bytes(),
        (tmp_path / "x.data-00000-of-00001").read_bytes(),
    )
    assert found.keys() == ARRAYS.keys() - {"a/kernel/Adam"}  # no int64
    for name, array in found.items():
        np.testing.assert_array_equal(array, ARRAYS[name])


def test_no_cut_and_no_flip_changes_what_is_read():
    index, data = bundle({"a": np.ones(2), "b": np.zeros(3)})
    for end in range(len(index)):
        with pytest.raises(ValueError):
            read(index[:end], data)
    num_unnoticed = 0
    for place in range(len(index)):
        flipped = bytearray(index)
        flipped[place] ^= 0x10
        try:
            found = read(bytes(flipped), data)
        except ValueError:
            continue
        num_unnoticed += 1
        assert found["a"].tolist() == [1, 1]
        assert found["b"].tolist() == [0, 0, 0]
    # The properties, and the unused end of the footer, which nobody reads.
    assert num_unnoticed < 64
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1
        with pytest.raises(ValueError, match="wrong checksum"):
            read(index, bytes(flipped))


CRC_8 = masked(bytes(8))


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        (one(entry([2], 4, 8, CRC_8)), "'x' lies outside of the data"),
        (one(entry([2], 2**62, 8, CRC_8)), "'x' lies outside of the data"),
        (one(entry([3], 0, 8, CRC_8)), "'x' does not have the size of its shape"),
        (one(entry([2**40, 2**20], 0, 8, CRC_8)), "does not have the size"),
        (one(entry([2], 0, 8, 1)), "'x' has the wrong checksum"),
        (one(entry([1] * 9, 0, 4, 0)), "laid out in an unknown way"),
        (one(entry([2], 0, 8, CRC_8, extra=field(3, 1))), "unknown way"),
        (one(entry([2], 0, 8, CRC_8, extra=field(2, 3))), "a number for a message"),
        (one(b"\x0f"), "a field of an unknown kind"),
        (one(b"\x08" + b"\xff" * 11), "a number that is too long"),
        ((table([(b"", field(1, 2))]), b""), "several parts"),
        ((table([HEADER], kind=1), b""), "compressed"),
        ((b"x" * 60, b""), "no LevelDB table"),
        ((bytes(2 << 20), b""), "its index is too large"),
        (
            (table([(n, entry([2], 0, 8, CRC_8)) for n in (b"a", b"b")]), bytes(8)),
            "its tensors overlap",
        ),
        (
            (table([(n, entry([0], 0, 0, masked(b""))) for n in (b"b", b"a")], 1), b""),
            "not in order",
        ),
    ],
)
def test_hostile_checkpoints_are_refused(checkpoint, message):
    with pytest.raises(ValueError, match=message):
        read(*checkpoint)


@pytest.fixture(params=SMALL)
def network(request):
    keras.utils.set_random_seed(1)
    return build_model(request.param, 50, **SMALL[request.param])


def test_network_is_recognised_and_filled(network, tmp_path):
    path = write_checkpoint(network, tmp_path)
    model, facts = import_weights(path, tags=[f"t{i}" for i in range(50)])
    assert facts["model"] == model.name == network.name
    assert SMALL[network.name].items() <= facts["options"].items()
    assert (facts["mix"], facts["resampler"]) == ("mean", "swr-long")
    assert (facts["padding"], facts["hop"], facts["short"]) == (256, 47_872, "repeat")
    assert facts["source"]["format"] == "TensorFlow 1"
    for ours, theirs in zip(model.weights, network.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_no_file_but_index_and_data_is_opened(network, tmp_path):
    path = write_checkpoint(network, tmp_path)
    for name in (".meta", "checkpoint"):
        (tmp_path / name).mkdir()  # opening it would fail
    assert read_tf1(tmp_path / ".data-00000-of-00001").model == network.name
    assert read_tf1(path).num_tags == 50


def zipped(folder, *prefixes):
    path = folder / "package-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for prefix in prefixes:
            for name in (".index", ".data-00000-of-00001"):
                archive.write(folder / name, f"{prefix}/{name}")
    return path


def test_wheel_is_read_as_it_is(network, tmp_path):
    write_checkpoint(network, tmp_path)
    model, _ = import_weights(
        zipped(tmp_path, "p/A"), tags=[f"t{i}" for i in range(50)]
    )
    np.testing.assert_array_equal(model.weights[0], network.weights[0])


def test_wheel_of_several_checkpoints_names_them(network, tmp_path):
    write_checkpoint(network, tmp_path)
    path = zipped(tmp_path, "p/A", "p/B")
    with pytest.raises(WeightsError, match=r"it holds 'p/A/', 'p/B/'; .*--from"):
        read_tf1(path)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: (f / ".data-00000-of-00001").unlink(), "there is no"),
        (lambda f: (f / ".index").write_bytes(b"no"), "no LevelDB table"),
        (
            lambda f: (f / ".index").write_bytes(bundle({"y/kernel": [1.0]})[0]),
            "lies outside|wrong checksum|no network of musicnn; its layers are y",
        ),
    ],
)
def test_refusals_name_the_file(network, tmp_path, break_it, message):
    path = write_checkpoint(network, tmp_path)
    break_it(tmp_path)
    with pytest.raises(WeightsError, match=message) as error:
        read_tf1(path)
    assert str(tmp_path) in str(error.value)


def test_another_model_is_refused(network, tmp_path):
    path = write_checkpoint(network, tmp_path)
    with pytest.raises(WeightsError, match=f"the weights of {network.name}, not of fc"):
        read_tf1(path, "fcn5")


def test_network_without_a_layer_is_refused(tmp_path):
    index, data = bundle({"conv2d_7/kernel": np.zeros((7, 4, 1, 4))})
    (tmp_path / "x.index").write_bytes(index)
    (tmp_path / "x.data-00000-of-00001").write_bytes(data)
    with pytest.raises(WeightsError, match="does not fit the model musicnn"):
        read_tf1(tmp_path / "x.index")
