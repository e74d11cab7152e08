"""Files of models load after 'import resemul', which imports nothing heavy."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# What is imported before a model is loaded, in which order.
ORDERS = {
    "resemul first": "import resemul, keras",
    "keras first": "import keras, resemul",
    "only looked for": """
import resemul, importlib.util
assert importlib.util.find_spec("keras")
import keras
""",
    "part of resemul": "import resemul.checkpoints, keras",
    "through tensorflow": """
import resemul, tensorflow
tensorflow.keras.layers
import keras
""",
}


@pytest.fixture(scope="module")
def model_path(tmp_path_factory) -> Path:
    from resemul.models import build_model

    path = tmp_path_factory.mktemp("model") / "model.keras"
    options = {"channels": 1, "dense_units": 2, "back_end_channels": 2}
    build_model("pons_log_mel", 3, num_samples=8000, **options).save(path)
    return path


def run(code: str, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, check=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
def test_model_loads_whatever_is_imported_first(model_path, order):
    run(
        f"{ORDERS[order]}\n"
        "import sys\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "assert model.output_shape == (None, 3)\n"
        "names = [type(finder).__name__ for finder in sys.meta_path]\n"
        "assert '_KerasFinder' not in names",
        str(model_path),
    )


def test_import_of_the_package_is_light():
    run(
        "import sys, resemul\n"
        "heavy = {'keras', 'numpy', 'tensorflow', 'torch', 'jax'}\n"
        "assert not heavy & set(sys.modules)"
    )
