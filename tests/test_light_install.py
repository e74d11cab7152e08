"""What a stranger does: a fresh environment, `pip install .`, a song."""

import json
import os
import subprocess
import venv
from pathlib import Path

import numpy as np
import pytest

from resemul.audio.encode import encode_mp3

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.network]


def run(*command, cwd, **environment):
    """Runs a command as if this process had set nothing up."""
    without = {"PYTHONPATH", "VIRTUAL_ENV"}
    kept = {k: v for k, v in os.environ.items() if k not in without}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=kept | {k: str(v) for k, v in environment.items()},
        capture_output=True,
        text=True,
        check=False,
    )


def output_of(*command, **options):
    done = run(*command, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    """An environment with the package as a stranger installs it; its `bin`."""
    folder = tmp_path_factory.mktemp("light")
    venv.create(folder / "env", with_pip=True)
    binaries = folder / "env" / "bin"
    output_of(binaries / "pip", "install", "--quiet", ROOT, cwd=folder)
    return binaries


def test_a_song_is_tagged_without_tensorflow(light, tmp_path):
    sound = 0.3 * np.sin(np.arange(6 * 16_000) * 2 * np.pi * 440 / 16_000)
    song = encode_mp3(sound.astype("float32"), 16_000, 64_000)
    (tmp_path / "song.mp3").write_bytes(song)
    out = output_of(
        light / "resemul",
        *("tag", "song.mp3", "--format", "json"),
        cwd=tmp_path,
        RESEMUL_HOME=tmp_path / "home",
    )
    results = json.loads(out)["results"]
    assert [result["model"] for result in results] == ["msd-musicnn", "mtt-musicnn"]
    assert all(len(result["tags"]) == 50 for result in results)
    installed = output_of(
        light / "pip", "list", "--format", "freeze", cwd=tmp_path
    ).lower()
    assert "onnxruntime==" in installed
    for heavy in ("tensorflow", "keras", "torch", "scikit-learn", "onnx=="):
        assert heavy not in installed


def test_a_command_of_training_names_the_extra(light, tmp_path):
    done = run(light / "resemul", "train", "--data-dir", "nothing", cwd=tmp_path)
    assert done.returncode == 1
    assert "pip install 'resemul[train]'" in done.stderr
    assert "Traceback" not in done.stderr
