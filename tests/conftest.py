"""A data set small enough to go through every step in a test.

Heavy libraries are imported inside the fixtures: a test of a parser must not wait
for TensorFlow.
"""

import logging
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

# Each clip is a low or a high tone, quiet or loud.
TINY_TAGS = ("low", "high", "loud")
TINY_SAMPLE_RATE = 16_000
_HZ = {"low": 300, "high": 2_000}

# Clips per folder: 18 for training, 3 for validation, 7 for the test.
_FOLDERS = "000112233445566778" + "ccc" + "dddeeff"
# Clips of 6 s have two segments, all others have one.
_LONG_CLIPS = (4, 22, 25)


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """Commands set up logging; what one test sets up must not reach the next."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture(autouse=True)
def same_random_numbers_in_every_run():
    """Weights and orders that a test does not seed itself are the same each time."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture
def tiny_dataset(tmp_path, _tiny_dataset_master) -> Path:
    """A data folder of its own: `annotations_final.csv` and 28 mp3 files.

    Three tags that can be heard and learned: "low", "high", "loud". mp3s of 16 kHz,
    mono, as in MTT. One training clip has no tag; without it there are 17 / 3 / 7
    clips with 18 / 3 / 9 segments of the published length.
    """
    return shutil.copytree(_tiny_dataset_master, tmp_path / "dataset")


@pytest.fixture
def tiny_records(tmp_path, _tiny_records_master) -> Path:
    """`tiny_dataset` with its records built: 5 / 1 / 2 shards under `tfrecord/`.

    Their manifest says that clips are 6 s long, so most of them count as short.
    """
    return shutil.copytree(_tiny_records_master, tmp_path / "dataset")


@pytest.fixture(scope="session")
def tiny_model_options() -> dict[str, object]:
    """Options that make `sample_cnn` small: 4,700 parameters, milliseconds a batch."""
    return {"block": "se", "init_features": 4, "alpha": 1, "dropout": 0.0}


@pytest.fixture(scope="session")
def _tiny_dataset_master(tmp_path_factory) -> Path:
    from resemul.audio.encode import encode_mp3

    data_dir = tmp_path_factory.mktemp("tiny") / "dataset"
    lines = ["\t".join(f'"{name}"' for name in ("clip_id", *TINY_TAGS, "mp3_path"))]
    for number, folder in enumerate(_FOLDERS):
        tags = _tiny_tags(number)
        path = data_dir / "mp3" / folder / f"tone-{number:02d}-0-29.mp3"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_mp3(_tiny_sound(number), TINY_SAMPLE_RATE, 32_000))
        labels = (str(int(tag in tags)) for tag in TINY_TAGS)
        row = (str(100 + number), *labels, f"{folder}/{path.name}")
        lines.append("\t".join(f'"{value}"' for value in row))
    table = "\r\n".join(lines) + "\r\n"
    (data_dir / "annotations_final.csv").write_bytes(table.encode())
    return data_dir


@pytest.fixture(scope="session")
def _tiny_records_master(tmp_path_factory, _tiny_dataset_master) -> Path:
    from resemul.configs import BuildConfig, DatasetConfig
    from resemul.datasets import load_annotations
    from resemul.records import RECORDS_FOLDER, write_shards

    data_dir = tmp_path_factory.mktemp("tiny_records") / "dataset"
    shutil.copytree(_tiny_dataset_master, data_dir)
    write_shards(
        load_annotations(DatasetConfig(data_dir=data_dir)),
        data_dir / RECORDS_FOLDER,
        BuildConfig(num_audios_per_shard=3, clip_seconds=6.0),
    )
    return data_dir


def _tiny_tags(number: int) -> set[str]:
    if number == _FOLDERS.rindex("8"):
        return set()
    tags = {"low" if number % 2 else "high"}
    return tags | {"loud"} if number % 4 < 2 else tags


def _tiny_sound(number: int) -> np.ndarray:
    """A tone with a little noise: float32 `(n,)`, at `TINY_SAMPLE_RATE` Hz."""
    rng = np.random.default_rng(number)
    seconds = 6 if number in _LONG_CLIPS else 3
    time = np.arange(seconds * TINY_SAMPLE_RATE) / TINY_SAMPLE_RATE
    tags = _tiny_tags(number)
    hz = sum(_HZ[tag] for tag in sorted(tags & _HZ.keys()))
    tone = np.sin(2 * np.pi * hz * rng.uniform(0.9, 1.1) * time)
    volume = 0.6 if "loud" in tags else 0.1
    sound = volume * tone + rng.normal(0, 0.01, len(time))
    return sound.astype("float32")
