"""How long a command takes to begin: each run is a new process."""

import subprocess
import sys

from benchmarks.harness import Job, Variant
from benchmarks.material import FOLDER, mp3_files


def variants() -> list[Variant]:
    """From nothing to an answer."""
    tag = ["-m", "resemul", "tag", "--model", str(FOLDER / "model.keras")]
    return [
        Variant("resemul train -h", setup_command, (["-m", "resemul", "train", "-h"],)),
        Variant(
            "import tensorflow", setup_command, (["-c", "import tensorflow"],), True
        ),
        Variant("resemul tag, one clip of 29 s", setup_tag, (tag,)),
        Variant("import torch", setup_torch),
    ]


def setup_command(arguments: list[str]) -> Job:
    """Runs Python with these arguments."""

    def job() -> None:
        run = subprocess.run([sys.executable, *arguments], capture_output=True)
        assert run.returncode == 0, run.stderr.decode()[-500:]

    return job


def setup_tag(arguments: list[str]) -> Job:
    """Tags a clip with an untrained model of full size."""
    save = f"""
from pathlib import Path
from resemul.checkpoints.card import ModelCard
from resemul.checkpoints.model_file import save_model
from resemul.models import build_model
card = ModelCard("sample_cnn", {{}}, [str(i) for i in range(50)], 22_050, 59_049)
save_model(build_model("sample_cnn", 50), card, Path({str(FOLDER)!r}) / "model.keras")
"""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not (FOLDER / "model.json").exists():
        setup_command(["-c", save])()
    [clip] = mp3_files(1)
    return setup_command([*arguments, str(clip)])


def setup_torch() -> Job:
    """For comparison: PyTorch alone, without any model."""
    import importlib.util

    if importlib.util.find_spec("torch") is None:
        raise ImportError("no torch", name="torch")
    return setup_command(["-c", "import torch"])
