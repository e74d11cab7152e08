"""What importing TensorFlow for a command brings along, each time in a new process."""

import subprocess
import sys

import pytest

CODE = """
import sys
from resemul.runtime.tensorflow import import_tensorflow
import_tensorflow(spare_extras={})
extras = ("sklearn", "matplotlib", "jax")
print(*(name for name in extras if name in sys.modules))
import keras, matplotlib, sklearn
assert keras.backend.backend() == "tensorflow"
assert None not in (matplotlib, sklearn)
"""


def imported(spare_extras):
    run = subprocess.run(
        [sys.executable, "-c", CODE.format(spare_extras)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr == ""
    return run.stdout.split()


def test_extras_are_spared_and_can_be_imported_afterwards():
    assert imported(True) == []


def test_without_being_asked_nothing_is_spared():
    assert "sklearn" in imported(False)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_chosen_backend_finds_its_library(backend, monkeypatch):
    if backend == "jax":
        pytest.importorskip("jax")
    monkeypatch.setenv("KERAS_BACKEND", backend)
    code = CODE.replace('"tensorflow"\n', f"{backend!r}\n").format(True)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_backend_chosen_in_the_settings_finds_its_library(tmp_path, monkeypatch):
    pytest.importorskip("jax")
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    code = CODE.replace('"tensorflow"\n', "'jax'\n").format(True)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
