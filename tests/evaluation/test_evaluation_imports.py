import subprocess
import sys


def test_comparing_needs_neither_tensorflow_nor_keras():
    code = (
        "import sys, resemul.evaluation.compare\n"
        "sys.exit(bool({'tensorflow', 'keras', 'torch', 'jax'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
