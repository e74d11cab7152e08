"""CRC-32C, the checksum of LevelDB tables, with NumPy."""

import math

import numpy as np

# Castagnoli's polynomial, the lowest power in the highest bit.
_POLYNOMIAL = np.uint32(0x82F63B78)
_BITS = np.arange(32, dtype="u4")


def crc32c(content: bytes) -> int:
    """The CRC-32C of some bytes.

    A checksum is linear in its bytes. So they are laid out as rows of one length, with
    zeros in front, which change nothing; the registers of all rows are computed side
    by side, and then joined two by two.
    """
    num_rows = 1 << (math.isqrt(len(content)) | 1).bit_length() - 1
    row_bytes = -(-len(content) // num_rows)
    padded = bytes(num_rows * row_bytes - len(content)) + content
    rows = np.frombuffer(padded, "u1").reshape(num_rows, row_bytes)
    table = _byte_table()
    registers = np.zeros(num_rows, "u4")
    for column in rows.T:
        registers = table[(registers ^ column) & 0xFF] ^ (registers >> 8)
    shift = _zeros_operator(table, row_bytes)
    while len(registers) > 1:
        registers = _apply(shift, registers[0::2]) ^ registers[1::2]
        shift = _apply(shift, shift)
    # The register begins with ones, which all bytes shift on, and is inverted at last.
    ones = np.array([0xFFFFFFFF], "u4")
    start = _apply(_zeros_operator(table, len(content)), ones)
    return int(registers[0] ^ start[0] ^ ones[0])


def _byte_table() -> np.ndarray:
    """What a byte makes of an empty register: uint32 `(256,)`."""
    registers = np.arange(256, dtype="u4")
    for _ in range(8):
        registers = (registers >> 1) ^ (registers & 1) * _POLYNOMIAL
    return registers


def _zeros_operator(table: np.ndarray, num_bytes: int) -> np.ndarray:
    """What `num_bytes` zeros make of each bit of a register: uint32 `(32,)`."""
    bits = np.uint32(1) << _BITS
    result, step = bits, table[bits & 0xFF] ^ (bits >> 8)
    while num_bytes:
        if num_bytes & 1:
            result = _apply(step, result)
        step = _apply(step, step)
        num_bytes >>= 1
    return result


def _apply(operator: np.ndarray, registers: np.ndarray) -> np.ndarray:
    bits = registers[:, None] >> _BITS & 1
    return np.bitwise_xor.reduce(bits * operator, axis=1)
