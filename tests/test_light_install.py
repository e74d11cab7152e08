"""What a stranger does: a fresh environment, an installation, a song.

The distributions are made as for a release, and each goes into an environment of its
own: the wheel by pip, the source distribution by uv.
"""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest
from uv import find_uv_bin

from resemul import __version__
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
def distributions(tmp_path_factory):
    """The source distribution, and the wheel that is made of it."""
    folder = tmp_path_factory.mktemp("dist")
    # Without isolation: the backend is here, and nothing has to be fetched for it.
    output_of(
        *(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT),
        cwd=folder,
    )
    [source], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return source, wheel


@pytest.fixture(scope="module")
def light(distributions, tmp_path_factory):
    """An environment with the wheel in it; its `bin`."""
    folder = tmp_path_factory.mktemp("light")
    venv.create(folder / "env", with_pip=True)
    binaries = folder / "env" / "bin"
    output_of(binaries / "pip", "install", "--quiet", distributions[1], cwd=folder)
    return binaries


@pytest.fixture
def song(tmp_path):
    """`song.mp3` in the current folder of the commands."""
    sound = 0.3 * np.sin(np.arange(6 * 16_000) * 2 * np.pi * 440 / 16_000)
    path = tmp_path / "song.mp3"
    path.write_bytes(encode_mp3(sound.astype("float32"), 16_000, 64_000))
    return path


def test_distributions_are_fit_for_an_index(distributions, tmp_path):
    checked = output_of(
        *(sys.executable, "-m", "twine", "check", "--strict", *distributions),
        cwd=tmp_path,
    )
    assert checked.count("PASSED") == 2


def test_a_song_is_tagged_without_tensorflow(light, song, tmp_path):
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


def test_a_song_is_tagged_from_the_source_distribution(distributions, song, tmp_path):
    python = tmp_path / "env" / "bin" / "python"
    uv = (sys.executable, "-m", "uv", "--quiet")
    output_of(*uv, "venv", "--python", sys.executable, "env", cwd=tmp_path)
    output_of(
        *(*uv, "pip", "install", "--python", python, distributions[0]), cwd=tmp_path
    )
    command = python.with_name("resemul")
    assert output_of(command, "--version", cwd=tmp_path) == f"{__version__}\n"
    # The weights come by uv, as there is no pip; uvx names itself in this way.
    out = output_of(
        *(command, "tag", "song.mp3", "--model", "mtt-musicnn", "--format", "json"),
        cwd=tmp_path,
        RESEMUL_HOME=tmp_path / "home",
        UV=find_uv_bin(),
    )
    assert json.loads(out)["results"][0]["status"] == "tagged"


def test_a_command_of_training_names_the_extra(light, tmp_path):
    done = run(light / "resemul", "train", "--data-dir", "nothing", cwd=tmp_path)
    assert done.returncode == 1
    assert "pip install 'resemul[train]'" in done.stderr
    assert "Traceback" not in done.stderr
