"""TFRecord files, against TensorFlow's own."""

import subprocess
import sys

import numpy as np
import tensorflow as tf

from resemul.records.tfrecord import TFRecordWriter


def test_files_have_the_bytes_of_tensorflows(tmp_path):
    random = np.random.default_rng(0)
    records = [random.bytes(size) for size in (0, 1, 7, 8, 4_096, 100_001)]
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in records:
            writer.write(record)
    with (tmp_path / "ours").open("wb") as file:
        writer = TFRecordWriter(file)
        for record in records:
            writer.write(record)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_who_writes_shards_does_without_tensorflow():
    code = (
        "import sys, resemul.records.shards, resemul.records.write;"
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
