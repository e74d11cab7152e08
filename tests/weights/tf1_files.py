"""Checkpoints of TensorFlow 1 written from the description of their format."""

import struct
from pathlib import Path

import keras
import numpy as np

MAGIC = 0xDB4775248B80FB57
FLOAT32 = 1
# Of the two networks, the authors' name of each layer by ours.
MUSICNN = {
    "spec_bn": "batch_normalization",
    "timbre1_conv": "conv2d",
    "timbre1_bn": "batch_normalization_1",
    "timbre2_conv": "conv2d_1",
    "timbre2_bn": "batch_normalization_2",
    "tempo1_conv": "conv2d_2",
    "tempo1_bn": "batch_normalization_3",
    "tempo2_conv": "conv2d_3",
    "tempo2_bn": "batch_normalization_4",
    "tempo3_conv": "conv2d_4",
    "tempo3_bn": "batch_normalization_5",
    "mid1_conv": "conv2d_5",
    "mid1_bn": "batch_normalization_6",
    "mid2_conv": "conv2d_6",
    "mid2_bn": "batch_normalization_7",
    "mid3_conv": "conv2d_7",
    "mid3_bn": "batch_normalization_8",
    "pool_bn": "batch_normalization_9",
    "dense": "dense",
    "dense_bn": "batch_normalization_10",
    "tags": "dense_1",
}
VGG = {
    "spec_bn": "batch_normalization",
    **{f"conv{i}_conv": f"{i}CNN" for i in range(1, 6)},
    **{f"conv{i}_bn": f"batch_normalization_{i}" for i in range(1, 6)},
    "tags": "dense",
}


def slow_crc32c(content):
    """Bit by bit, as the polynomial is defined."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(content, crc=slow_crc32c):
    value = crc(content)
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number, value):
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def entry(shape, offset, size, crc, dtype=FLOAT32, extra=b""):
    """The protocol buffer that says where a tensor lies."""
    sizes = b"".join(field(2, field(1, n)) for n in shape)
    message = field(1, dtype) + field(2, sizes) + field(5, size) + extra
    if offset:
        message += field(4, offset)
    return message + varint(6 << 3 | 5) + struct.pack("<I", crc)


def block(items):
    """A block of a table, its keys cut by what they share with the one before."""
    body, last = b"", b""
    for key, value in items:
        shared = 0
        while shared < min(len(key), len(last)) and key[shared] == last[shared]:
            shared += 1
        body += varint(shared) + varint(len(key) - shared) + varint(len(value))
        body += key[shared:] + value
        last = key
    return body + struct.pack("<II", 0, 1)


def table(items, items_per_block=5, kind=0):
    """A LevelDB table of `(key, value)` pairs."""
    out, index = b"", []

    def add(content):
        nonlocal out
        handle = varint(len(out)) + varint(len(content))
        checked = content + bytes([kind])
        out += checked + struct.pack("<I", masked(checked))
        return handle

    for start in range(0, len(items), items_per_block):
        part = items[start : start + items_per_block]
        index.append((part[-1][0], add(block(part))))
    properties, last = add(block([])), add(block(index))
    footer = (properties + last).ljust(40, b"\0")
    return out + footer + struct.pack("<Q", MAGIC)


HEADER = (b"", field(1, 1))


def bundle(arrays, crc=slow_crc32c):
    """The bytes of index and data of a checkpoint."""
    data, items = b"", []
    for name, array in sorted(arrays.items()):
        content = np.asarray(array, "<f4").tobytes()
        place = entry(np.shape(array), len(data), len(content), masked(content, crc))
        items.append((name.encode(), place))
        data += content
    return table([HEADER, *items]), data


def original_arrays(model: keras.Model) -> dict[str, np.ndarray]:
    """The weights of a network of musicnn, named and shaped by the authors' code."""
    names = MUSICNN if model.name == "musicnn" else VGG
    arrays = {"beta1_power": np.float32(0.9)}
    for layer in model.layers:
        for variable in layer.weights:
            value = np.asarray(variable)
            if layer.name.startswith("mid") and variable.name == "kernel":
                value = value[:, :, None]
            arrays[f"{names[layer.name]}/{variable.name}"] = value
            arrays[f"{names[layer.name]}/{variable.name}/Adam"] = value[:1]
    return arrays


def write_checkpoint(model: keras.Model, folder: Path) -> Path:
    """Writes the two files of a model, hidden as the authors' are."""
    from resemul.weights.crc32c import crc32c

    folder.mkdir(parents=True, exist_ok=True)
    index, data = bundle(original_arrays(model), crc32c)
    (folder / ".data-00000-of-00001").write_bytes(data)
    (folder / ".index").write_bytes(index)
    return folder / ".index"
