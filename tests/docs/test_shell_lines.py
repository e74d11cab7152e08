"""The shell lines of the first pages, run as they stand.

On synthetic sounds, the tiny data set, and a small model; what cannot be run here, and
what is made smaller, is listed.
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/index.md", "docs/tagging.md", "docs/write-tags.md")
pytestmark = [pytest.mark.slow, pytest.mark.network]

# Left out: other tests install, the data set has 3 GB and is here already, and these
# commands of make are what runs this test, or take minutes.
LEFT_OUT = (
    *("pip install", "uvx", "pipx", "make demo", "make test"),
    "resemul download mtt",
)
# More words for a command: a small model and a single epoch.
SMALLER = {
    "resemul train": "--init-features 4 --alpha 1 --batch-size 4 --epochs 1 "
    "--epochs-per-stage 1 --num-lr-decays 1",
    "resemul build": "--clip-seconds 6",
    "resemul file-tags apply": "--yes",
    "resemul file-tags undo": "--yes",
}
PORT = 8000


def blocks():
    """Page, number and text of every block of shell."""
    for page in PAGES:
        text = (ROOT / page).read_text("utf-8")
        for number, block in enumerate(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)):
            yield pytest.param(block, id=f"{page}-{number}")


def lines_of(block):
    """What one would type, line by line, without what is left out."""
    for line in block.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith(("#", *LEFT_OUT)):
            more = [words for name, words in SMALLER.items() if line.startswith(name)]
            command, _, _ = line.partition("  #")
            yield " ".join([command.strip(), *more])


@pytest.fixture(scope="module")
def folder(tmp_path_factory, _tiny_dataset_master):
    """Where one types: with a song, a folder of them, and a data set."""
    from resemul.audio.encode import encode_mp3

    folder = tmp_path_factory.mktemp("typed")
    shutil.copytree(_tiny_dataset_master, folder / "dataset")
    time_of_sample = np.arange(7 * 16_000) / 16_000
    sound = np.sin(2 * np.pi * 220 * time_of_sample) * np.exp(-2 * (time_of_sample % 1))
    (folder / "Music").mkdir()
    mp3 = encode_mp3((0.3 * sound).astype("float32"), 16_000, 64_000)
    # What a file is, is told by its content.
    for name in ("song.mp3", "Music/one.mp3", "Music/two.flac"):
        (folder / name).write_bytes(mp3)
    (folder / "home" / "Music").mkdir(parents=True)
    shutil.copy(folder / "song.mp3", folder / "home" / "Music")
    (folder / "bin").mkdir()
    resemul = folder / "bin" / "resemul"
    resemul.write_text(f'#!/bin/sh\nexec {sys.executable} -m resemul "$@"\n')
    resemul.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def surroundings(folder):
    """Variables of the environment: a home of its own, the models of this machine."""
    from resemul.errors import DownloadError
    from resemul.prediction.runtime import open_runtime
    from resemul.weights.cache import cache_folder

    try:
        for name in ("mtt-musicnn", "msd-musicnn"):
            open_runtime(name)
    except DownloadError as error:
        pytest.skip(str(error))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return os.environ | {
        "HOME": str(folder / "home"),
        "XDG_DATA_HOME": str(folder / "home" / "data"),
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "RESEMUL_HOME": str(cache_folder()),
        "RESEMUL_PORT": str(port),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


@contextmanager
def serving(command, folder, surroundings):
    """The service, ready, for the lines after the one that starts it."""
    with subprocess.Popen(
        shlex.split(command), cwd=folder, env=surroundings
    ) as process:
        address = f"http://127.0.0.1:{surroundings['RESEMUL_PORT']}/health/ready"
        try:
            for _ in range(600):
                assert process.poll() is None
                try:
                    urllib.request.urlopen(address, timeout=5).close()
                    break
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.1)
            yield
        finally:
            process.terminate()


@pytest.mark.parametrize("block", list(blocks()))
def test_lines_of_a_block_can_be_pasted(block, folder, surroundings):
    lines = list(lines_of(block))
    if lines and lines[0].startswith("resemul serve"):
        with serving(lines.pop(0), folder, surroundings):
            run_all(lines, folder, surroundings)
    else:
        run_all(lines, folder, surroundings)


def run_all(lines, folder, surroundings):
    for line in lines:
        here = line.replace(f":{PORT}", f":{surroundings['RESEMUL_PORT']}")
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", here],
            cwd=folder,
            env=surroundings,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if line.startswith("curl"):
            assert '"resemul.tag/1"' in done.stdout, done.stdout
