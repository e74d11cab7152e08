import subprocess
import sys


def test_drawing_needs_neither_tensorflow_nor_keras():
    code = (
        "import sys, resemul.excitations, resemul.excitations.plots\n"
        "sys.exit(bool({'tensorflow', 'keras', 'torch', 'jax'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
