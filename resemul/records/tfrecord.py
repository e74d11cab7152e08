"""TFRecord files, written without TensorFlow."""

import struct
from typing import BinaryIO

import google_crc32c

# Checksums are rotated and moved by this, so that one of data that holds checksums
# is a good one, too (tensorflow/core/lib/hash/crc32c.h).
_MASK = 0xA282EAD8


class TFRecordWriter:
    """Writes records one after the other.

    A record is: its length (8 bytes), their checksum (4), its bytes, their checksum (4)
    (https://www.tensorflow.org/tutorials/load_data/tfrecord).
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, record: bytes) -> None:
        """Writes one record."""
        length = struct.pack("<Q", len(record))
        self._file.write(length + _checksum(length))
        self._file.write(record)
        self._file.write(_checksum(record))


def _checksum(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    rotated = (crc >> 15 | crc << 17) + _MASK
    return struct.pack("<I", rotated & 0xFFFFFFFF)
