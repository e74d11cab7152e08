"""What is installed, and what comes along."""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import resemul
from resemul import cli

ROOT = Path(__file__).parents[1]


def requirement_lines(extra=""):
    """What an installation brings, as setup.py says."""
    code = (
        "import setuptools, json\n"
        "found = {}\n"
        "setuptools.setup = lambda **k: found.update(k)\n"
        "exec(compile(open('setup.py').read(), 'setup.py', 'exec'),"
        " {'__file__': 'setup.py', '__name__': '__main__'})\n"
        "print(json.dumps([found['install_requires'], found['extras_require']]))\n"
    )
    out = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    light, extras = json.loads(out)
    return extras[extra] if extra else light


def requirements(extra=""):
    """Names that an installation brings."""
    return {line.split(">=")[0] for line in requirement_lines(extra)}


def test_light_installation_has_no_library_of_training():
    assert not requirements() & {
        "tensorflow",
        "keras",
        "scikit-learn",
        "tensorboard",
    }
    assert {"av", "numpy", "onnxruntime"} <= requirements()
    assert requirements("train") > requirements()


def test_source_distribution_holds_what_its_installation_reads(tmp_path):
    subprocess.run(
        [
            sys.executable,
            *(
                "-c",
                "import setuptools.build_meta as b, sys; b.build_sdist(sys.argv[1])",
            ),
            str(tmp_path),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [archive] = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert {"requirements.txt", "LICENSE", "README.md", "setup.py"} <= names


def test_one_version_is_said_everywhere():
    said = f"version: {resemul.__version__}\n"
    assert said in (ROOT / "CITATION.cff").read_text("utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert changes.startswith(f"# Changes\n\n## {resemul.__version__}\n")


def test_there_are_no_upper_bounds():
    for extra in ("", "train", "server", "test"):
        assert not [line for line in requirement_lines(extra) if "<" in line]


def test_a_command_without_its_libraries_names_the_extra(monkeypatch, capsys):
    def main(args):
        raise ModuleNotFoundError("No module named 'keras'", name="keras")

    monkeypatch.setattr("resemul.cli.models.main", main)
    assert cli.run(["models"]) == 1
    assert "needs keras, which is not installed; pip install 'resemul[train]'" in (
        capsys.readouterr().err
    )


def test_a_missing_module_of_ours_is_a_bug(monkeypatch):
    def main(args):
        raise ModuleNotFoundError("No module named 'resemul.x'", name="resemul.x")

    monkeypatch.setattr("resemul.cli.models.main", main)
    with pytest.raises(ModuleNotFoundError):
        cli.run(["models"])
