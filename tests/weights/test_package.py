"""Weights out of a Python package, by the installer and configuration of the user."""

import dataclasses
import hashlib
import shutil
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from tf1_files import write_checkpoint

from resemul.checkpoints.model_file import install_pretrained, load_model
from resemul.downloads import Retries
from resemul.errors import DownloadError
from resemul.models import build_model
from resemul.weights import package as package_module
from resemul.weights.registry import PRETRAINED

AT_ONCE = Retries(max_failures=1, backoff_seconds=0.01, timeout_seconds=5.0)
NAME = "msd-vgg"
FILES = (".index", ".data-00000-of-00001")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(2)
    return build_model("musicnn_vgg", 50, channels=2)


@pytest.fixture(scope="module")
def wheel(model, tmp_path_factory):
    """A wheel that pip takes, which would run no code: musicnn 0.1.0 in small."""
    folder = tmp_path_factory.mktemp("wheel")
    write_checkpoint(model, folder)
    path = folder / "musicnn-0.1.0-py3-none-any.whl"
    info = "musicnn-0.1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for name in FILES:
            archive.write(folder / name, f"musicnn/MSD_vgg/{name}")
            archive.write(folder / name, f"musicnn/MTT_vgg/{name}")
        archive.writestr("musicnn/__init__.py", "raise SystemExit('it was run')")
        archive.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: musicnn\nVersion: 0.1.0\n"
            "Requires-Dist: numpy<1.17\n",
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def published(wheel, tmp_path, monkeypatch):
    """Makes that wheel the published one; returns its entry."""
    monkeypatch.setenv("RESEMUL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RESEMUL_OFFLINE", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    index, data = ((wheel.parent / name).read_bytes() for name in FILES)
    entry = PRETRAINED[NAME]
    entry = dataclasses.replace(
        entry,
        url="http://127.0.0.1:1/index",
        sha256=sha256(index),
        beside=dataclasses.replace(
            entry.beside, url="http://127.0.0.1:1/data", sha256=sha256(data)
        ),
        package=dataclasses.replace(entry.package, sha256=sha256(wheel.read_bytes())),
    )
    monkeypatch.setitem(PRETRAINED, NAME, entry)
    return entry


@pytest.fixture
def folder_of_wheels(wheel, monkeypatch):
    """What a user without a network may have: pip looks nowhere else."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))


def test_weights_come_by_pip_from_where_the_user_has_packages(
    published, folder_of_wheels, model, tmp_path
):
    path = install_pretrained(NAME, AT_ONCE)
    found, card = load_model(path)
    for ours, theirs in zip(found.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert card.audio.resampler == "swr-long"
    assert (card.mix, card.padding, card.hop) == ("mean", 256, 47_872)
    assert card.tags[:2] == ["rock", "pop"]
    assert card.source["licence"].startswith("ISC")
    # Neither the wheel nor its files are kept beside what they became.
    assert sorted(p.name for p in path.parent.iterdir()) == [
        f".{NAME}.lock",
        f"{NAME}.json",
        f"{NAME}.keras",
    ]


def test_another_wheel_is_refused_by_pip_and_the_web_comes_second(
    published, folder_of_wheels, monkeypatch
):
    package = dataclasses.replace(published.package, sha256="0" * 64)
    monkeypatch.setitem(
        PRETRAINED, NAME, dataclasses.replace(published, package=package)
    )
    with pytest.raises(DownloadError) as error:
        install_pretrained(NAME, AT_ONCE)
    message = str(error.value)
    assert "musicnn==0.1.0 could not be fetched by the package installer" in message
    assert "http://127.0.0.1:1/index could not be fetched" in message
    assert "--from FILE" in message
    assert message.isprintable()


def test_a_wheel_at_hand_is_taken(published, wheel, monkeypatch):
    monkeypatch.setenv("RESEMUL_OFFLINE", "1")
    assert install_pretrained(NAME, AT_ONCE, source=wheel).is_file()
    assert wheel.is_file()


def test_the_files_of_a_checkpoint_at_hand_are_taken(published, wheel):
    source = wheel.parent / ".index"
    assert install_pretrained(NAME, AT_ONCE, source=source).is_file()
    assert source.is_file()


def test_another_checkpoint_at_hand_is_refused(published, wheel, monkeypatch):
    other = dataclasses.replace(published, sha256="0" * 64)
    monkeypatch.setitem(PRETRAINED, NAME, other)
    with pytest.raises(DownloadError, match=r"msd-vgg\.index is not the file"):
        install_pretrained(NAME, AT_ONCE, source=wheel)


def test_uv_is_asked_where_there_is_no_pip(tmp_path, monkeypatch):
    monkeypatch.setattr(package_module.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(package_module.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.delenv("UV", raising=False)
    command = package_module._command(tmp_path / "list", tmp_path / "out")
    assert command[:3] == ["/bin/uv", "pip", "install"]
    assert {"--no-deps", "--require-hashes", "--target"} <= set(command)
    at_hand = {"pip3": "/bin/pip3"}
    monkeypatch.setattr(package_module.shutil, "which", at_hand.get)
    command = package_module._command(tmp_path / "list", tmp_path / "out")
    assert command[:2] == ["/bin/pip3", "download"]
    monkeypatch.setattr(package_module.shutil, "which", lambda _: None)
    with pytest.raises(DownloadError, match="neither pip nor uv"):
        package_module._command(tmp_path / "list", tmp_path / "out")
    # As `uvx` says to what it runs.
    monkeypatch.setenv("UV", "/opt/uv")
    assert package_module._command(tmp_path, tmp_path)[0] == "/opt/uv"


def test_what_uv_leaves_is_read(published, wheel, tmp_path):
    # It unpacks the wheel.
    shutil.unpack_archive(wheel, tmp_path / "fetched", "zip")
    index, data = package_module._find_pair(
        tmp_path / "fetched", published.package.folder
    )
    assert (sha256(index), sha256(data)) == (published.sha256, published.beside.sha256)


def test_an_installer_that_hangs_is_stopped(published, monkeypatch):
    hang = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(package_module, "_command", lambda *_: hang)
    monkeypatch.setattr(package_module, "_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(DownloadError, match=r"fetched in 0\.0 minutes"):
        package_module.fetch_pair(published.package)


def test_registry_and_package_need_no_keras():
    code = (
        "import sys; import resemul.weights.pretrained, resemul.weights.package, "
        "resemul.weights.importing; sys.exit('keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
