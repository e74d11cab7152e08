"""Model files that somebody made to do harm, or that were damaged on the way."""

import io
import shutil
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from checkpoint_files import change_card, vouch_for

from resemul.checkpoints.archive import unpacked_weights
from resemul.checkpoints.card import card_path
from resemul.checkpoints.model_file import open_model
from resemul.errors import WeightsError

WEIGHTS = "model.weights.h5"


def read(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, members: dict[str, bytes], compression: int = 0) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    vouch_for(path)


def change_arrays(path: Path, change) -> None:
    """Lets `change` have the open hdf5 file of a model."""
    members = read(path)
    content = io.BytesIO(members[WEIGHTS])
    with h5py.File(content, "r+") as file:
        change(file)
    write(path, members | {WEIGHTS: content.getvalue()})


def first_kernel(file: h5py.File) -> str:
    """The name of an array of a convolution."""
    names = []
    file.visititems(
        lambda name, item: names.append(name) if getattr(item, "ndim", 0) == 4 else None
    )
    return names[0]


def test_a_description_that_would_run_code_is_not_read(path):
    # Keras 3.9.0 fetched a URL for such a layer, whatever its safe mode.
    members = read(path)
    for description in (b"{}", b"no JSON", b'{"class_name": "Lambda"}', b" " * 10**7):
        write(path, members | {"config.json": description})
        model, _ = open_model(path)
        assert model.name == "short_chunk_cnn"
    del members["config.json"], members["metadata.json"]
    write(path, members)
    assert open_model(path)[0].output_shape == (None, 3)


def test_a_lambda_is_refused_though_its_file_says_what_it_does(tmp_path, path):
    from resemul.checkpoints.model_file import save_model

    waveform = keras.Input((4,))
    tags = keras.layers.Lambda(lambda x: x[:, :3])(waveform)
    _, card = open_model(path)
    save_model(keras.Model(waveform, tags), card, path)
    with pytest.raises(WeightsError, match="holds 0 weights"):
        open_model(path)


def test_options_that_ask_for_any_memory_are_refused_before_it_is_taken(path):
    for channels in (2_000_000_000, 60_000):
        change_card(path, options={"num_samples": 32_512, "channels": channels})
        with pytest.raises(WeightsError):
            open_model(path)
    # Nor are they made up for later, when Keras makes its next model.
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    change_card(path, options={"num_samples": 32_512, "channels": 1})
    assert open_model(path)[0].output_shape == (None, 3)


def test_weights_that_are_compressed_are_refused(path):
    # 200 MB of zeros are 200 KB of a zip.
    write(path, read(path), zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsError, match="is compressed or encrypted"):
        open_model(path)


def test_weights_that_are_there_twice_or_not_at_all_are_refused(path):
    members = read(path)
    write(path, {name: b"" for name in members if name != WEIGHTS})
    with pytest.raises(WeightsError, match=r"must hold .* once"):
        open_model(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(WEIGHTS, members[WEIGHTS])
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(WEIGHTS, members[WEIGHTS])
    vouch_for(path)
    with pytest.raises(WeightsError, match=r"must hold .* once"):
        open_model(path)


def test_a_size_that_is_claimed_is_not_believed(path):
    content = bytearray(path.read_bytes())
    # The size of a member stands 24 bytes into its entry at the end of the file.
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (2**31).to_bytes(4, "little")
    path.write_bytes(content)
    vouch_for(path)
    with pytest.raises(WeightsError, match="claims 2147483648 bytes of weights"):
        open_model(path)


def without_data(file):
    name = first_kernel(file)
    del file[name]
    file.create_dataset(name, shape=(50_000, 50_000, 3, 3), dtype="f4")


def in_pieces(file):
    name = first_kernel(file)
    shape = file[name].shape
    del file[name]
    file.create_dataset(name, shape=shape, dtype="f4", chunks=True, compression="gzip")
    file[name][...] = 0


def elsewhere(file):
    name = first_kernel(file)
    shape = file[name].shape
    del file[name]
    file.create_dataset(
        name, shape=shape, dtype="f4", external=[("/etc/hostname", 0, 2**20)]
    )


def linked(file):
    name = first_kernel(file)
    del file[name]
    file[name] = h5py.ExternalLink("/etc/passwd.h5", "/x")


def text(file):
    name = first_kernel(file)
    del file[name]
    file[name] = "no numbers"


def transposed(file):
    name = first_kernel(file)
    array = file[name][()]
    del file[name]
    file[name] = np.moveaxis(array, -1, 0)


def missing(file):
    del file[first_kernel(file)]


def one_more(file):
    file["layers/one_more"] = np.zeros(3, "float32")


@pytest.mark.parametrize(
    "change",
    [without_data, in_pieces, elsewhere, linked, text, transposed, missing, one_more],
)
def test_arrays_that_are_not_plainly_the_models_are_refused(path, change):
    change_arrays(path, change)
    with pytest.raises(WeightsError) as error:
        open_model(path)
    assert len(str(error.value).splitlines()) == 1


def complaint(path: Path) -> str | None:
    """What is said of a file; None if it is whole. Any other error is a failure."""
    try:
        with unpacked_weights(path):
            return None
    except WeightsError as error:
        return str(error)


def test_damage_anywhere_is_told_in_one_line(path):
    intact = path.read_bytes()
    rng = np.random.default_rng(0)
    places = [*range(0, 30), *rng.integers(0, len(intact), 15)]
    places += [len(intact) - back for back in range(1, 100, 7)]
    assert len(places) == 60
    messages = []
    for place in places:
        content = bytearray(intact)
        content[place] ^= 0xFF
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="its SHA-256 differs"):
            open_model(path)
        # Even if somebody vouches for it; a flip of a date, say, does no harm.
        messages.append(complaint(path))
    told = [message for message in messages if message]
    assert len(told) >= 15
    assert all(len(message.splitlines()) == 1 for message in told)
    content = bytearray(intact)
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    vouch_for(path)
    with pytest.raises(WeightsError, match="is damaged"):
        open_model(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.6, 0.9, 0.999])
def test_a_file_that_ends_early_is_told_in_one_line(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    vouch_for(path)
    with pytest.raises(WeightsError, match="is damaged, or no model file"):
        open_model(path)


def test_damage_inside_the_arrays_is_told_in_one_line(path):
    members = read(path)
    rng = np.random.default_rng(0)
    messages = []
    for place in [*range(0, 100, 5), *rng.integers(0, len(members[WEIGHTS]), 20)]:
        content = bytearray(members[WEIGHTS])
        content[place] ^= 0xFF
        write(path, members | {WEIGHTS: bytes(content)})
        messages.append(complaint(path))
    told = [message for message in messages if message]
    assert len(told) > 5
    assert all(len(message.splitlines()) == 1 for message in told)


def test_a_card_alone_can_open_nothing(path, tmp_path):
    shutil.copy(card_path(path), tmp_path / "copy.json")
    (tmp_path / "copy.keras").write_bytes(b"")
    with pytest.raises(WeightsError, match="its SHA-256 differs"):
        open_model(tmp_path / "copy.keras")
